"""From the bytes of image files to pixels: the one decoder that all stages share."""

from stages.decoding.decode import decode_image, image_size
from stages.decoding.formats import (
    START,
    SYSTEM_FOLDERS,
    begins_like_image,
    extension,
    is_image_name,
    readable_formats,
)
from stages.decoding.limits import MAX_PIXELS, UnreadableImageError

__all__ = [
    "MAX_PIXELS",
    "START",
    "SYSTEM_FOLDERS",
    "UnreadableImageError",
    "begins_like_image",
    "decode_image",
    "extension",
    "image_size",
    "is_image_name",
    "readable_formats",
]
