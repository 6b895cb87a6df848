"""How many records a training by DEC makes at most, which its progress bar goes up to."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.tables import Image, read_images, write_images
from stages.tables.methods import IMAGES, MethodName
from stages.tables.trained_files import TrainedFiles
from stages.training.job import Job
from stages.training.on_features import DecJob
from stages.training.on_images import DecOnImages

EPOCHS = {"layer_epochs": 3, "pretrain_epochs": 5, "anchor_epochs": 0, "refine_epochs": 7}


def job(name: MethodName, folder: Path) -> Job:
    write_images(folder / "images.parquet", [Image("a.png", b"a", None, 1, 1)], [])
    given: dict[str, Any] = {
        "name": name,
        "files": TrainedFiles(folder, "d"),
        "images": read_images(folder / "images.parquet"),
        "n_clusters": 1,
        "seed": 0,
        "seconds": 0,
        "parameters": {**EPOCHS, "network": [8, 6, 4]},
    }
    if name.on_images:
        return DecOnImages(**given, pixels=np.zeros((1, 1, 8, 8), np.uint8), image_size="8")
    return DecJob(**given, backbones=["a", "b"], layer="L3", scaling="none", width=4)


@pytest.mark.parametrize(
    ("name", "records"),
    [
        (MethodName("dec", "cc"), 2 * 3 + 12),
        (MethodName("dec", "dmvc-fix"), 2 * 3 + 12),
        (MethodName("dec", "dmvc"), 6 * 3 + 12),  # a perceptron of two layers for each view, and one over them
        (MethodName("dec", "views"), 2 * (2 * 3 + 12)),
        (MethodName(IMAGES, "dec"), 3 * 3 + 12),
    ],
)
def test_passes_by_layer_count_once_a_layer(tmp_path: Path, name: MethodName, records: int) -> None:
    assert job(name, tmp_path).records == records
