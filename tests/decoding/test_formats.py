"""What a file is, by its name and by its first bytes."""

import io
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from stages.decoding import (
    UnreadableImageError,
    begins_like_image,
    decode_image,
    extension,
    image_size,
    is_image_name,
)
from stages.decoding.formats import START
from tests.datasets.images import encode
from tests.decoding.test_fuzz import FILES

HEIC_START = b"\0\0\0\x18ftypheic" + bytes(40)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 5\n",
            "a git-lfs pointer instead of the picture; `git lfs pull` fetches it",
        ),
        (b"\n<!DOCTYPE html><html>404</html>", "a web page instead of the picture; download it again"),
        (b"<HTML><head>", "a web page instead of the picture; download it again"),
        (b"<svg/>", "an SVG drawing; export it as PNG"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a -->\n<svg xmlns="x">', "an SVG drawing; export it as PNG"),
        (b"%PDF-1.7\n", "a PDF document; export its pages as PNG"),
        (b"\0\0\0\x20ftypisom\0\0\2\0", "a video; export its frames as pictures, for instance with `ffmpeg`"),
        (b"\x1aE\xdf\xa3\x93B\x82", "a video; export its frames as pictures, for instance with `ffmpeg`"),
        (b"RIFF\x10\0\0\0AVI LIST", "a video; export its frames as pictures, for instance with `ffmpeg`"),
        (b"\xff\x0a\x7f\0", "JPEG XL, which is not read; save it as PNG or JPEG"),
        (b"hello", "not an image of a known format"),
    ],
)
def test_what_is_no_picture_says_what_it_is(data, reason):
    with pytest.raises(UnreadableImageError) as caught:
        decode_image(data)
    assert str(caught.value) == reason


def test_heic_is_read_with_its_package():
    pytest.importorskip("pillow_heif")
    shown = decode_image(encode(Image.new("RGB", (64, 32), (200, 30, 90)), "HEIF", quality=95))
    assert shown.size == (64, 32) and abs(np.asarray(shown).astype(int) - (200, 30, 90)).max() < 6


def _without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)


def test_heic_without_its_package_names_it(monkeypatch):
    monkeypatch.setattr("stages.decoding.decode.readable_formats", lambda: ("PNG", "JPEG"))
    with pytest.raises(UnreadableImageError) as caught:
        decode_image(HEIC_START)
    assert (
        str(caught.value) == "HEIC, which the package pillow-heif reads; install it with `pip install pillow-heif`"
    )


def negative(dng: bool = True, maker: bool = True) -> bytes:
    """A camera's RAW: a small preview, and in a sub-file the samples behind a colour filter, all of one grey."""
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        tags = [(50706, "B", 4, b"\1\4\0\0", True), (50708, "s", 0, "Camera", True)] if dng else []
        tags += [(271, "s", 0, "Maker", True)] if maker else []
        tags += [(50721, "2i", 9, [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1], True)]
        tags += [(50728, "2I", 3, [1, 1] * 3, True)]
        preview = np.zeros((6, 8, 3), np.uint8)
        writer.write(preview, photometric="rgb", subifds=1, subfiletype=1, extratags=tags)
        pattern = [(33421, "H", 2, (2, 2), True), (33422, "B", 4, b"\0\1\1\2", True)]
        raw = np.full((48, 64), 16384, np.uint16)
        writer.write(raw, photometric="cfa", subfiletype=0, extratags=pattern)
    return stream.getvalue()


def test_a_raw_without_its_package_names_it(monkeypatch):
    _without("rawpy", monkeypatch)
    for data in (negative(), negative(dng=False), b"II*\0\x10\0\0\0CR\2\0" + bytes(40), b"FUJIFILMCCD-RAW 0201"):
        with pytest.raises(UnreadableImageError) as caught:
            decode_image(data)
        assert (
            str(caught.value)
            == "a camera's RAW, which the package rawpy reads; install it with `pip install rawpy`"
        )


def test_a_raw_is_read_with_its_package_and_not_its_preview():
    pytest.importorskip("rawpy")
    shown = np.asarray(decode_image(negative()))
    assert shown.shape == (48, 64, 3)
    assert shown[24, 32].min() > 0
    assert image_size(negative()) == (64, 48)


def test_a_preview_without_a_camera_is_a_picture():
    assert decode_image(negative(dng=False, maker=False)).size == (8, 6)


def test_a_raw_that_is_damaged():
    pytest.importorskip("rawpy")
    with pytest.raises(UnreadableImageError, match=r"^damaged \("):
        decode_image(b"FUJIFILMCCD-RAW 0201")


@pytest.mark.parametrize("name", [*FILES, "heic"])
def test_common_formats_are_known_by_their_first_bytes(name):
    data = FILES.get(name, HEIC_START)
    common = name.split("-")[0] in {
        *(
            "PNG",
            "JPEG",
            "MPO",
            "WEBP",
            "GIF",
            "TIFF",
            "BMP",
            "PPM",
            "JPEG2000",
            "AVIF",
            "HEIF",
            "QOI",
            "DDS",
            "PSD",
        ),
        "heic",
    }
    assert begins_like_image(data[:START]) == common, "others begin like texts, or like anything"


@pytest.mark.parametrize(
    "data", [b"", b"read me", b"BM is not a picture", b"P5 Europe", b"{}", b"#define x", b"II"]
)
def test_other_files_do_not_begin_like_images(data):
    assert not begins_like_image(data)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a/b.PNG", ".png"),
        ("a.b/c", ""),
        ("IMG 2024.05.01", ""),
        ("x.tar.gz", ".gz"),
        ("a.", ""),
        ("b.jpg~", ".jpg~"),
    ],
)
def test_extensions(path, found):
    assert extension(path) == found


@pytest.mark.parametrize("path", ["a/@eaDir/b.png", "$RECYCLE.BIN/x.jpg", "__MACOSX/a.png", ".thumbnails/a.png"])
def test_folders_of_the_system_hold_no_images(path):
    assert not is_image_name(path)
    assert is_image_name(f"photos/{path.rsplit('/')[-1]}")


@pytest.mark.parametrize("name", ["a.HEIC", "a.cr2", "a.NEF", "a.dng", "a.svg", "a.jxl", "a.tif"])
def test_what_people_take_for_pictures_counts(name):
    assert is_image_name(name)
