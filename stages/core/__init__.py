"""Parts that know nothing of images: files that appear whole, errors, checks, seeds, locks, memory."""
