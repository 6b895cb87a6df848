"""From the bytes of an image file to the pixels that a viewer would show."""

import io
import re
import struct
import warnings
from typing import Any

from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from stages.core.errors import ParameterError, printable
from stages.decoding.formats import is_raw, is_tiff, readable_formats, what_it_is
from stages.decoding.limits import UnreadableImageError, check_size, memory, reduction
from stages.decoding.metadata import without_metadata

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
# Bytes that a pixel takes: as Pillow holds it, with what lies around it; and as RGB, reduced if it is.
_DECODED, _RGB = 5, 4
# Bytes that it takes besides in decoders with buffers of their own, and in a progressive JPEG until its last scan.
_BUFFERS = {"WEBP": 12, "AVIF": 12, "HEIF": 8, "JPEG2000": 16}
_COEFFICIENTS = 6
_RAW = 20  # bytes of a pixel of a camera's: 16 bits of four colours, twice, and what is made of them
_WHITE = 12  # bytes that putting a pixel on white takes
_AT_ONCE, _BAND = 1 << 24, 1 << 22  # pixels that are put on white together, and of larger images part by part
_DNG_VERSION, _MAKE, _SUBFILE_TYPE, _SUB_IFDS, _ORIENTATION = 50706, 271, 254, 330, 274  # tags of a TIFF
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_GREY_OR_RGB = (0, 1, 2)  # photometric interpretations
_FILTERED = (32803, 34892)  # ... a colour filter array, and what is made of one


def decode_image(data: bytes) -> Image.Image:
    """Decode an image file to 8-bit RGB as a viewer would show it.

    Upright by its EXIF orientation; transparency composited on white, unless all is transparent and the colours
    differ; the first frame of an animation; samples of other types as `stages.decoding.samples` says. More pixels
    than `limits.WHOLE_PIXELS` are reduced. Colour profiles are not applied. The result carries no metadata of the
    file, and depends on `data` alone. Until it is let go of, it counts against the memory that threads share.

    Raises `UnreadableImageError` for anything else than a whole, undamaged image of a size that is allowed.
    """
    return _decode(data)[0]


def image_size(data: bytes) -> tuple[int, int]:
    """Decode an image file as `decode_image` does; return its width and height, upright and not reduced."""
    return _decode(data)[1]


def _decode(data: bytes) -> tuple[Image.Image, tuple[int, int]]:
    _silence_pillow()
    if not data:
        raise UnreadableImageError("the file is empty")
    try:
        return _read(data)
    except UnreadableImageError as error:
        if (bare := without_metadata(data)) is None:
            raise
        reason = str(error)
    try:
        return _read(bare)
    except UnreadableImageError:
        raise UnreadableImageError(reason) from None


def _silence_pillow() -> None:
    """Keep Pillow's warnings about odd metadata off the screen, and from becoming errors under `-W error`.

    `warnings.catch_warnings` is not safe when several threads decode, so the filter stays.
    """
    if _PILLOW_WARNINGS not in warnings.filters:
        warnings.filterwarnings("ignore", module=r"PIL\.")


def _read(data: bytes) -> tuple[Image.Image, tuple[int, int]]:
    """The image upright, and its size before it was reduced; every fault becomes an `UnreadableImageError`."""
    try:
        if is_raw(data):
            return _read_raw(data)
        try:
            image = _opened(data)
        except UnidentifiedImageError:
            if is_tiff(data):
                return _read_tiff(data)
            raise
        with image:
            if image.format == "TIFF":
                tags: Any = image.tag_v2  # type: ignore[attr-defined]
                if _is_raw_tiff(tags):
                    return _read_raw(data)
                if tags.get(_PHOTOMETRIC) in _GREY_OR_RGB and _is_wide(tags):
                    return _read_tiff(data)
            if image.format == "PNG" and _is_wide_png(data, image):
                return _read_png(data, image)
            return _read_with_pillow(image)
    except (UnreadableImageError, ParameterError):
        raise
    except UnidentifiedImageError:
        raise UnreadableImageError(what_it_is(data)) from None
    except Image.DecompressionBombError:  # of WebP, and of a picture within the file
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise UnreadableImageError(f"more than {most} pixels, too many in this format; save it as PNG") from None
    except MemoryError:
        raise UnreadableImageError("decoding it takes too much memory") from None
    except Exception as error:  # decoders raise whatever a damaged file leads them to
        raise UnreadableImageError(_damage(error)) from None


def _opened(data: bytes) -> ImageFile.ImageFile:
    """Open an image as `Image.open` does, but for its limit to the pixels, which is `check_size`'s business."""
    stream = io.BytesIO(data)
    for name in readable_formats():
        factory, accept = Image.OPEN[name]
        try:
            known = accept is None or accept(data[:16])
            if known and not isinstance(known, str):  # a text says which plugin is missing
                stream.seek(0)
                return factory(stream, "")
        except (SyntaxError, IndexError, TypeError, struct.error):
            continue
    raise UnidentifiedImageError


def _read_with_pillow(image: ImageFile.ImageFile) -> tuple[Image.Image, tuple[int, int]]:
    size = image.size
    check_size(*size)
    pixels, factor, form = size[0] * size[1], reduction(*size), image.format or ""
    if factor > 1 and form in ("JPEG", "MPO"):
        image.draft(None, (size[0] // factor, size[1] // factor))
        pixels = image.width * image.height
    elif factor > 1 and form == "JPEG2000":
        image.reduce = factor.bit_length() - 1  # type: ignore[method-assign, assignment]
        pixels //= factor**2
    needed = pixels * (_DECODED + _BUFFERS.get(form, 0)) + size[0] * size[1] // factor**2 * _RGB
    needed += size[0] * size[1] * _COEFFICIENTS * bool(image.info.get("progressive"))
    needed += min(pixels, _AT_ONCE) * _WHITE * image.has_transparency_data
    with memory(needed) as keep:
        frame = image.tile[0][1] if form == "GIF" and image.tile else None
        image.load()
        if form in ("ICO", "ICNS"):  # which know the size of their largest picture only now
            check_size(*image.size)
            size = image.size
        decoded = _to_rgb(image)
        if frame not in (None, (0, 0, *size)) and decoded.size == size:  # what it leaves uncovered is transparent
            covered, decoded = decoded.crop(frame), Image.new("RGB", size, "white")
            decoded.paste(covered, frame[:2])
        orientation = _orientation(image)
        image.close()  # frees its pixels before the others are turned
        return keep(_upright(decoded, orientation)), _turned(size, orientation)


def _read_tiff(data: bytes) -> tuple[Image.Image, tuple[int, int]]:
    from stages.decoding.samples import check_picture, opened_tiff, read_tiff, to_image  # few need it

    with opened_tiff(data) as page:
        if page.photometric in _FILTERED:
            return _read_raw(data)
        check_picture(page)
        size = page.imagewidth, page.imagelength
        check_size(*size)
        unpacked = page.nbytes // max(1, len(page.dataoffsets))  # a strip or tile at a time
        with memory(page.nbytes + unpacked + _eight_bit_bytes(size, page.samplesperpixel)) as keep:
            orientation = page.tags.valueof(_ORIENTATION, 1)
            return keep(_upright(_to_rgb(to_image(read_tiff(page))), orientation)), _turned(size, orientation)


def _read_png(data: bytes, image: ImageFile.ImageFile) -> tuple[Image.Image, tuple[int, int]]:
    from stages.decoding.samples import read_png, to_image

    check_size(*image.size)
    samples = len(image.getbands()) + ("transparency" in image.info)
    stored = 2 * samples * image.width * image.height
    with memory(stored + _eight_bit_bytes(image.size, samples)) as keep:
        decoded = _to_rgb(to_image(read_png(data)))
        # Pillow decodes all of a file to look for it behind the pixels.
        orientation = _orientation(image) if b"eXIf" in data or b"exif" in data else 1
        return keep(_upright(decoded, orientation)), _turned(image.size, orientation)


def _eight_bit_bytes(size: tuple[int, int], samples: int) -> int:
    """Bytes that samples take once they have 8 bits: as an array, as Pillow holds them, and as RGB."""
    pixels = size[0] * size[1]
    return pixels * (2 * samples + 1) + pixels // reduction(*size) ** 2 * _RGB


def _read_raw(data: bytes) -> tuple[Image.Image, tuple[int, int]]:
    try:
        import rawpy
    except ImportError:
        raise UnreadableImageError(
            "a camera's RAW, which the package rawpy reads; install it with `pip install rawpy`"
        ) from None
    with rawpy.imread(io.BytesIO(data)) as raw:
        width, height = raw.sizes.iwidth, raw.sizes.iheight
        check_size(width, height)
        half = reduction(width, height) > 1
        with memory(width * height * _RAW) as keep:
            decoded = Image.fromarray(raw.postprocess(use_camera_wb=True, half_size=half))  # upright
            return keep(_to_rgb(decoded)), (decoded.width << half, decoded.height << half)


def _is_raw_tiff(tags: Any) -> bool:
    """Whether a TIFF is a camera's RAW, of which Pillow would show the small preview that comes first."""
    return (
        _DNG_VERSION in tags
        or tags.get(_PHOTOMETRIC) in _FILTERED
        or (_MAKE in tags and _SUB_IFDS in tags and tags.get(_SUBFILE_TYPE, 0) & 1 == 1)
    )


def _is_wide(tags: Any) -> bool:
    """Whether the samples of a TIFF are others than unsigned ones of at most 8 bits."""
    return max(tags.get(_BITS, (1,))) > 8 or any(kind != 1 for kind in tags.get(_SAMPLE_FORMAT, (1,)))


def _is_wide_png(data: bytes, image: ImageFile.ImageFile) -> bool:
    """Whether a PNG has 16 bits a sample; or fewer than 8 and a transparent grey, which Pillow misreads."""
    depth, colour = data[24], data[25]
    return depth == 16 or (depth < 8 and colour == 0 and "transparency" in image.info)


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    if (turn := _TURNS.get(orientation)) is not None:
        image = image.transpose(turn)
    image.info.clear()  # so that nobody turns it a second time
    return image


def _turned(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    return (size[1], size[0]) if orientation in (5, 6, 7, 8) else size


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # the pixels are sound; damaged metadata says nothing about them
        return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    """RGB on white, reduced as its size asks for; large images part by part, so that copies take little memory."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = _eight_bits(image)
    hidden = _all_hidden(image)
    factor = reduction(*image.size)
    if factor == 1 and (image.width * image.height <= _AT_ONCE or not image.has_transparency_data):
        return _on_white(image, hidden)
    shown = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    rows = max(1, _BAND // image.width // factor) * factor
    for top in range(0, image.height, rows):
        band = _on_white(image.crop((0, top, image.width, min(top + rows, image.height))), hidden)
        shown.paste(band.reduce(factor) if factor > 1 else band, (0, top // factor))
    return shown


def _on_white(image: Image.Image, hidden: bool) -> Image.Image:
    if image.has_transparency_data and not hidden:
        shown = Image.new("RGBA", image.size, "white")
        shown.alpha_composite(image.convert("RGBA"))
        return shown.convert("RGB")
    return image.convert("RGB")


def _all_hidden(image: Image.Image) -> bool:
    """Whether an alpha says that nothing is seen of a picture that has several colours: then it says nothing."""
    if image.mode not in ("LA", "RGBA") or image.getpixel((0, 0))[-1] != 0:  # type: ignore[index]
        return False
    *colours, alpha = image.getextrema()
    return alpha == (0, 0) and any(low != high for low, high in colours)  # type: ignore[misc]


def _eight_bits(image: Image.Image) -> Image.Image:
    """Bring a grey image of more than 8 bits, of another format than TIFF and PNG, to 8."""
    import numpy as np

    from stages.decoding.samples import Samples, to_image

    values = np.asarray(image)
    if image.mode != "F" and values.min() >= 0 and values.max() <= 65535:  # wider integers hold 16 bits
        values = values.astype(np.uint16)
    return to_image(Samples(values[..., None], 8 * values.itemsize))


def _damage(error: Exception) -> str:
    text = " ".join(str(error).split())
    reason = printable(re.sub(r"<[^<>]*\bat 0x[0-9a-fA-F]+>|0x[0-9a-fA-F]{6,}", "it", text))
    if not isinstance(error, OSError) or not reason:  # these say little by themselves
        reason = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    return f"damaged ({reason[:160]})"
