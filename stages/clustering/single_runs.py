"""Plain clusterings of rows of numbers: several algorithms, each run once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.clustering import Algorithm, count_different, find_algorithm, isometric, normalise
from stages.clustering.preparation import NORMALISATIONS
from stages.core.algorithm_name import algorithm_label, parse_algorithm
from stages.core.checks import check_choice, check_once
from stages.core.errors import ParameterError
from stages.core.memory import require_memory
from stages.core.seeds import derived_seed

_NORMALISE, _LENGTH_1 = "normalise", "l2"  # the parameter of a run, and its value where none is given
SHIFT = "by each feature's least value"  # of rows with negative numbers, for algorithms that take none


@dataclass(frozen=True)
class SingleRun:
    """An algorithm and how features are normalised before, by `label` as the user named it."""

    label: str
    algorithm: Algorithm
    normalise: str


def single_runs(names: Sequence[str]) -> list[SingleRun]:
    """Return what a user named: algorithms with parameters, of which `normalise` may be one.

    Raises `ParameterError` for what cannot be read, and for what only the baselines of the views do.
    """
    check_once("algorithms", names, "algorithm")
    runs = []
    for text in names:
        name, parameters = parse_algorithm(text)
        label = algorithm_label(name, parameters)
        how = parameters.pop(_NORMALISE, _LENGTH_1)
        check_choice(f"{_NORMALISE} of {name}", how, NORMALISATIONS)
        algorithm = find_algorithm(algorithm_label(name, parameters))
        for parameter in ("multiple", "seeds"):
            if parameter in algorithm.parameters:
                raise ParameterError(f"algorithm {label} runs once here; leave out {parameter}")
        runs.append(SingleRun(label, algorithm, how))
    return runs


def clustered(
    features: np.ndarray,
    runs: Sequence[SingleRun],
    title: str,
    n_clusters: int,
    seed: int,
    n_init: int,
    way_out: str,
) -> Iterator[tuple[str, np.ndarray, dict[str, Any]]]:
    """Yield name, labels int32 (n) and settings of each clustering of features, real (n, d).

    Features become rows of length 1, or what the run says; there are no more clusters than different ones.
    Algorithms that take no negative numbers see them shifted, see `shifted`. Names begin with the `title`. Raises
    `ParameterError` where memory lacks, with the user's `way_out`.
    """
    n_images, width = features.shape
    # As float32, with the copies that normalising and reducing them make.
    copies = 20 * len({run.normalise for run in runs})
    require_memory(copies * features.size, f"clustering {n_images} images of {width} numbers", way_out)
    prepared: dict[str, tuple[np.ndarray, np.ndarray, int]] = {}
    for run in runs:
        if run.normalise not in prepared:
            rows = normalise(features.astype(np.float32, copy=False), run.normalise)
            prepared[run.normalise] = (rows, isometric(rows), min(n_clusters, count_different([rows])))
        rows, reduced, clusters = prepared[run.normalise]
        name = f"{title}-{run.label}"
        own = derived_seed(seed, "images", name)  # as methods on images are called
        seen, shift = reduced if run.algorithm.distances_only else rows, {}
        if run.algorithm.nonnegative and rows.min() < 0:
            seen, shift = shifted(rows), {"shift": SHIFT}
        labels = run.algorithm.partition(seen, clusters, own, n_init)
        made = {
            "algorithm": run.label,
            "normalise": run.normalise,
            "n_clusters": clusters,
            "seed": own,
            "n_init": n_init,
        }
        yield name, labels, made | shift


def shifted(rows: np.ndarray) -> np.ndarray:
    """Return rows, real (n, d), less the least value of each feature that has negative ones: the least such shift.

    The distances between rows remain. Angles, and with them factorisations, do not.
    """
    found: np.ndarray = rows - np.minimum(rows.min(axis=0), 0)
    return found


def described_counts(partitions: Mapping[str, np.ndarray]) -> str:
    """The number of clusters of every partition, int (n), by name; images left out are -1."""
    counts = {name: len(np.unique(labels[labels >= 0])) for name, labels in partitions.items()}
    return ", ".join(f"{count} clusters ({name})" for name, count in counts.items())
