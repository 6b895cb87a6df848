"""From features to partitions: the algorithms that `baseline.algorithms` may name."""

from stages.clustering.algorithms import ALGORITHMS, Algorithm, find_algorithm
from stages.clustering.granularity import count_different, finer
from stages.clustering.normalisation import NORMALISATIONS, normalise
from stages.clustering.reduction import isometric

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
