"""Which files are images: the formats that Pillow is let try, and their file name extensions."""

from functools import cache
from pathlib import PurePosixPath

from PIL import Image

# In the order in which they are tried, so that what a file is taken for does not depend on the plugins that
# happen to be loaded. Left out is what Pillow hands to another program (EPS runs Ghostscript) or to an operating
# system (WMF), what it recognises without reading pixels (HDF5, GRIB, BUFR, MPEG), and FITS, whose compressed
# pixels it unpacks one by one, for hours if a file is made so.
_FORMATS = (
    *("PNG", "JPEG", "MPO", "WEBP", "GIF", "TIFF", "BMP", "DIB", "PPM", "JPEG2000", "AVIF", "ICO", "ICNS"),
    *("QOI", "PSD", "DDS", "PCX", "SGI", "SUN", "MSP", "XPM", "XBM", "TGA"),
)
# Photos that Pillow cannot decode: they count as images, so that they are reported instead of left out unseen.
_UNDECODABLE = frozenset({".heic", ".heif", ".jxl"})


@cache
def readable_formats() -> tuple[str, ...]:
    """Pillow's names of the formats that may be decoded, in the order of trying."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


@cache
def _extensions() -> frozenset[str]:
    known = Image.registered_extensions().items()
    return _UNDECODABLE | {extension for extension, name in known if name in _FORMATS}


def is_image_name(path: str) -> bool:
    """Whether a path with "/" between folders ends like an image's, and neither it nor a folder is hidden."""
    parts = path.split("/")
    return not any(part.startswith(".") for part in parts) and (
        PurePosixPath(parts[-1]).suffix.lower() in _extensions()
    )
