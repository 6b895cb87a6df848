"""The graph of the base partitions, against its matrix; its part in the choice of the number of clusters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.graphs import CoassociationGraph, choose_cluster_count


def reference(partitions: np.ndarray, weights: np.ndarray, labels: np.ndarray, resolution: float) -> float:
    """Modularity by the sum over all pairs of images (Newman and Girvan 2004), of weighted edges."""
    n_images = len(labels)
    edges = np.zeros((n_images, n_images))
    for own, weight in zip(partitions.T, weights, strict=True):
        edges += weight * ((own[:, None] == own) & (own[:, None] >= 0))
    np.fill_diagonal(edges, 0)
    degrees, total = edges.sum(axis=1), edges.sum()
    if total == 0:
        return 0.0
    surplus = edges / total - resolution * np.outer(degrees, degrees) / total**2
    return float(surplus[labels[:, None] == labels].sum())


@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 10**6), st.sampled_from([0.4, 0.8, 1.0]))
@settings(deadline=None)
def test_modularity_is_that_of_the_whole_matrix(
    n_images: int, n_partitions: int, seed: int, resolution: float
) -> None:
    random = np.random.default_rng(seed)
    partitions = random.integers(-1, 4, size=(n_images, n_partitions))
    partitions[random.integers(n_images)] = 0  # no partition without any label
    weights = random.random(n_partitions) * random.integers(0, 2, n_partitions)
    labels = random.integers(0, 3, n_images)
    found = CoassociationGraph(partitions, weights).agreement(labels).modularity(resolution)
    assert found == pytest.approx(reference(partitions, weights, labels, resolution), abs=1e-12)


def test_the_number_has_the_greatest_mean_of_two_modularities() -> None:
    """Links see four groups; the base partitions, two pairs of them. Both together decide."""
    groups = np.repeat(np.arange(4), 10)
    pairs = [(i, j) for i in range(40) for j in range(40) if i != j and groups[i] == groups[j]]
    links, cuts = np.array(pairs), {k: groups * k // 4 for k in range(1, 5)}

    def cut(count: int) -> np.ndarray:
        return cuts.get(count, np.arange(40) * count // 40)

    assert choose_cluster_count(cut, links, 40, True).n_clusters == 4
    votes = CoassociationGraph(np.repeat(groups[:, None] // 2, 3, axis=1), np.ones(3))
    found = choose_cluster_count(cut, links, 40, True, votes)
    # Links: 1 - .8 / 4 and 1 - .8 / 2; votes: 9 / 19 - .8 / 4 and 1 - .8 / 2. The means are .537 and .6.
    assert found.n_clusters == 2
    np.testing.assert_allclose(found.modularity[[1, 3]], [0.6, (0.8 + 9 / 19 - 0.2) / 2])
