"""From features to partitions: the algorithms that `baseline.algorithms` may name."""

from stages.clustering.algorithms import ALGORITHMS, Algorithm, find_algorithm
from stages.clustering.granularity import finer
from stages.clustering.normalisation import NORMALISATIONS, normalise

__all__ = ["ALGORITHMS", "NORMALISATIONS", "Algorithm", "find_algorithm", "finer", "normalise"]
