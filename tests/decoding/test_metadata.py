"""A sound picture is never lost to its metadata: damaged ones, and wrong lengths, leave its pixels as they are."""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, ImageCms

from stages.decoding import UnreadableImageError, decode_image

PIXELS = np.asarray(
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((48, 32), 3)
)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def encoded(form: str, lies: bool = True, **options: object) -> bytes:
    """A picture of 48 x 32 with a colour profile, which may lie on its side by its EXIF."""
    exif = Image.Exif()
    if lies:
        exif[274], exif[271] = 6, "a maker" * 10
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, form, exif=exif if lies else b"", icc_profile=PROFILE, **options)
    return stream.getvalue()


def shown(data: bytes) -> np.ndarray:
    return np.asarray(decode_image(data))


def segments(jpeg: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The marker and the content of each segment before the scan, and the scan with all behind."""
    found, start = [], 2
    while jpeg[start + 1] != 0xDA:
        end = start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big")
        found.append((jpeg[start + 1], jpeg[start + 4 : end]))
        start = end
    return found, jpeg[start:]


def segment(marker: int, content: bytes, off: int = 0) -> bytes:
    """A segment of a JPEG whose length is wrong by `off`."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2 + off) + content


def jpeg_with(marker: int, content: bytes, off: int = 0) -> bytes:
    """The upright picture with another segment, the first one, in front of the others."""
    found, scan = segments(encoded("JPEG", lies=False))
    return b"\xff\xd8" + segment(marker, content, off) + b"".join(segment(*each) for each in found) + scan


STARTS = [b"JFIF\0", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"ICC_PROFILE\0", b"Photoshop 3.0\x008BIM\4\4"]


@pytest.mark.parametrize("content", [*STARTS, b"Adobe", b"Adobe\0", b"MPF\0II*\0", b""])
def test_a_segment_that_is_cut_short_leaves_the_picture_of_a_jpeg(content: bytes) -> None:
    marker = {b"J": 0xE0, b"E": 0xE1, b"I": 0xE2, b"M": 0xE2, b"P": 0xED, b"A": 0xEE, b"": 0xE5}[content[:1]]
    np.testing.assert_array_equal(shown(jpeg_with(marker, content)), shown(encoded("JPEG", lies=False)))


def mislaid(jpeg: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The file with each length of metadata off by some bytes."""
    found, scan = segments(jpeg)
    for place, (marker, content) in enumerate(found):
        for off in (-20, -2, -1, 1, 2, 3, 40, 1000):
            if 0xE0 <= marker <= 0xEF and len(content) + off >= 0:
                parts = [segment(*each, off if number == place else 0) for number, each in enumerate(found)]
                yield marker, off, b"\xff\xd8" + b"".join(parts) + scan


def test_wrong_lengths_leave_the_picture_of_a_jpeg() -> None:
    """Upright or not: libjpeg itself finds a next segment, and Pillow does not always look for EXIF there."""
    upright = shown(encoded("JPEG"))
    lying = np.rot90(upright)
    cases = list(mislaid(encoded("JPEG")))
    assert len(cases) > 15
    for marker, off, data in cases:
        found = shown(data)
        assert any(np.array_equal(found, right) for right in (upright, lying)), (hex(marker), off)


def test_a_preview_is_not_taken_for_the_picture() -> None:
    """It is a JPEG within the EXIF of another, whose length is wrong."""
    small = io.BytesIO()
    Image.new("RGB", (16, 8), "red").save(small, "JPEG")
    for off in (1, 7, 3000):
        data = jpeg_with(0xE1, b"Exif\0\0II*\0" + small.getvalue() + b"\0" * 30, off)
        np.testing.assert_array_equal(shown(data), shown(encoded("JPEG", lies=False)))


def test_the_colours_of_an_adobe_jpeg_stay() -> None:
    plain = io.BytesIO()
    Image.fromarray(PIXELS).convert("CMYK").save(plain, "JPEG")
    found, scan = segments(plain.getvalue())
    data = b"\xff\xd8" + segment(0xE2, b"ICC_PROFILE\0") + b"".join(segment(*each) for each in found) + scan
    np.testing.assert_array_equal(shown(data), shown(plain.getvalue()))
    rgb = io.BytesIO()
    Image.fromarray(PIXELS).save(rgb, "JPEG", keep_rgb=True, quality=95)
    found, scan = segments(rgb.getvalue())
    data = b"\xff\xd8" + segment(0xE2, b"ICC_PROFILE\0") + b"".join(segment(*each) for each in found) + scan
    np.testing.assert_array_equal(shown(data), shown(rgb.getvalue()))
    assert np.abs(shown(data).astype(int) - PIXELS).mean() < 3


def chunk(name: bytes, content: bytes, off: int = 0, sound: bool = True) -> bytes:
    """A chunk of a PNG whose length is wrong by `off`, with or without a right checksum."""
    checksum = zlib.crc32(name + content) ^ (not sound)
    return struct.pack(">I", len(content) + off) + name + content + struct.pack(">I", checksum)


@pytest.mark.parametrize("name", [b"iCCP", b"zTXt", b"iTXt", b"tIME", b"xxXx"])
def test_damaged_chunks_leave_the_picture_of_a_png(name: bytes) -> None:
    """Its transparency and orientation stay, which come behind."""
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(PIXELS).save(stream, "PNG", transparency=tuple(PIXELS[0, 0].tolist()), exif=exif)
    png = stream.getvalue()
    expected = shown(png)
    assert expected.shape == (48, 32, 3) and expected[0, -1].tolist() == [255, 255, 255]
    for content in (b"", b"abc\0\0zz", b"a" * 50):
        for off, sound in ((0, False), (3, True), (-1, True), (60, True), (10**9, True)):
            if len(content) + off >= 0:
                data = png[:33] + chunk(name, content, off, sound) + png[33:]
                np.testing.assert_array_equal(shown(data), expected, f"{content!r} {off}")


@pytest.mark.parametrize("lossless", [False, True])
def test_damaged_chunks_leave_the_picture_of_a_webp(lossless: bool) -> None:
    webp = encoded("WEBP", lossless=lossless)
    expected, start, tried = shown(webp), 12, 0
    while start < len(webp):
        name, length = webp[start : start + 4], int.from_bytes(webp[start + 4 : start + 8], "little")
        end = start + 8 + length + length % 2
        for off in (-10, -2, 1, 2, 40, 10**6) if name in (b"ICCP", b"EXIF") else ():
            data = webp[: start + 4] + struct.pack("<I", length + off) + webp[start + 8 :]
            np.testing.assert_array_equal(shown(data), expected, f"{name!r} {off}")
            tried += 1
        start = end
    assert tried == 12


def test_tags_of_a_tiff_that_point_nowhere_leave_its_picture() -> None:
    tiff = encoded("TIFF")
    start = int.from_bytes(tiff[4:8], "little")
    tried = 0
    for number in range(int.from_bytes(tiff[start : start + 2], "little")):
        place = start + 2 + 12 * number
        if int.from_bytes(tiff[place : place + 2], "little") in (271, 34675):  # the maker, the profile
            for where, value in ((place + 8, 2**31), (place + 4, 2**30), (place + 8, len(tiff) - 3)):
                data = tiff[:where] + struct.pack("<I", value) + tiff[where + 4 :]
                np.testing.assert_array_equal(shown(data), shown(tiff))
                tried += 1
    assert tried == 6


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_damaged_pixels_are_refused_as_before(form: str) -> None:
    data = encoded(form, lies=False)  # of a WebP, EXIF is at the end
    for part in (0.6, 0.8, 0.95):
        with pytest.raises(UnreadableImageError):
            decode_image(data[: int(len(data) * part)])
