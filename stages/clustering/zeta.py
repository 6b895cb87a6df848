"""Zeta function clustering (AC-Zell).

Zhao and Tang, "Cyclizing clusters via zeta function of a graph" (NIPS 2008), and the authors' gactoolbox.
"""

from dataclasses import dataclass

import numpy as np

from stages.clustering.pair_merging import PairAffinity, Transitions, WalkAgglomeration
from stages.core.memory import require_memory


class _CycleAffinity(PairAffinity):
    def __init__(self, walk: Transitions) -> None:
        self.walk = walk
        self.diagonal = 1 / (1 - walk.z * walk.shares[:, 0])  # of each image within its cluster: now by itself
        self.place = np.full(len(walk.targets), -1, dtype=np.int32)

    def start(self, name: int, members: np.ndarray) -> None:
        for count in range(1, len(members)):
            self.join(name, members[count], members[:count], members[count : count + 1])

    def between(self, i: int, j: int, members_i: np.ndarray, members_j: np.ndarray) -> float:
        return sum(
            float(np.log(together).mean() - np.log(self.diagonal[members]).mean())
            for members, together in self._together(members_i, members_j)
        )

    def join(self, i: int, j: int, members_i: np.ndarray, members_j: np.ndarray) -> None:
        for members, together in self._together(members_i, members_j):
            self.diagonal[members] = together

    def _together(self, members_i: np.ndarray, members_j: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Both clusters, and the diagonals within their union."""
        from stages.clustering._walk_kernels import cycle_diagonals

        large, small = (members_i, members_j) if len(members_i) >= len(members_j) else (members_j, members_i)
        walk = self.walk
        of_large, of_small = cycle_diagonals(
            walk.targets, walk.shares, large, small, walk.z, walk.terms, self.diagonal, self.place
        )
        return [(large, of_large), (small, of_small)]


@dataclass(eq=False, repr=False)
class Zeta(WalkAgglomeration):
    """Agglomerative clustering by the cycles through the images of a cluster.

    A cluster C of n images has S(C) = sum of log [(I - z P_C)^-1]_ii / n, where P is the walk on the neighbour
    graph as for `PathIntegral`. Merged is the pair whose values grow most by cycles through each other,
    S(i | i + j) - S(i) + S(j | i + j) - S(j). The diagonals are brought up to date by the smaller cluster's Schur
    complement; O(n k) memory, and the product of their sizes for a pair. Ties as in `merge_pairs`: fewer images
    first, then the lowest column, then the lowest row.

    It is for some thousands of images: large clusters that touch along much of their border take seconds a pair.

    Parameters
    ----------
    n_clusters, n_neighbors : as of `GraphDegreeLinkage`.
    a : factor of the width of the weights, 0.95 in the literature.
    z : how much a longer cycle counts less, between 0 and 1; 0.01 in the literature.

    Attributes
    ----------
    labels_, initial_labels_, merges_ : as of `GraphDegreeLinkage`.
    """

    a: float = 0.95
    affinity = _CycleAffinity

    def _require_memory(self, n_images: int, k: int) -> None:
        # Eight float64 matrices of two halves of all images, the worst pair there can be.
        require_memory(
            n_images * (16 * n_images + k * 450 + 500),
            f"zeta function clustering of {n_images} images",
            "cluster fewer images, or use graph degree linkage",
        )
