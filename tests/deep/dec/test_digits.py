"""IDEC with the paper's network on real digits, from nothing but the number of classes."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import normalized_mutual_info_score

from stages.deep.dec.estimators import IDEC

MNIST = Path(__file__).parents[4] / "shared" / "datasets" / "mnist"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MNIST.is_dir(), reason="the MNIST digits are not beside the repository"),
]


def accuracy(classes: np.ndarray, labels: np.ndarray) -> float:
    table = np.zeros((10, 10), dtype=int)
    np.add.at(table, (classes, labels), 1)
    return float(table[linear_sum_assignment(table, maximize=True)].sum() / len(classes))


def test_ten_thousand_digits(capsys: Any) -> None:
    """A short training: 20 passes of pre-training, 15 of clustering. K-means on the pixels gives .53 and .50."""
    images = gzip.decompress((MNIST / "t10k-images-idx3-ubyte.gz").read_bytes())
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 784).astype(np.float32)
    classes = np.frombuffer(
        gzip.decompress((MNIST / "t10k-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8
    )
    settings = {**IDEC.PRESETS["released"], "scaling": "global", "pretrain_epochs": 20, "refine_epochs": 15}
    model = IDEC(10, **settings, random_state=0).fit([pixels])
    scores = [
        (accuracy(classes, labels), normalized_mutual_info_score(classes, labels, average_method="geometric"))
        for labels in (model.initial_labels_, model.labels_)
    ]
    with capsys.disabled():
        print(f"\nIDEC on 10,000 digits, accuracy and NMI: first {scores[0]}, last {scores[1]}")
    assert scores[1][0] >= 0.6
    assert scores[1][1] >= 0.55
    assert scores[1][1] > scores[0][1]
