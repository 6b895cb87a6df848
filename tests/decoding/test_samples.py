"""Grey values of TIFF and PNG: photometric interpretation, bits, sample format and byte order decide."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from stages.decoding import UnreadableImageError, decode_image
from tests.decoding.tiffs import raw_tiff

# For each type: values that span its range, and what they are of 255.
TYPES = {
    "u1": ([0, 100, 255], [0, 100, 255]),
    "u2": ([0, 257, 32896, 65535], [0, 1, 128, 255]),
    "u4": ([0, 2**31, 2**32 - 1], [0, 128, 255]),
    "u8": ([0, 2**63, 2**64 - 1], [0, 128, 255]),
    "i1": ([-128, -28, 127], [0, 100, 255]),
    "i2": ([-32768, 0, 32767], [0, 128, 255]),
    "i4": ([-(2**31), 0, 2**31 - 1], [0, 128, 255]),
    "f2": ([0.0, 0.25, 1.0], [0, 64, 255]),
    "f4": ([0.0, 25700.0, 65535.0], [0, 100, 255]),
    "f8": ([0.0, 100.0, 255.0], [0, 100, 255]),
}


def tiff(values: np.ndarray, **options) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, **options)
    return stream.getvalue()


def grey(data: bytes) -> list[int]:
    pixels = np.asarray(decode_image(data))
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0].ravel().tolist()


def png(width: int, rows: bytes, depth: int, colour: int, clear: bytes = b"") -> bytes:
    """A PNG of one row, with a transparent colour if one is given."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0))
    transparent = chunk(b"tRNS", clear) if clear else b""
    content = chunk(b"IDAT", zlib.compress(b"\0" + rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + transparent + content


@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", TYPES)
def test_tiffs_of_every_type_and_byte_order(kind, order, compression):
    stored, shown = TYPES[kind]
    values = np.array([stored], kind)
    options = {"byteorder": order, "compression": compression}
    assert grey(tiff(values, photometric="minisblack", **options)) == shown
    assert grey(tiff(values, photometric="miniswhite", **options)) == [255 - value for value in shown]


@pytest.mark.parametrize("kind", ["u2", "f4"])
def test_a_picture_stored_both_ways_is_one_picture(kind):
    values = np.random.default_rng(0).random((9, 7))
    values = (values * 65535).astype(kind) if kind == "u2" else values.astype(kind)
    white = 65535 if kind == "u2" else np.float32(1)
    black_is_zero = np.asarray(decode_image(tiff(values, photometric="minisblack"))).astype(int)
    white_is_zero = np.asarray(decode_image(tiff(white - values, photometric="miniswhite"))).astype(int)
    assert abs(black_is_zero - white_is_zero).max() <= 1


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("photometric", "shown"), [(1, [0, 128, 255, 62]), (0, [255, 127, 0, 193])])
def test_12_bits_packed(order, photometric, shown):
    packed = bytes.fromhex("000800" + "fff3e8")  # 0, 2048 and 4095, 1000: three bytes for two samples
    assert grey(raw_tiff(4, 1, packed, 12, photometric, order=order)) == shown


@pytest.mark.parametrize(
    ("bits", "packed", "shown"),
    [(1, b"\xa0", [255, 0, 255]), (2, b"\x1b", [0, 85, 170]), (4, b"\x08\xf0", [0, 136, 255])],
)
def test_few_bits(bits, packed, shown):
    assert grey(raw_tiff(3, 1, packed, bits, 1)) == shown
    assert grey(raw_tiff(3, 1, packed, bits, 0)) == [255 - value for value in shown]


def test_values_that_fill_little_of_their_range_are_stretched():
    assert grey(tiff(np.array([[28, 216, 968]], np.uint16))) == [0, 51, 255]
    assert grey(tiff(np.array([[0, 819, 4095]], np.uint16))) == [0, 51, 255], "12 bits in a file of 16"
    assert grey(tiff(np.array([[0, 1285, 5140]], np.uint16))) == [0, 5, 20], "a sixteenth is filled"
    assert grey(tiff(np.array([[0.5, 0.51, 0.55]], np.float32))) == [0, 51, 255]
    assert grey(tiff(np.array([[10, 10, 10]], np.uint16))) == [0, 0, 0], "nothing to stretch"
    assert grey(tiff(np.array([[1, 2, 3]], np.uint8))) == [1, 2, 3], "8 bits are shown as they are"
    assert grey(png(3, struct.pack(">3H", 28, 216, 968), 16, 0)) == [0, 51, 255]


def test_colours_are_stretched_together():
    values = np.array([[[28, 216, 968]]], np.uint16)
    for data in (tiff(values, photometric="rgb"), png(1, struct.pack(">3H", 28, 216, 968), 16, 2)):
        assert np.asarray(decode_image(data)).ravel().tolist() == [0, 51, 255]


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colour_of_16_bits_with_alpha(planar):
    straight = np.array([[[65535, 32896, 0, 65535], [0, 0, 0, 0]]], np.uint16)
    options = {"photometric": "rgb", "planarconfig": planar}
    stored = np.moveaxis(straight, 2, 0) if planar == "separate" else straight
    shown = [255, 128, 0, 255, 255, 255]
    assert np.asarray(decode_image(tiff(stored, extrasamples=["unassalpha"], **options))).ravel().tolist() == shown
    assert np.asarray(decode_image(tiff(stored, extrasamples=["assocalpha"], **options))).ravel().tolist() == shown
    without = np.asarray(decode_image(tiff(stored, extrasamples=["unspecified"], **options)))
    assert without.ravel().tolist() == [255, 128, 0, 0, 0, 0]


def test_premultiplied_alpha_shows_the_same_as_straight():
    half = np.array([[[65535, 0, 0, 32768], [65535, 65535, 65535, 65535]]], np.uint16)
    product = half.copy()
    product[..., :3] = half[..., :3] * (half[..., 3:] / 65535)
    shown = [
        np.asarray(decode_image(tiff(values, photometric="rgb", extrasamples=[kind]))).astype(int)
        for values, kind in ((half, "unassalpha"), (product, "assocalpha"))
    ]
    assert abs(shown[0] - shown[1]).max() <= 1 and shown[0][0, 0].tolist() == [255, 127, 127]


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (png(4, b"\x1b", 2, 0, b"\0\1"), [0, 255, 170, 255]),
        (png(4, b"\x3c\x7f", 4, 0, b"\0\7"), [51, 204, 255, 255]),
        (png(4, b"\xa0", 1, 0, b"\0\0"), [255, 255, 255, 255]),
        (png(4, b"\xa0", 1, 0, b"\0\1"), [255, 0, 255, 0]),
        (png(3, bytes([7, 8, 9]), 8, 0, b"\0\x08"), [7, 255, 9]),
        (png(3, struct.pack(">3H", 0, 0x8080, 65535), 16, 0, b"\x80\x80"), [0, 255, 255]),
        (png(3, struct.pack(">3H", 0, 0x8081, 65535), 16, 0, b"\x80\x80"), [0, 128, 255]),
    ],
)
def test_a_grey_of_a_png_that_is_transparent_shows_white(data, shown):
    assert grey(data) == shown


def test_a_16_bit_colour_that_is_transparent_is_told_from_its_neighbour():
    colours = struct.pack(">9H", 257, 514, 771, 257, 514, 772, 65535, 0, 0)
    shown = np.asarray(decode_image(png(3, colours, 16, 2, struct.pack(">3H", 257, 514, 771))))
    assert shown[0].tolist() == [[255, 255, 255], [1, 2, 3], [255, 0, 0]]


def test_a_png_of_16_bits_that_is_interlaced():
    values = np.random.default_rng(0).integers(0, 65536, (9, 13, 3)).astype(">u2")
    values[0, 0], values[1, 1] = 0, 65535
    rows = b""
    for top, left, down, right in (
        *((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4)),
        *((2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)),
    ):
        rows += b"".join(b"\0" + row.tobytes() for row in values[top::down, left::right])
    data = bytearray(png(13, b"", 16, 2))
    data[20:24], data[28] = struct.pack(">I", 9), 1  # height, interlaced
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    body = zlib.compress(rows)
    content = struct.pack(">I", len(body)) + b"IDAT" + body + struct.pack(">I", zlib.crc32(b"IDAT" + body))
    decoded = decode_image(bytes(data[:33]) + content + bytes(data[-12:]))
    np.testing.assert_array_equal(np.asarray(decoded), np.rint(values / 257))


def test_grey_of_16_bits_with_alpha():
    assert grey(png(2, struct.pack(">4H", 32896, 65535, 0, 0), 16, 4)) == [128, 255]


def test_jpeg_2000_of_16_bits():
    stream = io.BytesIO()
    Image.fromarray(np.array([[0, 257, 32896, 65535]] * 4, np.uint16)).save(stream, "JPEG2000")
    assert grey(stream.getvalue())[:4] == [0, 1, 128, 255]


def test_the_orientation_of_wide_pictures():
    values = np.arange(6, dtype=np.uint16).reshape(2, 3) * 13107
    turned = decode_image(tiff(values, extratags=[(274, "H", 1, 6)]))
    assert np.asarray(turned)[..., 0].tolist() == [[153, 0], [204, 51], [255, 102]]
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG", exif=exif)
    assert decode_image(stream.getvalue()).tobytes() == turned.tobytes()


def test_a_first_frame_smaller_than_its_gif_leaves_the_rest_transparent():
    frame = b"\x2c" + struct.pack("<4HB", 1, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\0"  # one pixel of colour 1 at (1, 0)
    palette = bytes([200, 0, 0, 0, 0, 200])
    data = b"GIF89a" + struct.pack("<HH", 3, 1) + b"\x80\0\0" + palette + frame + b"\x3b"
    assert np.asarray(decode_image(data))[0].tolist() == [[255] * 3, [0, 0, 200], [255] * 3]


@pytest.mark.parametrize("form", ["PNG", "TIFF", "TGA", "BMP", "WEBP"])
def test_an_alpha_that_hides_all_of_a_picture_is_ignored(form):
    colours = np.random.default_rng(0).integers(0, 256, (5, 4, 4), np.uint8)
    colours[..., 3] = 0
    stream = io.BytesIO()
    Image.fromarray(colours).save(stream, form, **({"lossless": True, "exact": True} if form == "WEBP" else {}))
    assert np.asarray(decode_image(stream.getvalue())).tolist() == colours[..., :3].tolist()


@pytest.mark.parametrize(
    "data",
    [
        tiff(np.zeros((8, 8, 5), np.uint16), photometric="minisblack", planarconfig="contig"),
        tiff(np.zeros((8, 8), np.complex64)),
    ],
)
def test_a_tiff_that_is_not_read_says_what_it_is(data):
    with pytest.raises(
        UnreadableImageError, match=r"^a TIFF of \d samples? of \d+ bits, .* save it as grey or RGB$"
    ):
        decode_image(data)


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits"])
@pytest.mark.parametrize("part", [0.5, 0.9, 0.99])
def test_a_wide_tiff_cut_short_is_refused(compression, part):
    values = np.random.default_rng(0).integers(0, 65536, (200, 150), np.uint16)
    data = tiff(values, compression=compression, rowsperstrip=32)
    with pytest.raises(UnreadableImageError, match=r"^damaged \("):
        decode_image(data[: int(part * len(data))])
