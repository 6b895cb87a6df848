"""From features to partitions: the algorithms that `baseline.algorithms` may name."""

from stages.clustering.algorithms import ALGORITHMS, Algorithm, find_algorithm, finer
from stages.clustering.preparation import NORMALISATIONS, count_different, isometric, normalise

__all__ = [
    "ALGORITHMS",
    "NORMALISATIONS",
    "Algorithm",
    "count_different",
    "find_algorithm",
    "finer",
    "isometric",
    "normalise",
]
