"""Small inputs that the tests of stages.deep share."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.core.seal import sealed_json
from stages.tables import Image, write_images
from tests.deep.toy import FAST, write_features, write_parameters


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Compute on one thread: waiting for a second takes longer than these small products."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest) -> str:
    """The name of each kind of device; CUDA is skipped where there is none."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device is available")
    return str(request.param)


@pytest.fixture
def blobs() -> tuple[list[np.ndarray], np.ndarray]:
    """Three classes of 20 images, far apart in two non-negative views of widths 12 and 7: (views, labels)."""
    random = np.random.default_rng(7)
    labels = np.repeat(np.arange(3), 20)
    views = []
    for width in (12, 7):
        means = np.zeros((3, width))
        for label in range(3):
            means[label, 2 * label : 2 * label + 2] = 4.0
        views.append(np.abs(means[labels] + 0.2 * random.normal(size=(60, width))).astype(np.float32))
    return views, labels


@pytest.fixture
def project(workdir: Path, blobs: tuple[list[np.ndarray], np.ndarray]) -> Path:
    """A project folder, made the current one, with parameters, images and the features of two backbones."""
    views, labels = blobs
    images = [Image(f"{i}.png", bytes([i]), int(label), 4, 4) for i, label in enumerate(labels)]
    write_images(Path("data/images/toy.parquet"), images, ["a", "b", "c"])
    for name, view in zip(("wide", "narrow"), views, strict=True):
        write_features(name, view)
    manifest = Path("data/views/toy/features.json")
    manifest.parent.mkdir(parents=True)
    manifest.write_text(sealed_json({"wide": {"L3": "0"}, "narrow": {"L3": "0"}}))
    write_parameters(FAST)
    return workdir
