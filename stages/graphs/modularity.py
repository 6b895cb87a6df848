"""Modularity: how much more often linked images share a cluster than chance would have it."""

from typing import NamedTuple

import numpy as np


class Agreement(NamedTuple):
    """The share of the links within clusters, and that expected of links drawn between the same ends."""

    inside: float
    expected: float

    def modularity(self, resolution: float = 1.0) -> float:
        """Return the modularity; a `resolution` above 1 favours finer partitions, one below 1 coarser ones."""
        return self.inside - resolution * self.expected


def link_agreement(links: np.ndarray, labels: np.ndarray) -> Agreement:
    """Return how `labels`, int (n), agree with `links`, int (m, 2) of start and end; 0 and 0 without a link.

    An image with the label -1, which belongs to no cluster, counts as one by itself.
    """
    if len(links) == 0:
        return Agreement(0.0, 0.0)
    labels = np.where(labels < 0, labels.max(initial=0) + 1 + np.arange(len(labels)), labels)
    starts, ends = labels[links[:, 0]], labels[links[:, 1]]
    n_labels = int(labels.max()) + 1
    out, into = (np.bincount(side, minlength=n_labels).astype(np.float64) for side in (starts, ends))
    n_links = len(links)
    return Agreement(float((starts == ends).sum()) / n_links, float(out @ into) / n_links**2)


def modularity(links: np.ndarray, labels: np.ndarray) -> float:
    """Return the modularity Q of a partition, `labels` int (n), on directed `links`, int (m, 2): at most 1.

    Q is the share of the links whose ends have one label, less the sum over the clusters c of out_c in_c, the
    shares of the links that start and that end in c (Leicht and Newman, "Community structure in directed
    networks", 2008, after Newman and Girvan 2004). One cluster of all images has 0. Where only some images are
    starts, both shares are those of a sample. -1 and no links: see `link_agreement`.
    """
    return link_agreement(links, labels).modularity()
