"""How much the views agree about the images."""

from collections.abc import Sequence

import numpy as np


def view_agreement(views: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Return the agreement between views, float64 (v, v): symmetric, 1 on the diagonal.

    `views` holds each view's partitions, int (n). The agreement of two views is the geometric NMI, averaged over
    all pairs of a partition of the one and a partition of the other.
    """
    from sklearn.metrics import normalized_mutual_info_score as nmi

    agreement = np.eye(len(views))
    for a, first in enumerate(views):
        for b, second in enumerate(views[:a]):
            pairs = [nmi(one, other, average_method="geometric") for one in first for other in second]
            agreement[a, b] = agreement[b, a] = np.mean(pairs)
    return agreement
