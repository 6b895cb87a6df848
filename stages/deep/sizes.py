"""A look at the sizes of clusters, and what they warn of."""

import warnings

import numpy as np


def warn_of_sizes(labels: np.ndarray, n_clusters: int, remedy: str) -> None:
    """Warn (`UserWarning`) of empty clusters, with a `remedy`, and of one with over half of the images int (n)."""
    sizes = np.bincount(labels, minlength=n_clusters)
    empty, largest = int((sizes == 0).sum()), int(sizes.max())
    if empty:
        warnings.warn(f"{empty} of {n_clusters} clusters are empty; {remedy}", stacklevel=4)
    if n_clusters > 2 and 2 * largest > len(labels):
        warnings.warn(
            f"one cluster holds {largest} of {len(labels)} images; too little tells these apart",
            stacklevel=4,
        )
