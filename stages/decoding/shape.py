"""Images of one size, as networks that are trained on them take them."""

import numpy as np
from PIL import Image


def shaped(image: Image.Image, shape: tuple[int, int, int]) -> np.ndarray:
    """Return a decoded image as uint8 `shape` (c, h, w): grey where c is 1, RGB where it is 3.

    The whole image is squashed to w x h pixels by Pillow's antialiased bilinear filter, if it has another size.
    """
    channels, height, width = shape
    image = image.convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(height, width, channels).transpose(2, 0, 1)
