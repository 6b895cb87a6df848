"""The modularity that images without any groups would reach: what a number of clusters has to beat."""

from collections.abc import Sequence

import numpy as np

from stages.clustering.preparation import isometric
from stages.core.dendrogram import most_clusters
from stages.graphs.modularity import modularity
from stages.graphs.view_graph import view_links

_DRAWS = 3
_MOST_IMAGES = 1000


def structureless_modularity(views: Sequence[np.ndarray], random_state: int) -> float:
    """Return the best modularity of Ward's cuts of a Gaussian cloud, the mean of three draws; 0 below 3 images.

    The cloud has the mean and the covariance of the `views`, float32 (n, d_v), side by side, so that it is as wide
    in each direction as they are, and no groups. At most 1000 images are drawn, and cut into 1 to twice their
    root.
    """
    n_images = len(views[0])
    if n_images < 3:
        return 0.0
    rng = np.random.default_rng(random_state)
    rows = np.sort(rng.permutation(n_images)[:_MOST_IMAGES])
    ends = np.cumsum([view.shape[1] for view in views])[:-1]
    images = np.concatenate([view[rows] for view in views], axis=1)
    mean = images.mean(axis=0, dtype=np.float64).astype(np.float32)
    best = []
    for _ in range(_DRAWS):
        mixing = rng.standard_normal((len(rows), len(rows)), dtype=np.float32) / np.sqrt(np.float32(len(rows) - 1))
        cloud = mean + mixing @ (images - mean)
        best.append(_best_cut(cloud, np.split(cloud, ends, axis=1)))
    return float(np.mean(best))


def _best_cut(cloud: np.ndarray, views: Sequence[np.ndarray]) -> float:
    from scipy.cluster.hierarchy import cut_tree, ward
    from scipy.spatial.distance import pdist

    links = view_links([np.ascontiguousarray(view) for view in views])
    cuts = cut_tree(ward(pdist(isometric(cloud))), range(1, most_clusters(len(cloud)) + 1))
    return max(modularity(links, cut) for cut in cuts.T)
