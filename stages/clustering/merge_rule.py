"""Which two clusters graph degree linkage merges next: the rule of its authors, and those of JULE."""

from typing import NamedTuple

UPDATES = ("exact", "weighted", "summed")


class Rule(NamedTuple):
    """Which pair is merged next, and what the affinities of the merged cluster are.

    A cluster's score is the affinity A_1 to its nearest plus `lead_weight` times the mean of A_1 - A_k, k = 2 to
    `n_nearest`, where A_k is the affinity to its k-th nearest, 0 where none is linked. The cluster of the largest
    score is merged with its nearest. This is the loss of JULE (Yang, Parikh and Batra, CVPR 2016) with K_c and
    lambda for `n_nearest` and `lead_weight`; without a lead it is the largest affinity of all. The lead counts
    only while there are more than `lead_until` clusters: always in the paper, to 100 in the released code.

    If `one_sided`, a cluster looks only at those whose lowest image is lower than its own, as in the triangular
    table of JULE's released code. `update` says how the part of an affinity that is due to the merged cluster
    comes about: "exact"; "weighted", as in JULE's appendix, the mean of both parts, weighted by the images; or
    "summed", as in the released code, the sum of both before they are divided by the square of the size.
    """

    n_nearest: int = 1
    lead_weight: float = 0.0
    lead_until: int = 0
    one_sided: bool = False
    update: str = "exact"


LARGEST = Rule()
