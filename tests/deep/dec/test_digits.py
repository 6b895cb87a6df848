"""IDEC with the paper's network on real digits, from nothing but the number of classes."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.datasets import load_digits
from sklearn.metrics import normalized_mutual_info_score

from stages.deep.dec.estimators import IDEC

MNIST = Path(__file__).parents[4] / "shared" / "datasets" / "mnist"
pytestmark = pytest.mark.slow
# Pre-trained at once, with noise, which is faster than layer by layer.
RELEASED = {**IDEC.PRESETS["released"], "scaling": "global", "layer_epochs": 0, "pretrain_noise": 0.2}


def accuracy(classes: np.ndarray, labels: np.ndarray) -> float:
    table = np.zeros((10, 10), dtype=int)
    np.add.at(table, (classes, labels), 1)
    return float(table[linear_sum_assignment(table, maximize=True)].sum() / len(classes))


def scores(model: IDEC, classes: np.ndarray) -> list[tuple[float, float]]:
    """Accuracy and NMI of the first and of the last clusters."""
    return [
        (accuracy(classes, labels), normalized_mutual_info_score(classes, labels, average_method="geometric"))
        for labels in (model.initial_labels_, model.labels_)
    ]


def test_small_digits(capsys: Any) -> None:
    """1,797 digits of 8 x 8 pixels; 60 passes of pre-training, 15 of clustering."""
    pixels, classes = load_digits(return_X_y=True)
    settings = {**RELEASED, "pretrain_epochs": 60, "refine_epochs": 15}
    first, last = scores(IDEC(10, **settings, random_state=0).fit([pixels.astype(np.float32)]), classes)
    with capsys.disabled():
        print(f"\nIDEC on 1,797 digits, accuracy and NMI: first {first}, last {last}")
    assert last[1] >= 0.74
    assert last[1] > first[1]


@pytest.mark.skipif(not MNIST.is_dir(), reason="the MNIST digits are not beside the repository")
def test_ten_thousand_digits(capsys: Any) -> None:
    """A short training: 20 passes of pre-training, 15 of clustering. K-means on the pixels gives .53 and .50."""
    images = gzip.decompress((MNIST / "t10k-images-idx3-ubyte.gz").read_bytes())
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 784).astype(np.float32)
    classes = np.frombuffer(
        gzip.decompress((MNIST / "t10k-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8
    )
    settings = {**RELEASED, "pretrain_epochs": 20, "refine_epochs": 15}
    model = IDEC(10, **settings, random_state=0).fit([pixels])
    first, last = scores(model, classes)
    with capsys.disabled():
        print(f"\nIDEC on 10,000 digits, accuracy and NMI: first {first}, last {last}")
    assert last[0] >= 0.6
    assert last[1] >= 0.55
    assert last[1] > first[1]
