"""Whether there are groups at all: the images against a cloud without any."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stages.clustering.preparation import count_different, isometric
from stages.core.dendrogram import most_clusters
from stages.graphs.modularity import link_agreement
from stages.graphs.view_graph import view_links

_DRAWS = 3
_MOST_IMAGES = 1000
_ODDS, _CUT = 1.5, 0.45  # docs/results/clear-groups.md has how often images and clouds pass
_SOFT = 0.01  # of the links: where clouds have hardly any to cut, a ratio says nothing


class Structure(NamedTuple):
    """How the cuts of Ward's dendrogram of the images compare with those of a cloud like them, without groups.

    odds : the odds of the best modularity, of the images to those of the cloud: above 1, there is more structure.
    cut : the links between clusters, of the images to those of the cloud, where it is least over the number of
        clusters: below 1, there are gaps. Two groups far apart have no greater modularity than a long cloud, which
        is cut in two as well, but through its links.
    """

    odds: float
    cut: float

    @property
    def clear(self) -> bool:
        """Whether there are groups: odds above 1.5, or less than .45 of the links cut."""
        return self.odds > _ODDS or self.cut < _CUT


def measure_structure(views: Sequence[np.ndarray], random_state: int) -> Structure:
    """Return how the images of `views`, float32 (n, d_v), compare with clouds like them.

    A cloud is Gaussian and has the mean and the covariance of the views side by side: it is as wide in each
    direction as they are, and has no groups; its figures are means of three draws. Images and clouds are cut
    alike, into 1 to twice the root of n clusters. At most 1000 images are drawn. Below 3 different images there is
    nothing to compare: 1 and 1.
    """
    n_images = len(views[0])
    rng = np.random.default_rng(random_state)
    rows = np.sort(rng.permutation(n_images)[:_MOST_IMAGES])
    images = np.concatenate([view[rows] for view in views], axis=1)
    if count_different([images]) < 3:
        return Structure(1.0, 1.0)
    ends = np.cumsum([view.shape[1] for view in views])[:-1]
    mean = images.mean(axis=0, dtype=np.float64).astype(np.float32)
    draws = []
    for _ in range(_DRAWS):
        mixing = rng.standard_normal((len(rows), len(rows)), dtype=np.float32) / np.sqrt(np.float32(len(rows) - 1))
        draws.append(_cuts(mean + mixing @ (images - mean), ends))
    found, clouds = _cuts(images, ends), np.array(draws)
    best = float((found[:, 0] - found[:, 1]).max())
    usual = float(np.mean((clouds[:, :, 0] - clouds[:, :, 1]).max(axis=1)))
    cut = (1 - found[1:, 0] + _SOFT) / (1 - clouds[:, 1:, 0].mean(axis=0) + _SOFT)
    return Structure(best * (1 - usual) / max(usual * (1 - best), np.finfo(float).tiny), float(cut.min()))


def _cuts(images: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The agreement of Ward's cuts with the links, float64 (c, 2), of images (n, d), whose views begin at
    `ends`."""
    from scipy.cluster.hierarchy import cut_tree, ward
    from scipy.spatial.distance import pdist  # a square array could pass for distances

    links = view_links([np.ascontiguousarray(view) for view in np.split(images, ends, axis=1)])
    cuts = cut_tree(ward(pdist(isometric(images))), range(1, most_clusters(len(images)) + 1))
    return np.array([link_agreement(links, cut) for cut in cuts.T])
