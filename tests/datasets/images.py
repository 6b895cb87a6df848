"""Small image files for the tests."""

import io
from typing import Any

from PIL import Image

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def encode(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def png(colour: tuple[int, int, int] = RED, size: tuple[int, int] = (3, 2)) -> bytes:
    return encode(Image.new("RGB", size, colour))
