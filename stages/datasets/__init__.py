"""Where images come from: folders, archives, arrays, packages and other libraries' loaders, one reader per file.

`open_dataset` gives the images of a dataset, each read only when it is wanted; `check_images` separates the
readable ones from the others. `passed_over` lists the other files of a folder, and `counted` sums them up.
"""

from stages.datasets.folder import PassedOver, counted, passed_over
from stages.datasets.images import RawImage, Readable, Rejected, check_images
from stages.datasets.labels import class_order
from stages.datasets.local import SOURCE
from stages.datasets.source import files_passed_over, open_dataset, read_about
from stages.decoding import UnreadableImageError

__all__ = [
    "SOURCE",
    "PassedOver",
    "RawImage",
    "Readable",
    "Rejected",
    "UnreadableImageError",
    "check_images",
    "class_order",
    "counted",
    "files_passed_over",
    "open_dataset",
    "passed_over",
    "read_about",
]
