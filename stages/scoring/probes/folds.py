"""The shares of right answers over folds, and which labelled images a probe sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from stages.scoring.scores import standard_error

MOST = 5000  # images; of more, as many are drawn


class Probe(StrEnum):
    """The supervised scores of a representation."""

    LINEAR = "linear"
    VERIFICATION = "verification"


@dataclass(frozen=True)
class FoldScores:
    """The `accuracies` of the folds, from 0 to 1, each of images or pairs that took no part in the choice.

    `samples` images or pairs were judged in all; `chance` is the share that the commonest answer gets right.
    """

    accuracies: Sequence[float]
    samples: int
    chance: float

    @property
    def mean(self) -> float:
        """The mean over the folds."""
        return float(np.mean(self.accuracies))

    @property
    def ste(self) -> float:
        """The standard error of the mean.

        Folds share what the choice was made on, so they are not independent and it is a rough one.
        """
        return standard_error(self.accuracies)


def draw_rows(classes: np.ndarray, least: int, seed: int) -> np.ndarray:
    """Return the rows of images that a probe uses, int64, ascending: all, or `MOST` that are drawn by the seed.

    `classes` is int (n), -1 for none. Images without a label are left out, and those of classes that have fewer
    than `least` images among the ones drawn.
    """
    rows = np.flatnonzero(classes >= 0)
    if len(rows) > MOST:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST, replace=False))
    sizes = np.bincount(classes[rows]) if len(rows) else np.zeros(1, dtype=np.int64)
    kept: np.ndarray = rows[sizes[classes[rows]] >= least]
    return kept
