"""Which subsets of the views to combine, to see what their number brings.

Guerin et al. (Neurocomputing 2021) combine all subsets of ten networks, and give mean and deviation by size.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from stages.core.checks import check_number


def view_subsets(n_views: int, most: int, seed: int) -> list[tuple[int, ...]]:
    """Return subsets of the views 0 to `n_views` - 1, each in ascending order, smaller ones first.

    Of every size all subsets, or `most` different ones drawn at random where there are more.
    """
    check_number("n_views", n_views, least=1, whole=True)
    check_number("most", most, least=1, whole=True)
    rng = np.random.default_rng(seed)
    chosen: list[tuple[int, ...]] = []
    for size in range(1, n_views + 1):
        if math.comb(n_views, size) <= most:
            chosen += combinations(range(n_views), size)
            continue
        drawn: set[tuple[int, ...]] = set()
        while len(drawn) < most:
            drawn.add(tuple(sorted(rng.choice(n_views, size, replace=False).tolist())))
        chosen += sorted(drawn)
    return chosen


@dataclass(frozen=True)
class SizeScore:
    """Scores of the subsets of one size: their `count`, mean, standard deviation (dividing by it), and range."""

    size: int
    count: int
    mean: float
    deviation: float
    least: float
    most: float


def scores_by_size(subsets: Sequence[tuple[int, ...]], scores: Sequence[float]) -> list[SizeScore]:
    """Summarise a score of every subset by the number of views; nan for a subset without a score is left out."""
    found = []
    for size in sorted({len(subset) for subset in subsets}):
        values = np.array([score for subset, score in zip(subsets, scores, strict=True) if len(subset) == size])
        values = values[~np.isnan(values)]
        if len(values):
            mean, deviation = float(values.mean()), float(values.std())
            found.append(SizeScore(size, len(values), mean, deviation, float(values.min()), float(values.max())))
    return found
