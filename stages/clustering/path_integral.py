"""Path integral clustering (AC-PIC).

Zhang, Zhao and Wang, "Agglomerative clustering via maximum incremental path integral" (Pattern Recognition 2013),
section 3, and the authors' gactoolbox.
"""

import numpy as np

from stages.clustering.pair_merging import PairAffinity, Transitions, WalkAgglomeration
from stages.core.memory import require_memory


class _PathAffinity(PairAffinity):
    def __init__(self, walk: Transitions) -> None:
        self.walk = walk
        self.scratch = np.zeros((len(walk.targets), 4))
        self.own: dict[int, float] = {}
        self.nobody = np.zeros(0, dtype=np.int32)

    def start(self, name: int, members: np.ndarray) -> None:
        self.own[name] = self._sums(members, self.nobody)[0] / len(members) ** 2

    def between(self, i: int, j: int, members_i: np.ndarray, members_j: np.ndarray) -> float:
        sum_i, sum_j = self._sums(members_i, members_j)
        grown_i = sum_i / len(members_i) ** 2 - self.own[i]
        return grown_i + (sum_j / len(members_j) ** 2 - self.own[j])

    def join(self, i: int, j: int, members_i: np.ndarray, members_j: np.ndarray) -> None:
        self.start(i, np.concatenate([members_i, members_j]))

    def _sums(self, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
        from stages.clustering._walk_kernels import path_sums

        walk = self.walk
        sums: tuple[float, float] = path_sums(
            walk.targets, walk.shares, first, second, walk.z, walk.terms, self.scratch
        )
        return sums


class PathIntegral(WalkAgglomeration):
    """Agglomerative clustering by the incremental path integral.

    The path integral of a cluster C of n images is S(C) = 1' (I - z P_C)^-1 1 / n^2, where P is the walk on the
    neighbour graph (each image linked to itself with weight 1, rows divided by their sums) and P_C what of it
    stays in C. Merged is the pair whose integrals grow most by walks through each other, S(i | i + j) - S(i) +
    S(j | i + j) - S(j). Clusters without an edge between them do not grow. O(n k) memory; ties as in
    `merge_pairs`: fewer images first, then the lowest column, then the lowest row.

    Parameters
    ----------
    n_clusters, n_neighbors, a : as of `GraphDegreeLinkage`.
    z : how much a longer path counts less, between 0 and 1; 0.01 in the literature.

    Attributes
    ----------
    labels_, initial_labels_, merges_ : as of `GraphDegreeLinkage`.
    """

    affinity = _PathAffinity

    def _require_memory(self, n_images: int, k: int) -> None:
        # Every edge may link two clusters, whose pair takes some 400 bytes in sets, a dictionary and the queue.
        require_memory(
            n_images * (k * 450 + 500),
            f"path integral clustering of {n_images} images with {k} neighbours",
            "cluster fewer images, lower n_neighbors, or use graph degree linkage",
        )
