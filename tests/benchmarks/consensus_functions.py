"""CSPA on the sparse hypergraph against spectral clustering of the dense co-association matrix."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.benchmarks.call import cpu_side
from tests.benchmarks.comparison import Comparison, Side

N_IMAGES, N_PARTITIONS, N_CLUSTERS = 7200, 12, 100


def prepare(folder: Path) -> tuple[Side, Side]:
    """Write noisy copies of a hidden partition: half of the labels are drawn at random."""
    rng = np.random.default_rng(0)
    hidden = rng.integers(0, N_CLUSTERS, N_IMAGES)
    shape = (N_IMAGES, N_PARTITIONS)
    drawn = np.where(rng.random(shape) < 0.5, rng.integers(0, N_CLUSTERS, shape), hidden[:, None])
    np.savez(folder / "partitions.npz", hidden=hidden, partitions=drawn)
    return cpu_side(__name__, "sparse", folder), cpu_side(__name__, "dense", folder)


def sparse(folder: Path) -> Iterator[str]:
    """CSPA, which never forms the matrix."""
    from stages.consensus.cspa import CSPA

    partitions, hidden = _read(folder)
    CSPA(3, random_state=0).fit(partitions[:200])
    yield "ready"
    labels = CSPA(N_CLUSTERS, random_state=0).fit_predict(partitions)
    yield _told(hidden, labels)


def dense(folder: Path) -> Iterator[str]:
    """The matrix, float64 (n, n), and scikit-learn's spectral clustering of it."""
    from sklearn.cluster import SpectralClustering

    partitions, hidden = _read(folder)
    yield "ready"
    similarity = np.zeros((N_IMAGES, N_IMAGES))
    for column in partitions.T:
        similarity += column[:, None] == column
    clustering = SpectralClustering(N_CLUSTERS, affinity="precomputed", n_init=5, random_state=0)
    yield _told(hidden, clustering.fit_predict(similarity / N_PARTITIONS))


def _read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    with np.load(folder / "partitions.npz") as file:
        return file["partitions"], file["hidden"]


def _told(hidden: np.ndarray, labels: np.ndarray) -> str:
    from sklearn.metrics import adjusted_rand_score

    return f"adjusted Rand index with the hidden partition {adjusted_rand_score(hidden, labels):.4f}"


COMPARISONS = (
    Comparison(
        "cspa",
        f"CSPA of {N_PARTITIONS} partitions of {N_IMAGES} images against scikit-learn's spectral clustering",
        N_IMAGES,
        "CPU s",
        prepare,
    ),
)
