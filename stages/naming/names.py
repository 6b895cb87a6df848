"""One name for every cluster, out of its images' labels and its words."""

from collections.abc import Mapping, Sequence

import numpy as np

from stages.tables.results import ClusterName


def name_clusters(
    clusters: np.ndarray, labels: np.ndarray, class_names: Sequence[str], words: Mapping[int, Sequence[str]]
) -> dict[int, ClusterName]:
    """Name every cluster by the label that most of its labelled images have, or else by the first of its `words`.

    `clusters` are int (n); `labels` are int (n), places in `class_names`, -1 for an image without one. A label
    that half of the labelled images have, or fewer, names nothing. One that is a number says less than a word, and
    comes after these.
    """
    names = {}
    for number in np.unique(clusters).tolist():
        known = labels[(clusters == number) & (labels >= 0)]
        label, share = "", 0.0
        if len(known):
            counts = np.bincount(known)
            label, share = class_names[int(counts.argmax())], float(counts.max() / len(known))
        own = tuple(words.get(number, ()))
        word, by_label = own[0] if own else "", label if share > 0.5 else ""
        text = word or f"label {label}" if by_label.isdecimal() else by_label or word
        names[number] = ClusterName(text, own, label, round(share, 6))
    return names
