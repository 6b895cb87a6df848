"""Which files are images: by their names, and by their first bytes where a name does not say."""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import PurePosixPath

from PIL import Image

# In the order in which they are tried, so that what a file is taken for does not depend on the plugins that
# happen to be loaded. Left out is what Pillow hands to another program (EPS runs Ghostscript) or to an operating
# system (WMF), what it recognises without reading pixels (HDF5, GRIB, BUFR, MPEG), and FITS, whose compressed
# pixels it unpacks one by one, for hours if a file is made so.
_FORMATS = (
    *("PNG", "JPEG", "MPO", "WEBP", "GIF", "TIFF", "BMP", "DIB", "PPM", "JPEG2000", "AVIF", "HEIF", "ICO", "ICNS"),
    *("QOI", "PSD", "DDS", "PCX", "SGI", "SUN", "MSP", "XPM", "XBM", "TGA"),
)
# Files that people take for pictures count as images, decoded or not: they are reported, and not left out unseen.
_PICTURES = frozenset(
    (
        *(".heic", ".heif", ".hif", ".jxl", ".svg", ".svgz", ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dng"),
        *(".erf", ".iiq", ".kdc", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl"),
        *(".sr2", ".srf", ".srw", ".x3f"),
    )
)
# Folders, in lower case, in which systems and programs keep copies, thumbnails and deleted files.
SYSTEM_FOLDERS = frozenset(
    (
        *("@eadir", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "$recycle.bin", "recycler"),
        *("__macosx", "lost+found", "system volume information"),
    )
)
# No extension but a part of the name, as in "IMG 2024.05.01": an extension has a letter and nothing odd.
_EXTENSION = re.compile(r"\.[A-Za-z0-9_~-]*[A-Za-z][A-Za-z0-9_~-]*")
START = 32  # bytes of a file that show what it is
_HEIC = rb"....ftyp(?:hei[cmsx]|hev[cmsx]|mif1|msf1)"
_RAW = rb"....ftypcrx |FUJIFILMCCD|FOVb|\0MRM|II(?:RO|RS|U\0)|MMOR|II\*\0....CR"
# The formats whose first bytes nothing else begins with.
_IMAGE_START = re.compile(
    rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|II[*+]\0|MM\0[*+]|BM....\0\0\0\0|\0\0\0\x0c(?:jP  |JXL )"
    rb"|\xff\x4f\xff\x51|\xff\x0a|8BPS\0[\x01\x02]|qoif|DDS |....ftypavi[fs]|P[1-6]\s\d|" + _HEIC + rb"|" + _RAW,
    re.DOTALL,
)
# Anything else that is found under the names of images, and the way out.
_OTHER = (
    (rb"version https://git-lfs", "a git-lfs pointer instead of the picture; `git lfs pull` fetches it"),
    (rb"%PDF-", "a PDF document; export its pages as PNG"),
    (rb"\s*(?:<\?xml[^>]*>|<!--.*?-->|\s)*(?:<!DOCTYPE svg[^>]*>)?\s*<svg\b", "an SVG drawing; export it as PNG"),
    (rb"\s*(?:<!doctype html|<html|<head|<body)", "a web page instead of the picture; download it again"),
    (
        rb"....(?:ftyp|moov|mdat)|\x1aE\xdf\xa3|RIFF....AVI |\0\0\x01[\xb3\xba]|FLV\x01|0&\xb2u\x8ef",
        "a video; export its frames as pictures, for instance with `ffmpeg`",
    ),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "JPEG XL, which is not read; save it as PNG or JPEG"),
)


@cache
def readable_formats() -> tuple[str, ...]:
    """Pillow's names of the formats that may be decoded, in the order of trying."""
    Image.init()
    if find_spec("pillow_heif"):
        from pillow_heif import register_heif_opener

        register_heif_opener()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


@cache
def _extensions() -> frozenset[str]:
    known = Image.registered_extensions().items()
    return _PICTURES | {extension for extension, name in known if name in _FORMATS}


def is_image_name(path: str) -> bool:
    """Whether a path ends like an image's, and no part between "/" is hidden or of a system."""
    parts = path.split("/")
    if any(part.startswith(".") or part.lower() in SYSTEM_FOLDERS for part in parts):
        return False
    return PurePosixPath(parts[-1]).suffix.lower() in _extensions()


def extension(path: str) -> str:
    """The extension of a path in lower case, "" where its last name has none."""
    suffix = PurePosixPath(path).suffix
    return suffix.lower() if _EXTENSION.fullmatch(suffix) else ""


def begins_like_image(start: bytes) -> bool:
    """Whether the first `START` bytes of a file are those of a picture."""
    return bool(_IMAGE_START.match(start))


def is_raw(data: bytes) -> bool:
    """Whether a file is a RAW of a camera by its first bytes; of those that begin like a TIFF, tags say more."""
    return bool(re.match(_RAW, data, re.DOTALL))


def is_tiff(data: bytes) -> bool:
    """Whether a file begins like a TIFF, the large kind included."""
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def what_it_is(data: bytes) -> str:
    """Why a file that no decoder knows cannot be read: what it is by its first bytes, and the way out."""
    start = data[:1024].removeprefix(b"\xef\xbb\xbf")
    if re.match(_HEIC, start, re.DOTALL):
        return "HEIC, which the package pillow-heif reads; install it with `pip install pillow-heif`"
    for pattern, reason in _OTHER:
        if re.match(pattern, start, re.DOTALL | re.IGNORECASE):
            return reason
    return "not an image of a known format"
