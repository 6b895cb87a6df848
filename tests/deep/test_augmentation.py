"""Views of images: each transform against torchvision's for one image, and what a batch of draws looks like."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

from stages.deep.augmentation import (
    Augmentation,
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    middle_view,
    quarter_turns,
    window,
)


def photos(count: int = 6, channels: int = 3, height: int = 21, width: int = 17) -> Tensor:
    """Smooth random images, uint8: neighbours are alike, as in photos."""
    rough = np.random.RandomState(0).uniform(0, 255, (count, channels, 5, 5)).astype(np.float32)
    smooth = torch.nn.functional.interpolate(torch.from_numpy(rough), (height, width), mode="bicubic")
    return smooth.clamp(0, 255).to(torch.uint8)


def each(*values: float) -> Tensor:
    return torch.tensor(values)


def test_windows_are_crops_resized_as_by_torchvision() -> None:
    images = photos().float() / 255
    side, left, top = each(9, 9, 12, 5, 17, 10), each(0, 8, 3, 2, 0, 1), each(0, 12, 4, 7, 4, 11)
    zero, one = torch.zeros(6), torch.ones(6)
    views = window(images, side, left, top, zero, one, 32)
    for index in range(6):
        place = [int(values[index]) for values in (top, left, side, side)]
        expected = functional.resized_crop(images[index], *place, [32, 32], antialias=False)
        inner = slice(4, -4)  # at its edges a window sees the image go on
        torch.testing.assert_close(views[index][:, inner, inner], expected[:, inner, inner], atol=1e-5, rtol=0)


def test_windows_turn_as_by_torchvision() -> None:
    images = photos(4, 1, 24, 24).float() / 255
    degrees = each(0, 20, -25, 90)
    whole, zero = torch.full((4,), 24.0), torch.zeros(4)
    views = window(images, whole, zero, zero, torch.deg2rad(degrees), torch.ones(4), 24)
    for index in range(4):
        turned = functional.rotate(images[index], float(degrees[index]), InterpolationMode.BILINEAR)
        torch.testing.assert_close(views[index][:, 6:-6, 6:-6], turned[:, 6:-6, 6:-6], atol=1e-4, rtol=0)


def test_windows_are_mirrored_as_by_torchvision() -> None:
    images = photos(2, 3, 16, 16).float() / 255
    whole, zero = torch.full((2,), 16.0), torch.zeros(2)
    views = window(images, whole, zero, zero, zero, each(1, -1), 16)
    torch.testing.assert_close(views[0], images[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(views[1], functional.horizontal_flip(images[1]), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("ours", "theirs", "values"),
    [
        (adjust_brightness, functional.adjust_brightness, (0.6, 1.0, 1.4, 0.0, 1.1, 2.0)),
        (adjust_contrast, functional.adjust_contrast, (0.6, 1.0, 1.4, 0.0, 1.1, 2.0)),
        (adjust_saturation, functional.adjust_saturation, (0.6, 1.0, 1.4, 0.0, 1.1, 2.0)),
        (adjust_hue, functional.adjust_hue, (-0.125, 0.0, 0.125, 0.5, 0.03, -0.4)),
    ],
)
def test_colours_change_as_by_torchvision(ours: Any, theirs: Any, values: tuple[float, ...]) -> None:
    images = photos().float() / 255
    images[0] = images[0].mean(dim=0)  # greys have no hue
    changed = ours(images, torch.tensor(values))
    for index, value in enumerate(values):
        torch.testing.assert_close(changed[index], theirs(images[index], value), atol=1e-4, rtol=0)


def test_quarter_turns_are_exact() -> None:
    views = photos(2, 3, 8, 8)
    turned = quarter_turns(views)
    assert turned.shape == (8, 3, 8, 8)
    for turns in range(4):
        expected = np.rot90(views.numpy(), turns, axes=(2, 3))
        assert np.array_equal(turned[2 * turns : 2 * turns + 2].numpy(), expected)
    assert torch.equal(quarter_turns(turned[6:])[2:4], views), "a quarter on from three quarters"


@pytest.mark.parametrize(("crop", "size"), [(8, 8), (8, 32), (17, 8)])
def test_the_middle_is_that_of_torchvision(crop: int, size: int) -> None:
    images = photos()
    cut = functional.center_crop(images, [crop, crop]).float() / 255
    expected = functional.resize(cut, [size, size], antialias=True)
    torch.testing.assert_close(middle_view(images, crop, size), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_image_of_a_batch_has_draws_of_its_own(channels: int, device: str) -> None:
    one = photos(1, channels).expand(50, -1, -1, -1).to(device)
    made = Augmentation((9, 12), 16, degrees=20, flip=True, jitter=True)
    views = made.views(one, torch.Generator(device).manual_seed(0))
    assert views.shape == (50, channels, 16, 16) and views.dtype == torch.float32
    assert views.min() >= 0 and views.max() <= 1
    assert len(torch.unique(views.flatten(1), dim=0)) == 50
    assert torch.equal(views, made.views(one, torch.Generator(device).manual_seed(0)))
    if channels == 3:
        grey = (views.amax(dim=1) - views.amin(dim=1)).amax(dim=(1, 2)) < 1e-5
        assert 2 <= grey.sum() <= 20, "a fifth loses its colours"


def test_crops_lie_anywhere_within_the_image() -> None:
    """In a ramp the first pixels of a crop show where it was taken."""
    ramp = torch.arange(20, dtype=torch.uint8).view(1, 1, 1, 20).expand(400, 1, 20, 20)
    views = Augmentation((8,), 8).views(ramp, torch.Generator().manual_seed(0))
    left = (views[:, 0, 3, 0] * 255).round().int()
    assert sorted(set(left.tolist())) == list(range(13))


def test_half_of_the_views_are_mirrored_and_none_without_flip() -> None:
    ramp = torch.arange(20, dtype=torch.uint8).view(1, 1, 1, 20).expand(400, 1, 20, 20)
    for flip, least, most in ((True, 160, 240), (False, 0, 0)):
        views = Augmentation((20,), 20, flip=flip).views(ramp, torch.Generator().manual_seed(0))
        assert least <= int((views[:, 0, 0, 0] > views[:, 0, 0, -1]).sum()) <= most


def test_plain_views_are_neither_mirrored_nor_coloured() -> None:
    ramp = torch.arange(0, 200, 10, dtype=torch.uint8).view(1, 1, 1, 20).expand(50, 3, 20, 20)
    made = Augmentation((20,), 20, degrees=30, flip=True, jitter=True)
    views = made.plain_views(ramp, torch.Generator().manual_seed(0))
    torch.testing.assert_close(views, ramp.float() / 255, atol=1e-5, rtol=0)
