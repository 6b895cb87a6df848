"""From the bytes of an image file to the pixels that a viewer would show."""

import io
import re
import warnings

from PIL import ExifTags, Image, UnidentifiedImageError

from stages.core.errors import DatasetError, printable
from stages.decoding.formats import readable_formats

MAX_PIXELS = 89_478_485  # Pillow's own limit: a quarter of a GiB as RGB. A file of a few kB can claim far more
_TURNS = {  # from the EXIF orientation to what puts the image upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PILLOW_WARNINGS = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


class UnreadableImageError(DatasetError, ValueError):
    """A file is not an image that can be decoded. The message is a short reason on one line."""


def decode_image(data: bytes) -> Image.Image:
    """Decode an image file to 8-bit RGB as a viewer would show it.

    Upright by its EXIF orientation; transparency composited on white; the first frame of an animation; 16-bit
    greys scaled by 1/257, so that 65535 becomes 255; floating-point greys as `_eight_bit` says. Colour profiles
    are not applied. The result carries no metadata of the file, and depends on `data` alone.

    Raises `UnreadableImageError` for anything else than a whole, undamaged image of at most `MAX_PIXELS`.
    """
    _silence_pillow()
    if not data:
        raise UnreadableImageError("the file is empty")
    try:
        with Image.open(io.BytesIO(data), formats=readable_formats()) as image:
            _check_size(image)
            image.load()
            _check_size(image)  # an icon knows the size of its largest picture only now
            decoded = _to_rgb(image)
            turn = _TURNS.get(_orientation(image))
    except UnreadableImageError:
        raise
    except UnidentifiedImageError:
        raise UnreadableImageError("not an image of a known format") from None
    except Image.DecompressionBombError:
        raise UnreadableImageError(f"more than {MAX_PIXELS} pixels") from None
    except MemoryError:
        raise UnreadableImageError("decoding it takes too much memory") from None
    except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them to
        raise UnreadableImageError(_damage(error)) from None
    if turn is not None:
        decoded = decoded.transpose(turn)
    decoded.info.clear()  # so that nobody turns it a second time
    return decoded


def _silence_pillow() -> None:
    """Keep Pillow's warnings about odd metadata off the screen, and from becoming errors under `-W error`.

    `warnings.catch_warnings` is not safe when several threads decode, so the filter stays.
    """
    if _PILLOW_WARNINGS not in warnings.filters:
        warnings.filterwarnings("ignore", module=r"PIL\.")


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadableImageError(f"more than {MAX_PIXELS} pixels")
    if not image.width * image.height:
        raise UnreadableImageError("it has no pixels")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # the pixels are sound; damaged metadata says nothing about them
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _eight_bit(image).convert("RGB")
    if image.has_transparency_data:
        shown = Image.new("RGBA", image.size, "white")
        shown.alpha_composite(image.convert("RGBA"))
        return shown.convert("RGB")
    return image.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Bring a grey image of more than 8 bits to 8.

    Values of 16 bits, and wider integers in their range, are scaled by 1/257. Floating-point values in 0..1 are
    scaled by 255, in 0..255 kept, in 0..65535 scaled by 1/257. Any other range is stretched to 0..255. Of values
    that are not finite, NaN counts as the least and an infinity as the least or the greatest of the finite ones.
    """
    import numpy as np  # here, as only these rare images need it

    stored = np.asarray(image)
    values = stored.astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    floating = image.mode == "F"
    if low < 0 or high > 65535:
        values = (values - low) * (255 / (high - low) if high > low else 0.0)
    elif floating and high <= 1:
        values = values * 255
    elif not floating or high > 255:
        values = values / 257
    grey = np.rint(values).astype(np.uint8)
    if isinstance(clear := image.info.get("transparency"), int):  # PNG: the one grey that is transparent
        grey[stored == clear] = 255
    return Image.fromarray(grey)


def _damage(error: Exception) -> str:
    text = " ".join(str(error).split())
    reason = printable(re.sub(r"<[^<>]*\bat 0x[0-9a-fA-F]+>|0x[0-9a-fA-F]{6,}", "it", text))
    if not isinstance(error, OSError) or not reason:  # these say little by themselves
        reason = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    return f"damaged ({reason[:160]})"
