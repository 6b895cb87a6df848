"""From the bytes of image files to pixels: the one decoder that all stages share."""

from stages.decoding.decode import MAX_PIXELS, UnreadableImageError, decode_image, is_image_name, readable_formats

__all__ = ["MAX_PIXELS", "UnreadableImageError", "decode_image", "is_image_name", "readable_formats"]
