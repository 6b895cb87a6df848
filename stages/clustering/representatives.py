"""Representatives of many images: micro-clusters, for methods whose work grows with the square of the images."""

from collections.abc import Callable

import numpy as np

from stages.clustering.kmeans import KMeans
from stages.clustering.preparation import count_different

REPRESENTED = 20_000  # images above which Ward merges representatives, and how many of them there are at least
_A_CELL, _MOST_CELLS = 400, 1000  # images of a cell of K-means on average, unless there would be more cells
_LARGEST = 5000  # images of a cell: larger ones are cut into pieces


def micro_clusters(
    features: np.ndarray, number: int, divide: Callable[[np.ndarray, int], np.ndarray]
) -> np.ndarray:
    """Return which of at least `number` micro-clusters each image of features (n, d) belongs to, int64 (n).

    The images are divided by K-means into cells of some 400, and each cell by `divide`, from features to labels,
    into its share of the micro-clusters: the first merges of a linkage are of near images, which are mostly in one
    cell. They are numbered from 0 without gaps. Nothing is drawn by a seed that a user has.
    """
    n_images = len(features)
    cells = min(n_images // _A_CELL, _MOST_CELLS, count_different([features]))
    cell = KMeans(max(cells, 1), n_init=1, random_state=0).fit(features).labels_
    found = np.empty(n_images, dtype=np.int64)
    used = 0
    for members in np.split(np.argsort(cell, kind="stable"), np.cumsum(np.bincount(cell))[:-1]):
        for images in np.array_split(members, -(-len(members) // _LARGEST)):
            share = min(len(images), -(-len(images) * number // n_images))
            found[images] = used + divide(features[images], share)
            used += share
    return found


def centroids(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the means, float64 (k, d), of the images of features (n, d) with each label, 0 to k - 1."""
    sums = np.zeros((labels.max() + 1, features.shape[1]))
    np.add.at(sums, labels, features)
    means: np.ndarray = sums / np.bincount(labels)[:, None]
    return means
