"""Resizing and cropping equal the libraries' own transforms."""

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image
from torchvision.transforms import v2

from stages.backbones.card import Preprocessing
from stages.backbones.preprocessing import resize_and_crop, to_tensor
from stages.backbones.registry import REGISTRY

SIZES = [(128, 128), (92, 112), (500, 333), (31, 47), (1, 1), (640, 100)]


def _photo(size):
    pixels = np.random.default_rng(size[0]).integers(
        0, 256, (size[1] // 4 + 1, size[0] // 4 + 1, 3), dtype=np.uint8
    )
    return Image.fromarray(pixels).resize(size)


def _ours(image, preprocessing):
    return to_tensor([resize_and_crop(image, preprocessing)], preprocessing)[0]


@pytest.mark.parametrize("size", SIZES)
def test_equal_to_torchvision_preset(size):
    image = _photo(size)
    preset = torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1.transforms()
    torch.testing.assert_close(
        _ours(image, REGISTRY["mobilenet_v2"].preprocessing), preset(image), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("variant", [0, 1, 2])
@pytest.mark.parametrize("size", SIZES)
def test_equal_to_timm_transform(variant, size):
    image = _photo(size)
    config = timm.data.resolve_data_config(
        pretrained_cfg=timm.get_pretrained_cfg(f"tf_efficientnet_lite{variant}").to_dict()
    )
    transform = timm.data.create_transform(**config)
    ours = _ours(image, REGISTRY[f"efficientnet_lite{variant}"].preprocessing)
    torch.testing.assert_close(ours, transform(image), rtol=0, atol=1e-6)


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


def test_batches_are_channels_last():
    preprocessing = REGISTRY["mobilenet_v2"].preprocessing
    batch = to_tensor([resize_and_crop(_photo((50, 60)), preprocessing)] * 2, preprocessing)
    assert batch.shape == (2, 3, 224, 224)
    assert batch.dtype == torch.float32
    assert batch.is_contiguous(memory_format=torch.channels_last)
