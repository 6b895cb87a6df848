"""From the image table to one array: which size images become, and what is done to them."""

import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from stages.core import memory
from stages.core.errors import ParameterError, TableError
from stages.decoding.pixels import chosen_size, read_pixels, read_shaped
from stages.tables import Image, ImageTable, read_images, write_images


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    shape = (height, width, 3) if channels == 3 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def table(folder: Path, *pictures: np.ndarray) -> ImageTable:
    """An image table of pictures, uint8 (h, w) or (h, w, 3), as PNG."""
    images = []
    for number, pixels in enumerate(pictures):
        buffer = io.BytesIO()
        PIL.Image.fromarray(pixels).save(buffer, "PNG")
        images.append(Image(f"{number}.png", buffer.getvalue(), None, pixels.shape[1], pixels.shape[0]))
    write_images(folder / "images.parquet", images, [])
    return read_images(folder / "images.parquet")


def squashed(pixels: np.ndarray, side: int) -> np.ndarray:
    """What Pillow's antialiased bilinear filter makes of the whole picture, (c, h, w)."""
    image = PIL.Image.fromarray(pixels).resize((side, side), PIL.Image.Resampling.BILINEAR)
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


@pytest.mark.parametrize("size", [(9, 14), (128, 128), (128, 16)])
def test_small_images_of_one_size_stay_as_they_are(tmp_path: Path, size: tuple[int, int]) -> None:
    pictures = [noise(*size, seed=seed) for seed in range(3)]
    pixels = read_pixels(table(tmp_path, *pictures))
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, np.stack(pictures).transpose(0, 3, 1, 2))


@pytest.mark.parametrize("sizes", [[(9, 14), (14, 9)], [(129, 16), (129, 16)], [(16, 129), (16, 129)]])
def test_mixed_and_large_images_become_squares(tmp_path: Path, sizes: list[tuple[int, int]]) -> None:
    pictures = [noise(*size) for size in sizes]
    pixels = read_pixels(table(tmp_path, *pictures))
    np.testing.assert_array_equal(pixels, np.stack([squashed(picture, 64) for picture in pictures]))


def test_a_side_that_is_given_overrules_the_images(tmp_path: Path) -> None:
    picture = noise(9, 14)
    pixels = read_pixels(table(tmp_path, picture), side=8)
    np.testing.assert_array_equal(pixels[0], squashed(picture, 8))


@pytest.mark.parametrize("side", [None, 32])
def test_one_channel_where_all_is_grey(tmp_path: Path, side: int | None) -> None:
    grey = noise(12, 10, channels=1)
    pixels = read_pixels(table(tmp_path, grey, np.repeat(grey[:, :, None], 3, axis=2)), side)
    assert pixels.shape == (2, 1, *((12, 10) if side is None else (32, 32)))
    assert pixels.flags.c_contiguous
    np.testing.assert_array_equal(pixels[0], pixels[1])
    if side is None:
        np.testing.assert_array_equal(pixels[0, 0], grey)


def test_one_coloured_pixel_makes_three_channels_of_all(tmp_path: Path) -> None:
    grey = noise(12, 10, channels=1)
    other = np.repeat(grey[:, :, None], 3, axis=2)
    other[5, 5] = (1, 2, 3)
    pixels = read_pixels(table(tmp_path, grey, other))
    np.testing.assert_array_equal(pixels[0], np.stack([grey] * 3))
    assert pixels[1, :, 5, 5].tolist() == [1, 2, 3]


def test_images_keep_their_order_over_row_groups(tmp_path: Path) -> None:
    pictures = [np.full((8, 8), number % 251, np.uint8) for number in range(600)]
    pixels = read_pixels(table(tmp_path, *pictures))
    assert pixels[:, 0, 0, 0].tolist() == [number % 251 for number in range(600)]


def test_new_images_are_brought_to_a_shape_that_is_known(tmp_path: Path) -> None:
    images = table(tmp_path, noise(9, 14), noise(20, 30))
    grey = read_shaped(images, (1, 8, 16))
    assert grey.shape == (2, 1, 8, 16)
    expected = PIL.Image.fromarray(noise(20, 30)).convert("L").resize((16, 8), PIL.Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(grey[1, 0], np.asarray(expected))


@pytest.mark.parametrize(("text", "side"), [("auto", None), ("8", 8), ("512", 512)])
def test_sizes_that_are_taken(text: str, side: int | None) -> None:
    assert chosen_size(text) == side


@pytest.mark.parametrize("text", ["7", "513", "-64", "64.0", "64x64", "big", ""])
def test_sizes_that_are_refused(text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        chosen_size(text)
    assert str(caught.value) == f"image_size is {text!r}; give 'auto', or a whole number from 8 to 512"


def test_too_many_images_are_refused_before_one_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = table(tmp_path, noise(9, 9), noise(8, 8))
    monkeypatch.setattr(memory, "available_memory", lambda: 2 * 3 * 64 * 64)
    monkeypatch.setattr("stages.decoding.pixels.decode_image", None)
    with pytest.raises(
        ParameterError, match=r"^2 images of 64 x 64 pixels would take .* give a smaller image_size$"
    ):
        read_pixels(images)


def test_an_image_that_does_not_decode_is_named(tmp_path: Path) -> None:
    write_images(tmp_path / "images.parquet", [Image("a.png", b"x", None, 8, 8)], [])
    with pytest.raises(
        TableError, match=r"images\.parquet holds 'a\.png', which cannot be decoded \(not an image"
    ):
        read_pixels(read_images(tmp_path / "images.parquet"))
