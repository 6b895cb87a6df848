import random
import re
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from stages.core.errors import DatasetError
from stages.decoding import MAX_PIXELS, UnreadableImageError, decode_image
from tests.datasets.images import BLUE, GREEN, RED, WHITE, encode, png


def pixels(data: bytes) -> list[tuple[int, int, int]]:
    image = decode_image(data)
    assert image.mode == "RGB"
    return [image.getpixel((x, y)) for y in range(image.height) for x in range(image.width)]


def noise(mode: str = "RGB", size: tuple[int, int] = (24, 17)) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(values).convert(mode)


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "CMYK", "YCbCr"])
def test_every_colour_mode_becomes_rgb(mode):
    form = {"CMYK": "TIFF", "YCbCr": "TIFF"}.get(mode, "PNG")
    stored = Image.new("RGB", (2, 1), WHITE).convert(mode)
    stored.paste(Image.new("RGB", (1, 1), "black").convert(mode), (0, 0))
    assert pixels(encode(stored, form)) == [(0, 0, 0), (255, 255, 255)]


# Row by row, the picture as stored for each EXIF orientation of what a viewer shows as "RGB" above "WWW".
SHOWN = [RED, GREEN, BLUE, WHITE, WHITE, WHITE]
STORED = {
    1: ((3, 2), "RGBWWW"),
    2: ((3, 2), "BGRWWW"),
    3: ((3, 2), "WWWBGR"),
    4: ((3, 2), "WWWRGB"),
    5: ((2, 3), "RWGWBW"),
    6: ((2, 3), "BWGWRW"),
    7: ((2, 3), "WBWGWR"),
    8: ((2, 3), "WRWGWB"),
}


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", STORED)
def test_the_image_is_upright_by_its_exif_orientation(orientation, form):
    size, letters = STORED[orientation]
    image = Image.new("RGB", size)
    for place, letter in enumerate(letters):
        image.putpixel((place % size[0], place // size[0]), {"R": RED, "G": GREEN, "B": BLUE, "W": WHITE}[letter])
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode_image(encode(image, form, exif=exif))
    assert decoded.size == (3, 2)
    assert decoded.tobytes() == bytes(value for colour in SHOWN for value in colour)
    assert 0x0112 not in decoded.getexif(), "a second decoder would turn it again"


@pytest.mark.parametrize("exif", [b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0nonsense", b"Exif\0\0"])
def test_damaged_exif_leaves_a_sound_picture_as_it_is(exif):
    assert decode_image(encode(Image.new("RGB", (4, 8), RED), "JPEG", exif=exif)).size == (4, 8)


def test_transparency_shows_white():
    half = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    half.putpixel((1, 0), (255, 0, 0, 128))
    assert pixels(encode(half)) == [WHITE, (255, 127, 127)]
    assert pixels(encode(Image.new("LA", (1, 1), (0, 0)))) == [WHITE]
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.putpixel((1, 0), 1)
    assert pixels(encode(palette, transparency=0)) == [WHITE, GREEN]
    assert pixels(encode(palette, transparency=b"\xff\x00")) == [RED, WHITE]
    assert pixels(encode(palette, "GIF", transparency=0)) == [WHITE, GREEN]
    assert pixels(encode(Image.new("L", (1, 1), 7), transparency=7)) == [WHITE]
    assert pixels(encode(Image.new("RGB", (1, 1), RED), transparency=RED)) == [WHITE]


def test_transparency_of_palettes_with_alpha_and_of_16_bit_greys():
    webp = Image.new("RGBA", (1, 1), (0, 0, 255, 0))
    assert pixels(encode(webp, "WEBP", lossless=True)) == [WHITE]
    grey = Image.fromarray(np.array([[257, 514]], np.uint16))
    assert pixels(encode(grey, transparency=257)) == [WHITE, (2, 2, 2)]


@pytest.mark.parametrize("form", ["PNG", "TIFF", "PPM"])
def test_16_bit_greys_are_scaled_not_clipped(form):
    stored = np.array([[0, 128, 129, 257, 32896, 65278, 65535]], np.uint16)
    assert [p[0] for p in pixels(encode(Image.fromarray(stored), form))] == [0, 0, 1, 1, 128, 254, 255]


def test_16_bit_colour_is_scaled():
    rows = b"\0" + struct.pack(">3H", 65535, 32896, 0)
    assert pixels(raw_png(1, 1, rows, depth=16, colour=2)) == [(255, 128, 0)]


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([0.0, 25700.0, 65535.0], [0, 100, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([-3e38, 0.0, 3e38], [0, 128, 255]),
        ([float("nan"), 1.0, float("inf")], [255, 255, 255]),
        ([float("nan")] * 3, [0, 0, 0]),
        ([-7.0, -7.0, -7.0], [0, 0, 0]),
    ],
)
def test_floating_point_greys(stored, shown):
    image = Image.fromarray(np.array([stored], np.float32))
    assert [p[0] for p in pixels(encode(image, "TIFF"))] == shown


def test_32_bit_integers_beyond_16_bits_are_stretched():
    image = Image.fromarray(np.array([[-100_000, 0, 100_000]], np.int32))
    assert [p[0] for p in pixels(encode(image, "TIFF"))] == [0, 128, 255]


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame_is_shown(form):
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, BLUE)]
    options = {"lossless": True} if form == "WEBP" else {}
    data = encode(frames[0], form, save_all=True, append_images=frames[1:], **options)
    assert pixels(data) == [RED] * 16


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM"])
def test_a_file_cut_short_is_refused(form):
    data = encode(noise(), form)
    with pytest.raises(UnreadableImageError, match=r"^(damaged \(|not an image)"):
        decode_image(data[: len(data) // 2])


@pytest.mark.parametrize("data", [b"hello", b"\0" * 1000, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
def test_what_is_no_image_is_refused(data):
    with pytest.raises(UnreadableImageError, match=r"^not an image of a known format$"):
        decode_image(data)


def test_an_empty_file_is_refused():
    with pytest.raises(UnreadableImageError, match=r"^the file is empty$"):
        decode_image(b"")


def raw_png(width: int, height: int, rows: bytes, depth: int = 8, colour: int = 0) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("width", "height"), [(MAX_PIXELS + 1, 1), (20_000, 20_000), (2**31 - 1, 2**31 - 1), (16_400, 16_400)]
)
def test_a_decompression_bomb_is_refused_by_its_header(width, height):
    with pytest.raises(
        UnreadableImageError, match=rf"^more than {MAX_PIXELS} pixels; set MANYVIEWS_MAX_PIXELS to allow more$"
    ):
        decode_image(raw_png(width, height, b"\0" * 100))


@pytest.mark.parametrize("action", ["error", "ignore", "always"])
def test_a_bomb_is_refused_whatever_the_filters_for_warnings(action):
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter(action)
        with pytest.raises(UnreadableImageError, match=r"^more than"):
            decode_image(raw_png(20_000, 20_000, b""))
    assert shown == []


def test_the_error_is_a_dataset_error_and_a_value_error():
    assert issubclass(UnreadableImageError, DatasetError)
    assert issubclass(UnreadableImageError, ValueError)


def test_no_state_of_pillow_is_changed():
    before = (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS)
    decode_image(png())
    with pytest.raises(UnreadableImageError):
        decode_image(png()[:40])
    assert (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS) == before == (False, before[1])


@pytest.mark.parametrize(
    "form", ["PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "ICO", "JPEG2000", "TGA", "PCX"]
)
def test_mutated_files_raise_the_declared_error_or_decode(form):
    draw = random.Random(form)
    sound = encode(noise("L" if form == "PCX" else "RGB"), form)
    refused = 0
    for _ in range(120):
        data = bytearray(sound)
        for _ in range(draw.randint(1, 8)):
            # Headers are short, and what they say matters most.
            place = draw.randrange(min(len(data), 64) if draw.random() < 0.5 else len(data))
            data[place] = draw.choice([0, 255, 127, draw.randrange(256)])
        if draw.random() < 0.3:
            del data[draw.randrange(len(data)) :]
        try:
            image = decode_image(bytes(data))
        except UnreadableImageError as error:
            refused += 1
            reason = str(error)
            assert reason.isprintable() and len(reason) <= 200
            assert not re.search("0x[0-9a-f]{6}", reason), "a memory address differs from run to run"
            with pytest.raises(UnreadableImageError, match=f"^{re.escape(reason)}$"):
                decode_image(bytes(data))
        else:
            assert image.mode == "RGB"
            assert image.tobytes() == decode_image(bytes(data)).tobytes()
    assert refused


def test_importing_the_decoder_is_light():
    code = (
        "import sys, stages.decoding;"
        "print([name for name in ('numpy', 'pyarrow', 'pandas', 'torch', 'yaml') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_an_icon_decodes_at_its_largest_size():
    data = encode(Image.new("RGBA", (64, 64), "red"), "ICO", sizes=[(16, 16), (64, 64)])
    assert decode_image(data).size == (64, 64)
