"""Small inputs that the tests of stages.deep share."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch


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
