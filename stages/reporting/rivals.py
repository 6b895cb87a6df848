"""Which other cluster an image agrees with nearly as much as with its own, by the base partitions.

The co-association of two images is the weighted share of partitions that put them together (Fred and Jain,
"Combining multiple clusterings using evidence accumulation", TPAMI 2005, section 3); a missing label counts as in
`stages.consensus.linkage`. An image's agreement with a cluster is its mean co-association with the members, itself
left out. With its own cluster that is its confidence; the best of the others is its rival.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_BLOCK = 4 << 20  # agreements of images with clusters that are in memory at once


@dataclass(frozen=True)
class Rivals:
    """Each image's best other cluster, int64 (n), -1 where it agrees with none, and the agreements, 0 to 1.

    `own` and `other` are float64 (n): with its own cluster (0 for one alone in it) and with the rival.
    """

    clusters: np.ndarray
    own: np.ndarray
    other: np.ndarray

    @property
    def lead(self) -> np.ndarray:
        """How much better an image agrees with its own cluster, float64 (n); infinite without a rival."""
        return np.where(self.clusters >= 0, self.own - self.other, np.inf)


def find_rivals(partitions: np.ndarray, weights: np.ndarray, clusters: np.ndarray) -> Rivals:
    """Compare int partitions (n, m), -1 for a missing label, of weights (m), with the int clusters (n) at hand.

    Of clusters that agree equally, the one with the lowest number. Images in no cluster, -1, are nobody's rival,
    and agree 0 with their own. Memory: the votes of some images at a time beside a table of labels by clusters;
    never images by images.
    """
    numbers, own_place = np.unique(clusters, return_inverse=True)
    sizes = np.bincount(own_place)
    present = partitions >= 0
    scales = np.sqrt(weights.sum() / np.maximum(present @ weights, np.finfo(np.float64).tiny))
    scales[~present.any(axis=1)] = 0.0
    starts = np.concatenate([[0], np.cumsum(partitions.max(axis=0) + 1)])
    votes = _votes(partitions, weights / weights.sum(), own_place, len(numbers), scales, starts)
    best = np.full(len(clusters), -1, dtype=np.int64)
    own, other = np.zeros(len(clusters)), np.zeros(len(clusters))
    rows = max(_BLOCK // len(numbers), 1)
    for first in range(0, len(clusters), rows):
        block = slice(first, first + rows)
        place, each = own_place[block], np.arange(len(own_place[block]))
        together = (_indicator(partitions[block], scales[block], starts) @ votes).toarray()
        itself = present[block].any(axis=1)
        own[block] = (together[each, place] - itself) / np.maximum(sizes[place] - 1, 1)
        own[block][numbers[place] < 0] = 0
        together /= sizes
        together[each, place] = -1.0
        together[:, numbers < 0] = -1.0
        rival = together.argmax(axis=1)
        other[block] = together[each, rival]
        best[block] = np.where(other[block] > 0, numbers[rival], -1)
    return Rivals(best, np.clip(own, 0, 1), np.clip(other, 0, 1))


def _votes(
    partitions: np.ndarray,
    weights: np.ndarray,
    place: np.ndarray,
    n_clusters: int,
    scales: np.ndarray,
    starts: np.ndarray,
) -> "csr_matrix":
    """The weighted sums (labels of all partitions, clusters) of the scaled images of each label and cluster."""
    from scipy.sparse import csr_matrix, vstack

    tables = []
    for column, weight in enumerate(weights):
        known = np.flatnonzero(partitions[:, column] >= 0)
        cells = (partitions[known, column], place[known])
        shape = (int(starts[column + 1] - starts[column]), n_clusters)
        tables.append(csr_matrix((scales[known] * weight, cells), shape=shape))
    return vstack(tables, format="csr")


def _indicator(partitions: np.ndarray, scales: np.ndarray, starts: np.ndarray) -> "csr_matrix":
    """Some images (rows, labels of all partitions): an image's scale at each label that it has."""
    from scipy.sparse import csr_matrix

    row, column = np.nonzero(partitions >= 0)
    label = partitions[row, column] + starts[column]
    return csr_matrix((scales[row], (row, label)), shape=(len(partitions), int(starts[-1])))
