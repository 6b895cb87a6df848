"""Whether there are groups at all: the images against a cloud without any."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stages.clustering.preparation import isometric
from stages.core.dendrogram import most_clusters
from stages.graphs.modularity import modularity
from stages.graphs.view_graph import view_links

_DRAWS = 3
_MOST_IMAGES = 1000
# Of 42 problems with two to twenty classes the least odds ratio was 1.68, of 12 clouds without groups 11 had less
# than 1.5 and the last 1.69; docs/results.md has the table.
_CLEAR = 1.5


class Structure(NamedTuple):
    """The best modularity of cuts of Ward's dendrogram: of the `images`, and of a `cloud` like them without
    groups."""

    images: float
    cloud: float

    @property
    def clear(self) -> bool:
        """Whether the odds of the images' modularity are more than 1.5 times those of the cloud's."""
        return self.images * (1 - self.cloud) > _CLEAR * self.cloud * (1 - self.images)


def measure_structure(views: Sequence[np.ndarray], random_state: int) -> Structure:
    """Return how modular the images of `views`, float32 (n, d_v), are, and how modular clouds like them.

    A cloud is Gaussian and has the mean and the covariance of the views side by side: it is as wide in each
    direction as they are, and has no groups; its figure is the mean of three draws. Both are cut alike, into 1 to
    twice the root of as many clusters, so that neither the number of images nor the clusterer favours one of them.
    At most 1000 images are drawn; below 3 images both figures are 0.
    """
    n_images = len(views[0])
    if n_images < 3:
        return Structure(0.0, 0.0)
    rng = np.random.default_rng(random_state)
    rows = np.sort(rng.permutation(n_images)[:_MOST_IMAGES])
    images = np.concatenate([view[rows] for view in views], axis=1)
    ends = np.cumsum([view.shape[1] for view in views])[:-1]
    mean = images.mean(axis=0, dtype=np.float64).astype(np.float32)
    draws = []
    for _ in range(_DRAWS):
        mixing = rng.standard_normal((len(rows), len(rows)), dtype=np.float32) / np.sqrt(np.float32(len(rows) - 1))
        draws.append(_best_cut(mean + mixing @ (images - mean), ends))
    return Structure(_best_cut(images, ends), float(np.mean(draws)))


def _best_cut(images: np.ndarray, ends: np.ndarray) -> float:
    """The best modularity of Ward's cuts of images float32 (n, d), whose views begin at the columns `ends`."""
    from scipy.cluster.hierarchy import cut_tree, ward

    links = view_links([np.ascontiguousarray(view) for view in np.split(images, ends, axis=1)])
    cuts = cut_tree(ward(isometric(images)), range(1, most_clusters(len(images)) + 1))
    return max(modularity(links, cut) for cut in cuts.T)
