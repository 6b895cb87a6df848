"""How many images are chosen, of which clusters."""

from collections.abc import Sequence

import numpy as np

from stages.core.counted import counted
from stages.core.errors import ParameterError
from stages.tables.clusters import Clusters
from stages.tables.near_duplicates import NearDuplicates

UNSURE = "unsure"  # name of the folder of images that fit into no cluster well


def sum_up(labels: np.ndarray, rows: np.ndarray, method: str) -> str:
    """Say how many of the images in clusters by `labels`, int (n), -1 for none, are among the `rows`, int (m)."""
    chosen = labels[rows]
    inside = chosen[chosen >= 0]
    parts = [f"{counted(len(inside), 'image')} in {counted(len(np.unique(inside)), 'cluster')} of {method}"]
    if outside := len(chosen) - len(inside):
        parts.append(f"{outside} in none")
    if left_out := len(labels) - len(rows):
        parts.append(f"{left_out} left out")
    return ", ".join(parts)


def choose_rows(clusters: Clusters, numbers: Sequence[int] = (), least_confidence: float = 0) -> np.ndarray:
    """The rows, int (m), of the images in the clusters `numbers` (none: in any) of at least this confidence.

    Raises `ParameterError` for a number that no cluster has, and when no image is left.
    """
    present = np.unique(clusters.labels)
    for number in numbers:
        if number not in present:
            raise ParameterError(f"--cluster is {number}; there are the clusters {_spans(present)}")
    chosen = np.isin(clusters.labels, numbers or present)
    if clusters.confidence is not None:
        enough = clusters.confidence >= least_confidence
        if not (chosen & enough).any():
            most = clusters.confidence[chosen].max()
            raise ParameterError(
                f"no image has a confidence of {least_confidence:g}, the highest is {most:.2f}; "
                "lower --least-confidence"
            )
        chosen &= enough
    return np.flatnonzero(chosen)


def without_duplicates(rows: np.ndarray, near: NearDuplicates) -> np.ndarray:
    """The `rows`, int (m), with one of each group of near-duplicates: the best, or the first that is there."""
    groups = near.groups[rows]
    order = np.lexsort((rows, ~near.best[rows], groups))
    kept = np.zeros(len(rows), dtype=bool)
    kept[order[np.unique(groups[order], return_index=True)[1]]] = True
    remaining: np.ndarray = rows[kept | (groups < 0)]
    return remaining


def find_unsure(clusters: Clusters) -> np.ndarray:
    """The rows, int (m), of images that fit into no cluster well: less than half the median confidence of theirs.

    A confidence has no scale of its own: the finer the base partitions, the lower are those of all images.
    """
    assert clusters.confidence is not None
    least = np.zeros(len(clusters.labels))
    for label in np.unique(clusters.labels):
        members = clusters.labels == label
        least[members] = np.median(clusters.confidence[members]) / 2
    return np.flatnonzero(clusters.confidence < least)


def _spans(numbers: np.ndarray) -> str:
    """Sorted whole numbers as text, neighbours drawn together: "0 to 9"."""
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return ", ".join(f"{span[0]} to {span[-1]}" if len(span) > 1 else f"{span[0]}" for span in runs)
