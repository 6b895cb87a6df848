"""Several runs of one training, which differ in their seed alone, and the one among them that is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from stages.scoring.scores import DIGITS, view_agreement
from stages.training.job import Job, Trained


@dataclass(frozen=True)
class Kept:
    """The network that is kept, with its `settings`, and what is left of the runs with the other seeds.

    `checkpoints` are those of all runs. `partitions` has by column the clusters, int (n), of every seed, and is
    empty where there is one.
    """

    trained: Trained
    settings: Mapping[str, Any]
    checkpoints: Sequence[Any]
    partitions: Mapping[str, Sequence[np.ndarray]] = field(default_factory=dict)


def keep_medoid(job: Job, runs: Sequence[Trained]) -> Kept:
    """Choose among the `runs` of one network of a job, one a seed: the one that agrees most with the others.

    No label is asked. Of a training with several results the last decides, the clusters of the network itself.
    """
    checkpoints = [run.estimator.checkpoint for run in runs]
    if len(runs) == 1:
        return Kept(runs[0], runs[0].job.settings(), checkpoints)
    partitions = {
        column: [np.asarray(getattr(run.estimator, attribute)) for run in runs]
        for column, attribute in job.columns.items()
    }
    agreement = mean_agreement(list(partitions.values())[-1])
    number = medoid(agreement)
    found = {"medoid": number, "agreement": agreement.round(DIGITS).tolist()}
    return Kept(replace(runs[number], job=job), job.settings() | found, checkpoints, partitions)


def mean_agreement(partitions: Sequence[np.ndarray]) -> np.ndarray:
    """Return the mean agreement, float64 (s), of each of s partitions, int (n), with the others.

    The agreement of two is their mutual information, normalised by the geometric mean, as that of two views is.
    """
    agreement = view_agreement([[labels] for labels in partitions])
    means: np.ndarray = (agreement.sum(axis=1) - 1) / (len(partitions) - 1)
    return means


def medoid(agreement: np.ndarray) -> int:
    """Return the place of the highest mean agreement; the first of equal ones, which may differ by rounding."""
    return int(agreement.round(DIGITS).argmax())
