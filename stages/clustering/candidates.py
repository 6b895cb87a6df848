"""Neighbours of large sets: looked for once, on the leading principal axes, and shared by all graphs of a layer.

A graph on all features or on half of them has almost the same neighbours as the leading axes, in another order. So
each image gets many candidates by one exact search on few columns, and each graph chooses among them by the
distances of its own features. `measure_recall` says how many neighbours that leaves out. `KeptCandidates` does the
same for the graphs of a network's embedding, which changes little from one to the next.
"""

import numpy as np

from stages.clustering.distances import distance_blocks, squared_distances
from stages.clustering.neighbours import nearest_neighbours
from stages.clustering.preparation import count_different, leading_columns
from stages.core.seeds import evenly_spaced

SHARED = 5000  # images above which a layer's graphs share their candidates; up to here all searches are exact
CANDIDATES = (64, 256)  # of each image: the latter if the former miss too many neighbours
LEAST_RECALL = 0.98  # below which they do
_TIMES = 4  # times as many candidates as neighbours there have to be
_SHARE, _LEAST_COLUMNS = 0.8, 64  # of the variance, and of the columns, that candidates are looked for on
_SEARCHED = 100_000  # images above which only an image's own cell and near ones are searched
_MOST_CELLS, _NEAR_CELLS = 1000, 64  # cells at most, and how many of them are searched
_KEPT_SEARCHED = 20_000  # the same for candidates that are kept, whose recall is measured with every graph
_SAMPLE = 200  # images whose neighbours are looked for exactly, to measure the recall
_ROUNDING = 1e-9  # of distances from matrix products, as a part of them


def find_candidates(rotated: np.ndarray, first: np.ndarray, equal: np.ndarray, number: int) -> np.ndarray:
    """Return images, int32 (n, `number`), among which each one's nearest are looked for.

    `rotated` are features (n, d) along their principal axes. Copies have the same candidates, no copies among
    them: `first` and `equal` are those of `different_images`. Raises `ParameterError` where memory lacks.
    """
    columns = max(leading_columns(rotated, _SHARE), _LEAST_COLUMNS)
    some = np.ascontiguousarray(rotated[first, :columns])
    found = nearest_neighbours(some, number)[0] if len(some) <= _SEARCHED else _by_cells(some, number)
    shared: np.ndarray = first.astype(np.int32)[found]
    return shared[equal] if len(first) < len(equal) else shared


def _by_cells(features: np.ndarray, number: int) -> np.ndarray:
    """Return the `number` nearest others of each of features (n, d) in its cell and near ones, int32 (n, number).

    Cells are those of K-means, as many as images in one but 1,000 at most; near are those of the nearest centres,
    64 of them, or more where these hold too few images.
    """
    from stages.clustering.kmeans import KMeans

    n_images = len(features)
    wanted = min(int(n_images**0.5), _MOST_CELLS, count_different([features]))
    cells = KMeans(wanted, n_init=1, random_state=0).fit(features)
    members = np.split(np.argsort(cells.labels_, kind="stable"), np.cumsum(np.bincount(cells.labels_))[:-1])
    sizes = np.array([len(some) for some in members])
    found = np.empty((n_images, number), dtype=np.int32)
    for own, distances in enumerate(squared_distances(cells.cluster_centers_)):
        distances[own] = -1
        order = np.argsort(distances, kind="stable")
        enough = int(np.searchsorted(np.cumsum(sizes[order]), number + 1)) + 1
        near = np.concatenate([members[cell] for cell in order[: max(_NEAR_CELLS, enough)]]).astype(np.int32)
        found[members[own]] = near[nearest_neighbours(features[near], number, len(members[own]))[0]]
    return found


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

    `features` are those of the graph, float (n, d). The images are evenly spread over the set. A neighbour counts
    as found if another one at its distance is: of copies, any will do. Memory: blocks of 20,000 images.
    """
    from stages.clustering._neighbour_kernels import choose_nearest

    if not _enough(candidates, k):
        return 1.0
    sample = evenly_spaced(len(features), _SAMPLE)
    _, distances, complete = choose_nearest(features, sample, candidates[sample], k)
    if not complete:
        return 1.0
    exact = np.full((0, len(sample)), np.inf)
    for start, block in distance_blocks(features, features[sample]):
        own = np.flatnonzero((sample >= start) & (sample < start + len(block)))
        block[sample[own] - start, own] = np.inf
        exact = np.concatenate([exact, block])
        exact = np.partition(exact, k - 1, axis=0)[:k] if len(exact) > k else exact
    farthest = exact.max(axis=0)
    return float((distances <= (farthest * (1 + _ROUNDING) + _ROUNDING * np.median(farthest))[:, None]).mean())


class KeptCandidates:
    """Candidates that are kept while they hold nearly all neighbours of features that change little by little.

    They are near in the features that they were last looked for in, and are looked for again when 200 images miss
    more than 2 % of their neighbours: above 20,000 images in near cells, and exactly where that misses as many.
    Sets of up to `SHARED` images have none: each search is exact.

    candidates : int32 (n, c), or None before the first search.
    """

    def __init__(self) -> None:
        self.candidates: np.ndarray | None = None

    def search(self, features: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the `k` nearest others of each of features (n, d), as `nearest_neighbours` does."""
        if len(features) <= SHARED:
            return nearest_neighbours(features, k)
        number = max(CANDIDATES[0], _TIMES * k)
        if self.candidates is not None and _hold(self.candidates, features, k):
            return nearest_among(self.candidates, features, k)
        if len(features) > _KEPT_SEARCHED:
            self.candidates = _by_cells(features, number)
            if _hold(self.candidates, features, k):
                return nearest_among(self.candidates, features, k)
        self.candidates, distances = nearest_neighbours(features, number)
        return self.candidates[:, :k], distances[:, :k]


def _hold(candidates: np.ndarray, features: np.ndarray, k: int) -> bool:
    return measure_recall(candidates, features, k) >= LEAST_RECALL


def _enough(candidates: np.ndarray, k: int) -> bool:
    return int(candidates.shape[1]) >= _TIMES * k
