"""Shared by the tests of the graph-agglomerative clusterers: short dense references, real images, hard cases."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

DATASETS = Path(__file__).parents[3] / "shared" / "datasets"


def needs(name):
    """Skip where the image set is not beside the repository."""
    return pytest.mark.skipif(not (DATASETS / name).exists(), reason=f"{name} is not beside the repository")


def archive(name):
    """The images of an .npz file as pixels of length 1, and their classes."""
    with np.load(DATASETS / name) as arrays:
        pixels = arrays["images"].reshape(len(arrays["images"]), -1).astype(np.float64)
        return _unit(pixels), arrays["labels"]


def _unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def nmi(classes, labels):
    """NMI as the literature has it."""
    return normalized_mutual_info_score(classes, labels, average_method="geometric")


def dense_weights(graph):
    """The weights of a neighbour graph as a matrix."""
    matrix = np.zeros((len(graph.indices), len(graph.indices)))
    np.put_along_axis(matrix, graph.indices.astype(np.int64), graph.weights, axis=1)
    return matrix


def dense_merges(names, n_clusters, affinity, digits):
    """Merge by brute force: every affinity computed at every step; float64 (r, 3) as the clusterers give it.

    `affinity(i, j)` is of two arrays of images; those equal to `digits` significant ones tie.
    """
    clusters = {int(name): np.flatnonzero(names == name) for name in np.unique(names)}
    merges = []
    while len(clusters) > n_clusters:
        best = None
        for column in clusters:
            for row in clusters:
                if row < column:
                    value = affinity(clusters[row], clusters[column])
                    images = len(clusters[row]) + len(clusters[column])
                    key = (-float(f"{value:.{digits}g}"), images, column, row)
                    if value > 1e-15 and (best is None or key < best[0]):
                        best = (key, value)
        if best is None:
            break
        (_, _, column, row), value = best
        merges.append((row, column, value))
        clusters[row] = np.concatenate([clusters[row], clusters.pop(column)])
    return np.array(merges).reshape(-1, 3)


def blobs(n_images, n_classes, seed, n_features=6):
    """Well separated groups in random order."""
    rng = np.random.default_rng(seed)
    classes = rng.permutation(np.arange(n_images) % n_classes)
    centres = 20 * np.eye(n_classes, n_features)
    return (centres[classes] + rng.normal(size=(n_images, n_features))).astype(np.float32), classes


def assert_numbered(labels, n_clusters):
    """Labels are int32 from 0 in the order of their first images."""
    assert labels.dtype == np.int32
    _, first = np.unique(labels, return_index=True)
    assert len(first) == n_clusters and (np.diff(first) > 0).all()
