"""Neighbours of large sets: looked for once, on the leading principal axes, and shared by all graphs of a layer.

A graph on all features or on half of them has almost the same neighbours as the leading axes, in another order. So
each image gets many candidates by one exact search on few columns, and each graph chooses among them by the
distances of its own features. `measure_recall` says how many neighbours that leaves out.
"""

import numpy as np

from stages.clustering.neighbours import nearest_neighbours
from stages.clustering.preparation import leading_columns

SHARED = 5000  # images above which a layer's graphs share their candidates; up to here all searches are exact
CANDIDATES = (64, 256)  # of each image: the latter if the former miss too many neighbours
LEAST_RECALL = 0.98  # below which they do
_TIMES = 4  # times as many candidates as neighbours there have to be
_SHARE, _LEAST_COLUMNS = 0.8, 64  # of the variance, and of the columns, that candidates are looked for on
_SAMPLE = 200  # images whose neighbours are looked for exactly, to measure the recall


def find_candidates(rotated: np.ndarray, first: np.ndarray, equal: np.ndarray, number: int) -> np.ndarray:
    """Return images, int32 (n, `number`), among which each one's nearest are looked for.

    `rotated` are features (n, d) along their principal axes. Copies have the same candidates, no copies among
    them: `first` and `equal` are those of `different_images`. Raises `ParameterError` where memory lacks.
    """
    columns = max(leading_columns(rotated, _SHARE), _LEAST_COLUMNS)
    found, _ = nearest_neighbours(np.ascontiguousarray(rotated[first, :columns]), number)
    shared: np.ndarray = first[found][equal].astype(np.int32)
    return shared


def nearest_among(candidates: np.ndarray, features: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` nearest of each image's candidates, int32 (n, c), as `nearest_neighbours` does those of all.

    An image may be among its own candidates, and one of them twice: neither counts. With fewer than 4 k
    candidates, or fewer than k that count, the neighbours are looked for among all images.
    """
    from stages.clustering._neighbour_kernels import choose_nearest

    if _enough(candidates, k):
        images = np.arange(len(features))
        indices, distances, complete = choose_nearest(features, images, candidates, k)
        if complete:
            return indices, distances
    return nearest_neighbours(features, k)


def measure_recall(candidates: np.ndarray, features: np.ndarray, k: int) -> float:
    """Return which share, 0 to 1, of the `k` nearest others of 200 images `nearest_among` finds.

    `features` are those of the graph, float (n, d), all rows different. The images are evenly spread over the set.
    """
    from stages.clustering._neighbour_kernels import choose_nearest

    if not _enough(candidates, k):
        return 1.0
    n_images = len(features)
    sample = np.unique(np.linspace(0, n_images - 1, _SAMPLE).astype(np.int64))
    order = np.concatenate([sample, np.setdiff1d(np.arange(n_images), sample)])  # the search takes the first rows
    exact = order[nearest_neighbours(features[order], k, len(sample))[0]]
    found, _, complete = choose_nearest(features, sample, candidates[sample], k)
    hits = sum(len(np.intersect1d(a, b)) for a, b in zip(exact, found, strict=True))
    return hits / exact.size if complete else 1.0


def _enough(candidates: np.ndarray, k: int) -> bool:
    return int(candidates.shape[1]) >= _TIMES * k
