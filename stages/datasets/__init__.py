"""Where images come from: folders, archives, arrays, packages and other libraries' loaders, one reader per file.

`open_dataset` gives the images of a dataset, each read only when it is wanted; `check_images` separates the
readable ones from the others.
"""

from stages.datasets.images import RawImage, Readable, Rejected, check_images
from stages.datasets.labels import class_order
from stages.datasets.source import SOURCE, open_dataset, read_about
from stages.decoding import UnreadableImageError

__all__ = [
    "SOURCE",
    "RawImage",
    "Readable",
    "Rejected",
    "UnreadableImageError",
    "check_images",
    "class_order",
    "open_dataset",
    "read_about",
]
