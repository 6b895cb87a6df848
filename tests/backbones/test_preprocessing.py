"""Batches of shards, and their pixels as the libraries' own transforms make them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image
from torchvision.transforms import v2

from stages.backbones.card import Preprocessing
from stages.backbones.extraction import ordered_map
from stages.backbones.preprocessing import Batch, decode_batch, in_batches, resize_and_crop
from stages.registry import REGISTRY

SIZES = [(128, 128), (92, 112), (500, 333), (31, 47), (1, 1), (640, 100)]


def _photo(size):
    pixels = np.random.default_rng(size[0]).integers(
        0, 256, (size[1] // 4 + 1, size[0] // 4 + 1, 3), dtype=np.uint8
    )
    return Image.fromarray(pixels).resize(size)


def _ours(image, preprocessing):
    """Cropped by us, normalised here: the network does that itself."""
    pixels = torch.from_numpy(resize_and_crop(image, preprocessing).copy()).permute(2, 0, 1)
    mean, std = (torch.tensor(values)[:, None, None] for values in (preprocessing.mean, preprocessing.std))
    return (pixels / 255 - mean) / std


@pytest.mark.parametrize("name", ["mobilenet_v2", "vgg16", "inception_v3", "resnet50", "densenet121"])
@pytest.mark.parametrize("size", SIZES)
def test_equal_to_torchvision_preset(name, size):
    image = _photo(size)
    preset = torchvision.models.get_model_weights(name).IMAGENET1K_V1.transforms()
    torch.testing.assert_close(_ours(image, REGISTRY[name].preprocessing), preset(image), rtol=0, atol=1e-6)


TIMM = {
    "efficientnet_lite0": {},
    "efficientnet_lite1": {},
    "efficientnet_lite2": {},
    "xception": {},
    "inception_resnet_v2": {},
    "nasnetalarge": {},
    "convnext_base": {},
    "dinov2_vits14": {},
    "clip_vit_b32": {"crop_pct": 1.0},  # OpenAI's own; timm's configuration cuts off a tenth
    "clip_vit_l14": {},
}


@pytest.mark.parametrize("name", TIMM)
@pytest.mark.parametrize("size", SIZES)
def test_equal_to_timm_transform(name, size):
    """To rounding errors alone: timm resizes with Pillow too, to the same size."""
    image = _photo(size)
    config = timm.get_pretrained_cfg(REGISTRY[name].architecture).to_dict() | TIMM[name]
    transform = timm.data.create_transform(**timm.data.resolve_data_config(pretrained_cfg=config))
    torch.testing.assert_close(_ours(image, REGISTRY[name].preprocessing), transform(image), rtol=0, atol=1e-6)


@pytest.mark.parametrize("mode", ["center", "squash"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_equal_to_resizing_the_whole_and_cutting_out_the_middle(mode, interpolation):
    """To the bit, for 40 random sizes; no image is so long that its ends are cut off first."""
    rng = np.random.default_rng(0)
    for _ in range(40):
        width, height, resize = (int(side) for side in rng.integers(50, 200, 3))
        crop = int(rng.integers(resize // 2, resize + 1))
        image = _photo((width, height))
        ours = resize_and_crop(image, Preprocessing(resize, crop, (0, 0, 0), (1, 1, 1), interpolation, mode))
        short = min(width, height)
        size = (resize, resize) if mode == "squash" else (resize * width // short, resize * height // short)
        whole = np.asarray(image.resize(size, getattr(Image.Resampling, interpolation.upper())))
        left, top = (round((side - crop) / 2) for side in size)
        np.testing.assert_array_equal(ours, whole[top : top + crop, left : left + crop])


@pytest.mark.parametrize("mode", ["center", "squash"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_fast_resizing_differs_by_rounding_alone(mode, interpolation):
    """For 40 random sizes, enlarging and reducing, and a network's input that is larger than the resized image."""
    rng = np.random.default_rng(1)
    for _ in range(40):
        width, height, resize = (int(side) for side in rng.integers(30, 300, 3))
        crop = int(rng.integers(resize // 2, resize + 3))
        preprocessing = Preprocessing(resize, crop, (0, 0, 0), (1, 1, 1), interpolation, mode)
        image = _photo((width, height))
        exact, fast = (resize_and_crop(image, preprocessing, fast).astype(int) for fast in (False, True))
        assert exact.shape == fast.shape == (crop, crop, 3)
        difference = np.abs(exact - fast)
        assert difference.max() <= (0 if interpolation == "nearest" else 4)
        assert difference.mean() < 0.3


def test_published_takes_the_pixels_that_keras_takes():
    """Pixel x of s comes from pixel floor((x + 1/2) * width / s), as Pillow has it and Keras through Pillow.

    Five columns become two: floor(.5 * 2.5) = 1 and floor(1.5 * 2.5) = 3. Three rows become two:
    floor(.5 * 1.5) = 0 and floor(1.5 * 1.5) = 2. Nothing is cut off, nothing is mixed.
    """
    values = np.arange(15, dtype=np.uint8).reshape(3, 5)
    image = Image.fromarray(np.stack([values, values + 50, values + 100], axis=2))
    published = Preprocessing(4, 2, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic").published()
    pixels = resize_and_crop(image, published)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels[..., 0], [[1, 3], [11, 13]])
    np.testing.assert_array_equal(pixels[..., 2], [[101, 103], [111, 113]])
    # And enlarged: two columns become five, floor((x + 1/2) * .4) = 0 0 1 1 1.
    row = resize_and_crop(
        Image.fromarray(np.array([[[0] * 3, [9] * 3]], np.uint8)), replace(published, resize=5, crop=5)
    )
    np.testing.assert_array_equal(row[..., 0], [[0, 0, 9, 9, 9]] * 5)


def test_squash_ignores_the_shape():
    image = _photo((300, 50))
    squash = Preprocessing(24, 24, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "nearest", "squash")
    expected = v2.functional.pil_to_tensor(image.resize((24, 24), Image.Resampling.NEAREST)) / 255
    torch.testing.assert_close(_ours(image, squash), expected)


@pytest.mark.parametrize("size", [(60000, 3), (3, 60000)])
def test_a_very_long_image_needs_no_memory_for_its_ends(size):
    preprocessing = Preprocessing(64, 64, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    image = Image.new("RGB", size, "red")
    middle = tuple(slice(None) if side == 3 else slice(29000, 31000) for side in size)
    pixels = np.zeros((*size[::-1], 3), np.uint8)
    pixels[middle[1], middle[0]] = (0, 255, 0)
    image = Image.fromarray(pixels)
    cropped = resize_and_crop(image, preprocessing)
    assert cropped.shape == (64, 64, 3)
    assert (cropped == (0, 255, 0)).all(), "the middle is what is left"


def test_batches_end_where_shards_end():
    shards = [(3, iter([b"a", b"b", b"c"])), (5, [b"d", b"e"]), (6, [])]
    assert list(in_batches(shards, 2)) == [
        Batch(3, [b"a", b"b"], last=False),
        Batch(3, [b"c"], last=True),
        Batch(5, [b"d", b"e"], last=True),
    ]


def test_a_short_batch_is_filled_with_black():
    pixels = decode_batch(
        Batch(0, [b"50", b"60"], last=True),
        lambda data: Image.new("RGB", (4, 4), (int(data), 0, 0)),
        Preprocessing(2, 2, (0, 0, 0), (1, 1, 1)),
        3,
    )
    assert pixels.shape == (3, 2, 2, 3)
    assert pixels.dtype == np.uint8
    assert pixels[:, 0, 0].tolist() == [[50, 0, 0], [60, 0, 0], [0, 0, 0]]


def test_results_come_in_order_though_the_first_is_done_last():
    second_is_done = threading.Event()

    def work(item):
        if item == 0:
            assert second_is_done.wait(30)
        if item == 1:
            second_is_done.set()
        return -item

    with ThreadPoolExecutor(2) as pool:
        assert list(ordered_map(pool, work, range(4), ahead=2)) == [(0, 0), (1, -1), (2, -2), (3, -3)]


def test_no_more_than_asked_for_is_read_ahead():
    taken = []
    with ThreadPoolExecutor(1) as pool:
        results = ordered_map(pool, lambda item: item, (taken.append(i) or i for i in range(100)), ahead=3)
        next(results)
        assert taken == [0, 1, 2]
        results.close()


def test_an_error_comes_where_its_item_stands():
    with ThreadPoolExecutor(2) as pool:
        results = ordered_map(pool, lambda item: 1 // item, [2, 1, 0, 1], ahead=2)
        assert [next(results), next(results)] == [(2, 0), (1, 1)]
        with pytest.raises(ZeroDivisionError):
            next(results)
