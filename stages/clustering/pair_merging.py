"""The merging of path integral and zeta function clustering: the best of all pairs that the graph links.

Zhang, Zhao and Wang, "Agglomerative clustering via maximum incremental path integral" (Pattern Recognition 2013),
section 3; Zhao and Tang, "Cyclizing clusters via zeta function of a graph" (NIPS 2008).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import ceil, log
from typing import ClassVar

import numpy as np

from stages.clustering.graph_agglomeration import GraphAgglomeration
from stages.clustering.neighbours import Digraph
from stages.core.errors import ParameterError

_DECIMALS = 15  # of an affinity: what is below is noise, which must tie
_NEGLIGIBLE = 1e-17

Key = tuple[float, int, int, int]  # minus the affinity, images together, column, row: the least is merged first


class Transitions:
    """The walk on a neighbour graph, in which an image also stays: rows of weights, divided by their sums.

    targets : int32 (n, k + 1), the image itself first; shares : float64 (n, k + 1); terms : how many powers of
    z times the walk are above rounding.
    """

    def __init__(self, graph: Digraph, z: float) -> None:
        n_images = len(graph.indices)
        self.targets = np.column_stack([np.arange(n_images, dtype=np.int32), graph.indices])
        weights = np.column_stack([np.ones(n_images), graph.weights])
        self.shares = weights / weights.sum(axis=1, keepdims=True)
        self.z = z
        self.terms = ceil(log(_NEGLIGIBLE) / log(z))


class PairAffinity(ABC):
    """The state that a method keeps of its clusters, each an int32 array of images."""

    @abstractmethod
    def __init__(self, walk: Transitions) -> None: ...

    @abstractmethod
    def start(self, name: int, members: np.ndarray) -> None:
        """Take up the cluster `name`."""

    @abstractmethod
    def between(self, i: int, j: int, members_i: np.ndarray, members_j: np.ndarray) -> float:
        """Return the affinity of two clusters."""

    @abstractmethod
    def join(self, i: int, j: int, members_i: np.ndarray, members_j: np.ndarray) -> None:
        """Take the cluster `j` into `i`."""


@dataclass(eq=False, repr=False)
class WalkAgglomeration(GraphAgglomeration):
    """Merges pairs of clusters by an affinity of the walks within them.

    Subclasses name the class of the affinity and document the parameters.
    """

    affinity: ClassVar[type[PairAffinity]]

    z: float = 0.01

    def _check_parameters(self) -> None:
        if isinstance(self.z, bool) or not isinstance(self.z, int | float) or not 0 < self.z < 1:
            raise ParameterError(f"z is {self.z!r}; give a number between 0 and 1, 0.01 in the literature")

    def _merge(self, graph: Digraph, names: np.ndarray, n_clusters: int) -> tuple[np.ndarray, np.ndarray]:
        return merge_pairs(graph, names, n_clusters, self.affinity(Transitions(graph, self.z)))


def merge_pairs(
    graph: Digraph, names: np.ndarray, n_clusters: int, affinity: PairAffinity
) -> tuple[np.ndarray, np.ndarray]:
    """Merge the pair of the largest affinity until `n_clusters` are left or no affinity is above 0.

    Affinities are held for clusters with an edge between them; of the others it is 0. Ties, to 15 decimals: the
    fewer images together, then the lowest column (the higher name of a pair), then the lowest row. `names` is
    int32 (n), the lowest image of each one's cluster. Returns the new names and the merges, float64 (r, 3): both
    names, the lower first, and the affinity.
    """
    members = {int(name): np.flatnonzero(names == name).astype(np.int32) for name in np.unique(names)}
    for name, images in members.items():
        affinity.start(name, images)
    linked = _links(graph, names)
    current: dict[tuple[int, int], Key] = {}

    def assess(i: int, j: int) -> Key | None:
        row, column = min(i, j), max(i, j)
        value = round(affinity.between(row, column, members[row], members[column]), _DECIMALS)
        current.pop((row, column), None)
        if value <= 0:
            return None
        current[row, column] = (-value, len(members[row]) + len(members[column]), column, row)
        return current[row, column]

    queue = [key for i in linked for j in linked[i] if i < j and (key := assess(i, j))]
    heapify(queue)
    merges = []
    while len(members) > n_clusters and queue:
        key = heappop(queue)
        value, _, column, row = key
        if current.get((row, column)) is not key:
            continue
        affinity.join(row, column, members[row], members[column])
        members[row] = np.concatenate([members[row], members.pop(column)])
        merges.append((row, column, -value))
        for j in linked.pop(column):
            linked[j].discard(column)
            current.pop((min(j, column), max(j, column)), None)
            if j != row:
                linked[j].add(row)
                linked[row].add(j)
        for j in sorted(linked[row]):
            if key_of_new := assess(row, j):
                heappush(queue, key_of_new)
    new_names = names.copy()
    for name, images in members.items():
        new_names[images] = name
    return new_names, np.array(merges, dtype=np.float64).reshape(-1, 3)


def _links(graph: Digraph, names: np.ndarray) -> dict[int, set[int]]:
    """The clusters that an edge links to each, whichever way it points."""
    linked: dict[int, set[int]] = {int(name): set() for name in np.unique(names)}
    ends = np.column_stack([np.repeat(names, graph.indices.shape[1]), names[graph.indices].reshape(-1)])
    for i, j in np.unique(ends, axis=0).tolist():
        if i != j:
            linked[i].add(j)
            linked[j].add(i)
    return linked
