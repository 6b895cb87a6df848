"""Whatever bytes come, the decoder gives a picture or one line that says why not."""

import random
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from stages.decoding import MAX_PIXELS, UnreadableImageError, decode_image, readable_formats
from tests.datasets.images import encode

ROUNDS = 18  # of each kind of damage, for each sound file
_GREY = np.random.default_rng(11).integers(0, 256, (19, 23), dtype=np.uint8)
_COLOUR = np.random.default_rng(12).integers(0, 256, (19, 23, 3), dtype=np.uint8)


def _sound_files() -> dict[str, bytes]:
    """A small file of every format that Pillow can write, and of the important variants."""
    grey, colour = Image.fromarray(_GREY), Image.fromarray(_COLOUR)
    alpha, palette = colour.convert("RGBA"), colour.convert("P")
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a picture"
    variants = [
        ("PNG", colour, {}),
        ("PNG", palette, {"transparency": 3}),
        ("PNG", Image.fromarray(_GREY.astype(np.uint16) * 257), {}),
        ("PNG", alpha, {"exif": exif, "icc_profile": bytes(64)}),
        ("JPEG", colour, {"exif": exif}),
        ("JPEG", grey, {"progressive": True}),
        ("JPEG", colour.convert("CMYK"), {}),
        ("MPO", colour, {"save_all": True, "append_images": [colour]}),
        ("WEBP", colour, {"lossless": True}),
        ("WEBP", alpha, {"exif": exif}),
        ("WEBP", colour, {"save_all": True, "append_images": [alpha]}),
        ("GIF", palette, {}),
        ("GIF", grey, {"save_all": True, "append_images": [colour, palette]}),
        ("TIFF", colour, {}),
        ("TIFF", colour, {"compression": "tiff_lzw"}),
        ("TIFF", colour, {"compression": "tiff_adobe_deflate", "exif": exif}),
        ("TIFF", grey, {"compression": "packbits"}),
        ("TIFF", colour, {"compression": "jpeg"}),
        ("TIFF", grey.convert("1"), {"compression": "group4"}),
        ("TIFF", Image.fromarray(_GREY.astype(np.float32)), {}),
        ("BMP", colour, {}),
        ("BMP", palette, {}),
        ("DIB", colour, {}),
        ("PPM", colour, {}),
        ("PPM", grey.convert("1"), {}),
        ("JPEG2000", colour, {}),
        ("AVIF", colour, {}),
        ("HEIF", colour, {}),
        ("TIFF", Image.fromarray(_GREY.astype(np.uint16) * 257), {"compression": "tiff_lzw"}),
        ("TIFF", Image.fromarray(_GREY.astype(np.uint16) * 257), {"compression": "tiff_deflate"}),
        ("ICO", alpha, {"sizes": [(16, 16)]}),
        ("ICO", alpha, {"sizes": [(16, 16)], "bitmap_format": "bmp"}),
        ("ICNS", alpha.resize((32, 32)), {}),
        ("QOI", alpha, {}),
        ("DDS", alpha, {}),
        ("DDS", alpha.resize((16, 16)), {"pixel_format": "DXT5"}),
        ("PCX", colour, {}),
        ("SGI", colour, {}),
        ("MSP", grey.convert("1"), {}),
        ("XBM", grey.convert("1"), {}),
        ("TGA", alpha, {"compression": "tga_rle"}),
    ]
    files = {}
    for form, image, options in variants:
        if form in readable_formats() and form in Image.SAVE:
            files[f"{form}-{len(files)}"] = encode(image, form, **options)
    files["PPM-text"] = b"P3\n2 2\n255\n" + b"1 2 3 " * 4
    files["PFM"] = b"Pf\n2 2\n-1.0\n" + np.ones(4, "<f4").tobytes()
    files["SUN"] = struct.pack(">8I", 0x59A66A95, 23, 19, 8, 24 * 19, 1, 0, 0) + bytes(24 * 19)
    files["PSD"] = b"8BPS" + struct.pack(">H6xHIIHH", 1, 1, 19, 23, 8, 1) + bytes(12) + b"\0\0" + _GREY.tobytes()
    files["XPM"] = b'/* XPM */\nstatic char *a[] = {\n"2 2 2 1",\n"a c #ff0000",\n"b c #0000ff",\n"ab",\n"ba"};\n'
    return files


def _damaged(data: bytes, others: list[bytes], dice: random.Random) -> list[bytes]:
    """One file for each kind of damage."""
    flipped, fields, field_places = bytearray(data), bytearray(data), min(len(data) - 4, 64)
    for _ in range(dice.choice([1, 2, 8, 40])):
        flipped[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    # Sizes, lengths and counts lie near the beginning; these are the values that break arithmetic.
    value = dice.choice([0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
    place, width = dice.randrange(max(1, field_places)), dice.choice([1, 2, 4])
    order = dice.choice(["little", "big"])
    fields[place : place + width] = (value & ((1 << 8 * width) - 1)).to_bytes(width, order)
    start, length = sorted((dice.randrange(len(data)), dice.randrange(len(data))))
    donor = dice.choice(others)
    piece = donor[dice.randrange(len(donor)) :][: dice.randrange(1, 64)]
    return [
        _with_checksums(flipped),
        _with_checksums(fields),
        data[: dice.randrange(len(data))],
        data[:start] + data[length:],
        data[:start] + piece + data[start + len(piece) :],
        data[:start] + data[start:length] * 2 + data[length:],
        data[: dice.randrange(4, 40)] + dice.randbytes(dice.choice([0, 10, 100, 3000])),
    ]


def _with_checksums(data: bytearray) -> bytes:
    """Correct the checksums of a PNG, behind which its decoder would not look at the damage at all."""
    place = 8
    while data.startswith(b"\x89PNG") and place + 12 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        data[end : end + 4] = zlib.crc32(data[place + 4 : end]).to_bytes(4, "big")[: max(0, len(data) - end)]
        place = end + 4
    return bytes(data)


def _outcome(data: bytes) -> bool:
    """Whether the bytes decode; anything but the two outcomes that are allowed fails."""
    try:
        image = decode_image(data)
    except UnreadableImageError as error:
        reason = str(error)
        assert reason and reason.isprintable() and len(reason) <= 200, repr(reason)
        return False
    assert image.mode == "RGB" and 0 < image.width * image.height <= MAX_PIXELS
    assert len(image.tobytes()) == image.width * image.height * 3
    return True


FILES = _sound_files()


def test_all_formats_are_there():
    missing = {name for name in readable_formats() if not any(key.split("-")[0] == name for key in FILES)}
    assert not missing, "add a sound file of each"
    for name, data in FILES.items():
        assert _outcome(data), name


def test_damaged_files_become_pictures_or_one_line():
    dice, others = random.Random(20240229), list(FILES.values())
    outcomes = {True: 0, False: 0}
    for name, data in FILES.items():
        for turn in range(ROUNDS):
            for kind, damaged in enumerate(_damaged(data, others, dice)):
                try:
                    outcomes[_outcome(damaged)] += 1
                except BaseException as error:
                    error.add_note(f"{name}, turn {turn}, damage {kind}: {damaged[:2000]!r}")
                    raise
    assert sum(outcomes.values()) >= 5000
    assert min(outcomes.values()) >= 500, f"too one-sided to tell much: {outcomes}"


def _png(width: int, height: int, pixels: bytes = b"") -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    )


def _gif(width: int, height: int) -> bytes:
    size = struct.pack("<HH", width, height)
    palette = bytes(range(6))
    return b"GIF89a" + size + b"\x80\0\0" + palette + b"\x2c\0\0\0\0" + size + b"\0\x02\x02\x4c\x01\0\x3b"


def _tiff(width: int, height: int) -> bytes:
    # Size, bits, no compression, black is zero, strips at 200, one sample, all rows in a strip, one byte of it.
    values = [
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, 200),
        (277, 1),
        (278, height),
        (279, 1),
    ]
    tags = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in values)
    return (b"II*\0" + struct.pack("<IH", 8, len(values)) + tags + bytes(4)).ljust(201, b"\0")


def _webp(width: int, height: int) -> bytes:
    """An extended file whose canvas is as given, with one frame of an animation."""
    frame = encode(Image.new("RGB", (1, 1)), "WEBP", lossless=True)[12:]
    canvas = bytes([2, 0, 0, 0]) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    part = bytes(15) + b"\0" + frame
    chunks = [(b"VP8X", canvas), (b"ANIM", bytes(6)), (b"ANMF", part)]
    body = b"WEBP" + b"".join(name + struct.pack("<I", len(data)) + data for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _ico(inner: bytes) -> bytes:
    return struct.pack("<HHH4B2H2I", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(inner), 22) + inner


def _bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IIIIiiHHIIiiII", 58, 0, 54, 40, width, height, 1, 24, 0, 4, 0, 0, 0, 0) + bytes(4)


BOMBS = {
    "png": _png(50_000, 50_000),
    "png, just above the limit": _png(16_385, 16_384),
    "png, its pixels packed a thousandfold": _png(50_000, 50_000, bytes(10_000_000)),
    "gif": _gif(50_000, 50_000),
    "tiff": _tiff(50_000, 50_000),
    "webp": _webp(50_000, 50_000),
    "webp, all that fits": _webp(1 << 24, 1 << 8),
    "bmp": _bmp(50_000, 50_000),
    "ppm": b"P6 50000 50000 255\n",
    "ico": _ico(_png(50_000, 50_000)),
    "qoi": b"qoif" + struct.pack(">IIBB", 50_000, 50_000, 3, 0) + bytes(8),
    "png, 1 x 1e9": _png(1, 10**9),
    "tiff, 1e9 x 1": _tiff(10**9, 1),
    "ppm, 1e9 x 1": b"P5 1000000000 1 255\n",
    "bmp, 1 x 1e9": _bmp(1, 10**9),
}
EMPTY = {
    "png, 0 x 5": _png(0, 5),
    "gif, 5 x 0": _gif(5, 0),
    "tiff, 0 x 5": _tiff(0, 5),
    "ppm, 0 x 5": b"P5 0 5 255\n",
    "bmp, 5 x 0": _bmp(5, 0),
    "qoi, 0 x 0": b"qoif" + struct.pack(">IIBB", 0, 0, 3, 0) + bytes(8),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_decompression_bomb_is_refused_by_its_size(name):
    with pytest.raises(UnreadableImageError) as caught:
        decode_image(BOMBS[name])
    way_out = "; set MANYVIEWS_MAX_PIXELS to allow more"
    if name.startswith(("webp", "ico")):  # Pillow's own limit, which it keeps for these
        assert str(caught.value) == "more than 178956970 pixels, too many in this format; save it as PNG"
    else:
        assert str(caught.value) == f"more than {MAX_PIXELS} pixels{way_out}"


@pytest.mark.parametrize("name", EMPTY)
def test_a_picture_without_pixels_is_refused(name):
    with pytest.raises(UnreadableImageError):
        decode_image(EMPTY[name])


def test_a_frame_larger_than_its_gif_is_no_way_around_the_limit():
    small = bytearray(_gif(50_000, 50_000))
    small[6:10] = struct.pack("<HH", 8, 8)  # the screen; the frame stays as large
    assert not _outcome(bytes(small))


_MEASURE = """
import resource, sys
from PIL import Image
from stages.decoding import UnreadableImageError, decode_image, readable_formats
readable_formats()
decode_image(sys.stdin.buffer.read(int(sys.argv[1])))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for length in sys.argv[2:]:
    try:
        decode_image(sys.stdin.buffer.read(int(length)))
    except UnreadableImageError:
        pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kB on Linux only")
def test_bombs_take_no_memory():
    """The limit is an eighth of what the smallest of them would take."""
    files = [encode(Image.new("RGB", (64, 64))), *BOMBS.values()]
    lengths = [str(len(data)) for data in files]
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *lengths], input=b"".join(files), stdout=subprocess.PIPE, check=True
    )
    assert int(done.stdout) < 32 << 10
