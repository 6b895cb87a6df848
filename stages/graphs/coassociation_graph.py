"""The graph of the base partitions: two images are joined by as much weight as partitions put them together."""

import numpy as np

from stages.graphs.modularity import Agreement


class CoassociationGraph:
    """The graph whose weights are the co-association of base partitions, which is never formed.

    `partitions` is int (n, m), -1 a missing label, which joins its image to none; `weights` is float64 (m).
    """

    def __init__(self, partitions: np.ndarray, weights: np.ndarray) -> None:
        self._degrees = np.zeros(len(partitions))
        self._votes = []  # of each partition: its labels, whose they are, and its weight
        for labels, weight in zip(partitions.T, weights.tolist(), strict=True):
            labelled = labels >= 0
            own = labels[labelled].astype(np.int64)
            self._degrees[labelled] += weight * (np.bincount(own) - 1)[own]
            self._votes.append((own, labelled, weight))

    def agreement(self, labels: np.ndarray) -> Agreement:
        """Return how `labels`, int (n) of at least 0, agree with the graph; 0 and 0 without an edge."""
        total = float(self._degrees.sum())
        if total == 0:
            return Agreement(0.0, 0.0)
        n_labels, inside = int(labels.max()) + 1, 0.0
        for own, labelled, weight in self._votes:
            shared = np.bincount(own * n_labels + labels[labelled]).astype(np.float64)
            inside += weight * float(shared @ (shared - 1))
        shares = np.bincount(labels, self._degrees) / total
        return Agreement(inside / total, float(shares @ shares))
