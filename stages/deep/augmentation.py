"""Views of images for training, in whole batches on their device: crops, turns, flips and colours.

The random transforms of torchvision draw once for a whole batch; here each image has draws of its own. Crop,
resize, turn and flip are one affine map, sampled once bilinearly, where a chain of transforms would interpolate
twice. At the edges of a crop its neighbours in the image are seen instead of the crop's own edge repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

_GREY_SHARE = 0.2  # of the images whose colours vary lose them altogether


@dataclass(frozen=True)
class Augmentation:
    """The random changes that make a view of an image.

    crops : sides of square crops, in pixels; one is drawn for each image, and a place for it.
    size : side of the view that the crop is resized to.
    degrees : largest turn, either way.
    flip : whether half of the images are mirrored.
    jitter : whether brightness, contrast and saturation vary by factors within .6 to 1.4 and the hue by an eighth
        of the circle, in this order, and one colour image in five loses its colours.
    """

    crops: Sequence[int]
    size: int
    degrees: float = 0.0
    flip: bool = False
    jitter: bool = False

    def views(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return a view of each image, uint8 (b, c, h, w): float32 (b, c, size, size) in [0, 1].

        `generator` is on the device of the images.
        """
        views = self._windows(images, generator)
        return self._coloured(views, generator) if self.jitter else views

    def plain_views(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return a random crop of each image and nothing else, as `views` does; for the rotation task."""
        return Augmentation(self.crops, self.size).views(images, generator)

    def _windows(self, images: Tensor, generator: torch.Generator) -> Tensor:
        (count, _, height, width), device = images.shape, images.device
        chosen = torch.randint(len(self.crops), (count,), generator=generator, device=device)
        uniform = partial(torch.rand, count, generator=generator, device=device)
        side = torch.tensor(self.crops, device=device)[chosen]
        left = (uniform() * (width - side + 1)).floor()
        top = (uniform() * (height - side + 1)).floor()
        angle = torch.deg2rad((uniform() * 2 - 1) * self.degrees) if self.degrees else torch.zeros_like(left)
        mirrored = torch.where(uniform() < 0.5, -1.0, 1.0) if self.flip else torch.ones_like(left)
        return window(images.float() / 255, side, left, top, angle, mirrored, self.size)

    def _coloured(self, views: Tensor, generator: torch.Generator) -> Tensor:
        uniform = partial(torch.rand, len(views), generator=generator, device=views.device)
        brightness, contrast, saturation = (0.6 + 0.8 * uniform() for _ in range(3))
        shift, grey = uniform() * 0.25 - 0.125, uniform() < _GREY_SHARE
        views = adjust_contrast(adjust_brightness(views, brightness), contrast)
        if views.shape[1] == 1:
            return views
        views = adjust_hue(adjust_saturation(views, saturation), shift)
        return torch.where(grey[:, None, None, None], greys(views), views)


def window(
    images: Tensor, side: Tensor, left: Tensor, top: Tensor, angle: Tensor, mirrored: Tensor, size: int
) -> Tensor:
    """Return a square window of each image (b, c, h, w), resized: (b, c, size, size).

    `side`, `left` and `top`, (b), are in pixels; the window is turned about its middle by `angle` (b) in radians,
    counter-clockwise as one sees the view's content, and mirrored where `mirrored` (b) is -1. Beyond the image its
    edge goes on. Where a window is larger than the view, pixels between samples are not seen.
    """
    height, width = images.shape[2:]
    cos, sin = angle.cos(), angle.sin()
    # From the view's coordinates, -1 to 1 from edge to edge, to those of the image.
    across = [mirrored * cos * side / width, -sin * side / width, (2 * left + side) / width - 1]
    down = [mirrored * sin * side / height, cos * side / height, (2 * top + side) / height - 1]
    maps = torch.stack([torch.stack(across, dim=1), torch.stack(down, dim=1)], dim=1).to(images.dtype)
    grid = torch.nn.functional.affine_grid(maps, [*images.shape[:2], size, size], align_corners=False)
    return torch.nn.functional.grid_sample(
        images, grid, mode="bilinear", padding_mode="border", align_corners=False
    )


def middle_view(images: Tensor, crop: int, size: int) -> Tensor:
    """Return the middle crop of images, uint8 (b, c, h, w), resized: float32 (b, c, size, size) in [0, 1]."""
    from torchvision.transforms.v2 import functional

    middle: Tensor = functional.center_crop(images, [crop, crop]).float() / 255
    if crop == size:
        return middle
    return torch.nn.functional.interpolate(
        middle, (size, size), mode="bilinear", align_corners=False, antialias=True
    )


def quarter_turns(views: Tensor) -> Tensor:
    """Return views (b, c, s, s) turned by 0, 90, 180 and 270 degrees, counter-clockwise: (4 b, c, s, s).

    All views unturned come first, then all turned once, and so on. No pixel is interpolated.
    """
    return torch.cat([torch.rot90(views, turns, (2, 3)) for turns in range(4)])


def greys(images: Tensor) -> Tensor:
    """Return the greys of images (b, c, h, w), with as many channels, 1 or 3."""
    from torchvision.transforms.v2 import functional

    if images.shape[1] == 1:
        return images
    found: Tensor = functional.rgb_to_grayscale(images, num_output_channels=3)
    return found


def adjust_brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Return images (b, c, h, w) in [0, 1], each times its own factor (b)."""
    return (images * _each(factor)).clamp(0, 1)


def adjust_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Return images (b, c, h, w), each drawn to or from the mean of its greys by its own factor (b)."""
    means = greys(images).mean(dim=(1, 2, 3))
    return _blend(images, _each(means), factor)


def adjust_saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Return colour images (b, 3, h, w), each drawn to or from its greys by its own factor (b)."""
    return _blend(images, greys(images), factor)


def adjust_hue(images: Tensor, shift: Tensor) -> Tensor:
    """Return colour images (b, 3, h, w) whose hues are each moved by a share (b) of the circle, -.5 to .5."""
    red, green, blue = images.unbind(dim=1)
    value, least = images.amax(dim=1), images.amin(dim=1)
    range_ = value - least
    divisor = torch.where(range_ > 0, range_, 1)
    hue = torch.where(
        value == red,
        (green - blue) / divisor,
        torch.where(value == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor),
    )
    hue = hue + 6 * shift[:, None, None]
    # Red, green and blue of a hue in sixths of the circle: value, less the range where the hue is far from theirs.
    parts = [(start + hue) % 6 for start in (5, 3, 1)]
    return torch.stack([value - range_ * torch.minimum(p, 4 - p).clamp(0, 1) for p in parts], dim=1)


def _blend(images: Tensor, others: Tensor, factor: Tensor) -> Tensor:
    return (_each(factor) * images + (1 - _each(factor)) * others).clamp(0, 1)


def _each(values: Tensor) -> Tensor:
    """A value for each image, shaped to go with (b, c, h, w)."""
    return values[:, None, None, None]
