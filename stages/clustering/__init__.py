"""From features to partitions: the algorithms that `baseline.algorithms` may name."""

from stages.clustering.algorithms import ALGORITHMS, Algorithm, Factor, find_algorithm
from stages.clustering.preparation import (
    NORMALISATIONS,
    check_finite,
    count_different,
    isometric,
    normalise,
    principal_axes,
)

__all__ = [
    "ALGORITHMS",
    "NORMALISATIONS",
    "Algorithm",
    "Factor",
    "check_finite",
    "count_different",
    "find_algorithm",
    "isometric",
    "normalise",
    "principal_axes",
]
