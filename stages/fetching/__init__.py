"""Published files: downloads that resume, checksums, and wheels and archives that are read in place."""
