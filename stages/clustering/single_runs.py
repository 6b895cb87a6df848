"""Plain clusterings of rows of numbers: several algorithms, each run once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from stages.clustering import Algorithm, count_different, find_algorithm, isometric, normalise
from stages.core.checks import check_once
from stages.core.errors import ParameterError
from stages.core.memory import require_memory
from stages.core.seeds import derived_seed

SHIFT = "by each feature's least value"  # of rows with negative numbers, for algorithms that take none


def single_runs(names: Sequence[str]) -> list[Algorithm]:
    """Return the algorithms that a user named; refuse what only the baselines of the views do with them."""
    check_once("algorithms", names, "algorithm")
    algorithms = [find_algorithm(name) for name in names]
    for algorithm in algorithms:
        for parameter in ("multiple", "seeds"):
            if parameter in algorithm.parameters:
                raise ParameterError(f"algorithm {algorithm.label} runs once here; leave out {parameter}")
    return algorithms


def clustered(
    features: np.ndarray,
    algorithms: Sequence[Algorithm],
    title: str,
    n_clusters: int,
    seed: int,
    n_init: int,
    way_out: str,
) -> Iterator[tuple[str, np.ndarray, dict[str, Any]]]:
    """Yield name, labels int32 (n) and settings of each clustering of features, real (n, d).

    Features become rows of length 1; there are no more clusters than different ones. Algorithms that take no
    negative numbers see them shifted, see `shifted`. Names begin with the `title`. Raises `ParameterError` where
    memory lacks, with the user's `way_out`.
    """
    n_images, width = features.shape
    # As float32, with the copies that bringing them to one length and reducing them make.
    require_memory(20 * features.size, f"clustering {n_images} images of {width} numbers", way_out)
    rows = normalise(features.astype(np.float32, copy=False), "l2")
    reduced = isometric(rows)
    clusters = min(n_clusters, count_different([rows]))
    for algorithm in algorithms:
        name = f"{title}-{algorithm.label}"
        own = derived_seed(seed, "images", name)  # as methods on images are called
        seen, shift = reduced if algorithm.distances_only else rows, {}
        if algorithm.nonnegative and rows.min() < 0:
            seen, shift = shifted(rows), {"shift": SHIFT}
        labels = algorithm.partition(seen, clusters, own, n_init)
        made = {
            "algorithm": algorithm.label,
            "normalise": "l2",
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
