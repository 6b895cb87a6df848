"""A tiny image set of three kinds, for the stages that see the images themselves."""

import io
from pathlib import Path

import numpy as np
import PIL.Image

from stages.tables import Image, write_images

CLASSES = np.repeat([0, 1, 2], 10)


def write_drawings(file: Path, side: int = 12, labelled: bool = True) -> None:
    """Write an image table of grey stripes, columns and squares with some noise, ten each."""
    random = np.random.default_rng(3)
    rows, columns = np.mgrid[:side, :side]
    middle = (abs(rows - side // 2) < side // 4) & (abs(columns - side // 2) < side // 4)
    kinds = [rows % 4 < 2, columns % 4 < 2, middle]
    images = []
    for number, label in enumerate(CLASSES):
        pixels = kinds[label] * 180 + random.integers(0, 60, (side, side))
        buffer = io.BytesIO()
        PIL.Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
        known = int(label) if labelled else None
        images.append(Image(f"{number}.png", buffer.getvalue(), known, side, side))
    write_images(file, images, ["rows", "columns", "square"] if labelled else [])
