"""One name for every cluster, out of its images' labels and its words."""

from collections.abc import Mapping, Sequence

import numpy as np

from stages.tables.names import ClusterName


def name_clusters(
    clusters: np.ndarray, labels: np.ndarray, class_names: Sequence[str], words: Mapping[int, Sequence[str]]
) -> dict[int, ClusterName]:
    """Name every cluster by its commonest label, or else by the first of its `words`.

    `clusters` are int (n); `labels` are int (n), places in `class_names`, -1 for an image without one. Of equally
    common labels the first counts. A label that is a number says less than a word: it comes after these.
    """
    names = {}
    for number in np.unique(clusters).tolist():
        known = labels[(clusters == number) & (labels >= 0)]
        label, share = "", 0.0
        if len(known):
            counts = np.bincount(known)
            label, share = class_names[int(counts.argmax())], float(counts.max() / len(known))
        own = tuple(words.get(number, ()))
        numbered = f"label {label}" if label.isdecimal() else ""
        text = (label if not numbered else "") or (own[0] if own else numbered)
        names[number] = ClusterName(text, own, label, round(share, 6))
    return names
