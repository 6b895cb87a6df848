"""Images as readers give them: which can be decoded, and those made of arrays."""

import io

import numpy as np
import pytest
from PIL import Image

from stages.datasets import RawImage, Readable, Rejected, UnreadableImageError, check_images
from stages.datasets.images import encode_pixels, pixel_images
from stages.decoding import decode_image
from tests.datasets.images import png


def unreadable() -> bytes:
    raise UnreadableImageError("cannot be read (it is gone)")


def test_images_are_told_apart_in_order():
    images = [
        RawImage("wide.png", None, lambda: png(size=(5, 2))),
        RawImage("empty.png", None, lambda: b""),
        RawImage("gone.png", "cat", unreadable),
        RawImage("high.png", "dog", lambda: png(size=(2, 5))),
    ] * 5
    assert (
        list(check_images(images))
        == [
            Readable(images[0], 5, 2),
            Rejected("empty.png", "the file is empty"),
            Rejected("gone.png", "cannot be read (it is gone)"),
            Readable(images[3], 2, 5),
        ]
        * 5
    )


def test_leaving_early_reads_no_further():
    read = []

    def reader(number: int):
        return lambda: read.append(number) or png()

    checked = check_images([RawImage(str(number), None, reader(number)) for number in range(5000)])
    next(checked)
    checked.close()
    assert len(read) < 5000


RNG = np.random.default_rng(3)


def test_a_file_made_by_hand():
    assert encode_pixels(np.array([[0, 255, 7]], np.uint8)) == b"P5\n3 1\n255\n\x00\xff\x07"
    assert encode_pixels(np.array([[[1, 2, 3]], [[4, 5, 6]]], np.uint8)) == b"P6\n1 2\n255\n\1\2\3\4\5\6"


@pytest.mark.parametrize("shape", [(5, 3), (3, 5, 3), (1, 1), (1, 1, 3)])
def test_decoding_gives_the_pixels_back_whatever_their_order_in_memory(shape):
    pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
    for stored in (pixels, np.asfortranarray(pixels), np.repeat(pixels, 2, axis=1)[:, ::2]):
        data = encode_pixels(stored)
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)
        grey = pixels if pixels.ndim == 3 else np.stack([pixels] * 3, axis=-1)
        np.testing.assert_array_equal(np.asarray(decode_image(data)), grey)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((2, 2)),
        np.zeros((2, 2, 4), "u1"),
        np.zeros((2, 2, 1), "u1"),
        np.zeros(4, "u1"),
        np.zeros((0, 3), "u1"),
    ],
)
def test_what_is_no_picture_is_refused(pixels):
    with pytest.raises(ValueError, match=r"^pixels are uint8 \(h, w\) or \(h, w, 3\), not "):
        encode_pixels(pixels)


def test_paths_sort_and_pixels_are_asked_for_late():
    asked = []

    def pixels(index):
        asked.append(index)
        return np.full((1, 1), index % 256, np.uint8)

    images = pixel_images("train/", ["a", None] * 50_001, False, pixels)
    paths = [image.path for image in images]
    assert paths[:2] == ["train/000000.pgm", "train/000001.pgm"] and paths == sorted(paths)
    assert images[1].label is None and asked == []
    assert images[300].read() == b"P5\n1 1\n255\n" + bytes([300 % 256]) and asked == [300]
    assert [image.path for image in pixel_images("", ["a"], True, pixels)] == ["00000.ppm"]
    assert pixel_images("", [], True, pixels) == []
