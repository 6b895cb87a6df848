"""Groups of items of which one represents all: what is computed of the representatives, given to every item."""

from typing import NamedTuple

import numpy as np

from stages.core.dendrogram import Dendrogram, dendrogram_of, number_by_size


class Representatives(NamedTuple):
    """The items that represent themselves or a group.

    rows : int64 (r), ascending, the representatives among n items.
    place : int64 (n), the place in `rows` of the one that represents each item.
    """

    rows: np.ndarray
    place: np.ndarray

    def labels_of_all(self, labels: np.ndarray) -> np.ndarray:
        """Give each item the label of its representative: int (r) to int32 (n), numbered by size again."""
        return number_by_size(labels[self.place])

    def dendrogram_of_all(self, dendrogram: Dendrogram) -> Dendrogram:
        """Return a dendrogram of the representatives with all items, which join theirs at the height 0."""
        others = np.flatnonzero(self.rows[self.place] != np.arange(len(self.place)))
        pairs = np.concatenate(
            [np.column_stack([self.rows[self.place[others]], others]), self.rows[_ends(dendrogram)]]
        )
        return dendrogram_of(pairs, np.concatenate([np.zeros(len(others)), dendrogram.merges[:, 2]]))

    def dendrogram_of_rows(self, dendrogram: Dendrogram) -> Dendrogram:
        """Return the dendrogram of the representatives from which `dendrogram_of_all` made this one."""
        joined = len(self.place) - len(self.rows)
        return dendrogram_of(self.place[_ends(dendrogram)[joined:]], dendrogram.merges[joined:, 2])


def _ends(dendrogram: Dendrogram) -> np.ndarray:
    """An item of either of the two groups that each merge joins, int64 (n - 1, 2)."""
    item = list(range(dendrogram.n_images))
    for left in dendrogram.merges[:, 0].astype(np.int64).tolist():
        item.append(item[left])
    ends: np.ndarray = np.array(item, dtype=np.int64)[dendrogram.merges[:, :2].astype(np.int64)]
    return ends
