"""Pictures of other samples than unsigned 8-bit ones, read without loss and brought to 8 bits.

Photometric interpretation, bits, sample format and byte order of the file decide. The type of the samples has a
range: 0 to 65535 for 16 bits, 0 to 4095 for 12. It becomes 0..255, rounded. Of signed samples, the range begins at
0 where none is negative. Floating-point values in 0..1 become 0..255, as do those in 0..255 and in 0..65535; any
others range from their least to their greatest.

Where the values that are seen fill less than a sixteenth of the range, they are stretched over all of it. Fewer
than 16 of 256 levels would be left of them, as of 12 bits from the camera of a microscope in a file of 16.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from stages.decoding.limits import UnreadableImageError

if TYPE_CHECKING:
    from tifffile import TiffPage

_BAND = 1 << 22  # samples that are scaled together
_LEAST_FILLED = 1 / 16
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2  # photometric interpretations
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3  # sample formats
_PREMULTIPLIED, _STRAIGHT = 1, 2  # kinds of an extra sample that is alpha


@dataclass(frozen=True)
class Samples:
    """Samples as stored: `values` (h, w, c), c the colours, 1 or 3, and alpha if there is one."""

    values: np.ndarray
    bits: int  # of the range of a whole number
    alpha: bool = False
    premultiplied: bool = False
    white_is_zero: bool = False


@contextmanager
def opened_tiff(data: bytes) -> Iterator["TiffPage"]:
    """Give the first page of a TIFF."""
    from tifffile import TiffFile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # it logs what it finds odd
    with TiffFile(BytesIO(data)) as file:
        yield file.pages.first


def check_picture(page: "TiffPage") -> None:
    """Raise `UnreadableImageError` unless a page has numbers for grey or RGB, with or without alpha."""
    extra = page.samplesperpixel - (3 if page.photometric == _RGB else 1)
    if not (
        page.photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB)
        and page.sampleformat in (_UNSIGNED, _SIGNED, _FLOAT)
        and page.dtype is not None
        and extra == len(page.extrasamples)
        and (extra < 2 or page.photometric == _RGB)
        and page.imagedepth == 1
    ):
        raise UnreadableImageError(
            f"a TIFF of {page.samplesperpixel} samples of {page.bitspersample} bits, photometric interpretation "
            f"{int(page.photometric or 0)}, which is not read; save it as grey or RGB"
        )


def read_tiff(page: "TiffPage") -> Samples:
    """Read the samples of a page."""
    values = page.asarray(maxworkers=1)
    if page.planarconfig == 2 and page.samplesperpixel > 1:
        values = np.moveaxis(values, 0, -1)
    values = values.reshape(page.imagelength, page.imagewidth, page.samplesperpixel)
    colours = 3 if page.photometric == _RGB else 1
    kind = int(page.extrasamples[0]) if page.extrasamples else 0
    alpha = kind in (_PREMULTIPLIED, _STRAIGHT)
    return Samples(
        values[..., : colours + alpha],
        int(page.bitspersample),
        alpha,
        kind == _PREMULTIPLIED,
        page.photometric == _WHITE_IS_ZERO,
    )


def read_png(data: bytes) -> Samples:
    """Read the samples of a PNG; a colour that is transparent becomes an alpha."""
    from imagecodecs import png_decode

    values = png_decode(data)
    values = values.reshape(*values.shape[:2], -1)
    return Samples(values, 8 * values.itemsize, values.shape[2] in (2, 4))


def to_image(samples: Samples) -> Image.Image:
    """Bring samples to 8 bits, as this module's text says, in the mode L, LA, RGB or RGBA.

    Of values that are not finite, NaN counts as the least and an infinity as the least or greatest of the others.
    """
    height, width, channels = samples.values.shape
    colours = channels - samples.alpha
    low, high = _extremes(samples, colours)
    black, white = _range(samples, low, high)
    opaque = _white(samples, float(samples.values[..., -1].max()))
    shown = np.empty((height, width, channels), np.uint8)
    for rows in _bands(samples.values.shape):
        band = shown[rows]
        band[..., :colours] = _scaled(samples.values[rows][..., :colours], low, high, black, white)
        if samples.white_is_zero:
            band[..., :colours] = 255 - band[..., :colours]
        if samples.alpha:
            band[..., colours] = _scaled(samples.values[rows][..., colours], 0, opaque, 0, opaque)
    if not samples.premultiplied:
        return Image.fromarray(shown[..., 0] if channels == 1 else shown)
    mode = "La" if colours == 1 else "RGBa"
    return Image.frombytes(mode, (width, height), shown.tobytes()).convert(mode.upper())


def _bands(shape: tuple[int, ...]) -> Iterator[slice]:
    step = max(1, _BAND // (shape[1] * shape[2]))
    return (slice(start, start + step) for start in range(0, shape[0], step))


def _extremes(samples: Samples, colours: int) -> tuple[float, float]:
    """The least and the greatest finite value of a colour in a pixel that is not wholly transparent; 0 of none."""
    low, high = np.inf, -np.inf
    for rows in _bands(samples.values.shape):
        band = samples.values[rows]
        seen = band[..., :colours][band[..., colours] != 0] if samples.alpha else band
        seen = seen[np.isfinite(seen)] if seen.dtype.kind == "f" else seen
        if seen.size:
            low, high = min(low, float(seen.min())), max(high, float(seen.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def _range(samples: Samples, low: float, high: float) -> tuple[float, float]:
    """The values that become 0 and 255, where `low` and `high` are the least and the greatest seen."""
    kind, black, white = samples.values.dtype.kind, 0.0, _white(samples, high)
    if kind == "f" and (low < 0 or high > 65535):
        return low, high
    if kind == "i" and low < 0:
        black = -white - 1
    unsigned_bytes = kind == "u" and samples.bits <= 8
    if 0 < high - low < (white - black) * _LEAST_FILLED and not unsigned_bytes:
        return low, high
    return black, white


def _white(samples: Samples, high: float) -> float:
    """The greatest value of the type, or, in floating point, of the range that `high` is in."""
    if samples.values.dtype.kind == "f":
        return next((white for white in (1.0, 255.0) if high <= white), 65535.0)
    return 2.0 ** (samples.bits - (samples.values.dtype.kind == "i")) - 1


def _scaled(values: np.ndarray, low: float, high: float, black: float, white: float) -> np.ndarray:
    """Scale `black`..`white` to 0..255, rounded."""
    with np.errstate(invalid="ignore"):  # a NaN that signals
        scaled = values.astype(np.float64)
    if values.dtype.kind == "f":
        scaled = np.nan_to_num(scaled, copy=False, nan=low, posinf=high, neginf=low)
    scaled -= black
    scaled *= 255 / (white - black) if white > black else 0.0
    return np.rint(scaled.clip(0, 255, out=scaled), out=scaled).astype(np.uint8)
