"""Every clusterer on real images that scikit-learn brings, for where the image sets of the papers are missing."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

from stages.clustering.algorithms import find_algorithm
from tests.clustering.graphs import nmi


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Pixels of 1,797 digits, float32 (n, 64), rows of length 1, and the classes."""
    pixels, classes = load_digits(return_X_y=True)
    return (pixels / np.linalg.norm(pixels, axis=1, keepdims=True)).astype(np.float32), classes


@pytest.mark.parametrize(
    ("algorithm", "score"),
    [
        ("kmeans", 0.745),
        ("minibatch_kmeans", 0.725),
        ("ward", 0.825),
        ("average", 0.714),
        ("gaussian_mixture", 0.665),
        ("sc_njw", 0.862),
        ("sc_st", 0.723),
        ("sc_ls", 0.860),
        ("ncuts", 0.843),
        ("gdl", 0.907),
        ("agdl", 0.907),
        ("pic", 0.902),
        ("zeta", 0.907),
        ("nmf_lp", 0.64),
        ("genie", 0.890),
    ],
)
def test_digits_score_as_measured(digits: tuple[np.ndarray, np.ndarray], algorithm: str, score: float) -> None:
    """NMI (geometric) with the classes of one seed; graph linkage leads K-means as it does on the papers' sets."""
    if algorithm == "genie":
        pytest.importorskip("genieclust")
    pixels, classes = digits
    labels = find_algorithm(algorithm).partition(pixels, 10, seed=0, n_init=3)
    assert nmi(classes, labels) == pytest.approx(score, abs=0.025)


def test_k_means_is_as_good_as_scikit_learn(digits: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, _ = digits
    ours = find_algorithm("kmeans").partition(pixels, 10, seed=0, n_init=10)
    spread = sum(((pixels[ours == k] - pixels[ours == k].mean(axis=0)) ** 2).sum() for k in range(10))
    assert spread <= KMeans(10, n_init=10, random_state=0).fit(pixels).inertia_ * 1.001
