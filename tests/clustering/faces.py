"""The UMist faces as the literature clusters them."""

import csv
import functools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

FOLDER = Path(__file__).parents[3] / "shared" / "datasets" / "umist"


@functools.cache
def umist() -> tuple[np.ndarray, list[str]]:
    """Pixels float32 (575, 10304), grey, rows of length 1, and the persons; skips where there are none."""
    if not FOLDER.is_dir():
        pytest.skip("the UMist faces are not beside the repository")
    with (FOLDER / "labels.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    name, person = list(rows[0])[:2]
    paths = [FOLDER / "images" / Path(row[name]).name for row in rows]
    grey = [np.asarray(Image.open(path).convert("L"), dtype=np.float32).ravel() for path in paths]
    pixels = np.stack(grey) / 255
    return pixels / np.linalg.norm(pixels, axis=1, keepdims=True), [row[person] for row in rows]
