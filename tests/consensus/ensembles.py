"""Partitions whose consensus is known, for the tests of all consensus functions."""

import numpy as np


def noisy_copies(n_images, n_clusters, n_partitions, share, seed=0):
    """A hidden partition, and copies of it, each with its own names, with a `share` of random labels."""
    rng = np.random.default_rng(seed)
    hidden = rng.integers(0, n_clusters, n_images)
    copies = np.empty((n_images, n_partitions), dtype=np.int32)
    for column in copies.T:
        drawn = np.where(rng.random(n_images) < share, rng.integers(0, n_clusters, n_images), hidden)
        column[:] = rng.permutation(n_clusters)[drawn]
    return hidden, copies


def same_partition(one, other):
    """Whether two labellings put the same images together."""
    pairs = len(set(zip(one, other, strict=True)))
    return pairs == len(set(one)) == len(set(other))
