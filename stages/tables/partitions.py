"""Tables of partitions: a column of labels for every run; and the base partitions that vote in a consensus."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.algorithm_name import DRAWN
from stages.core.errors import ParameterError, TableError
from stages.tables.images import ImageTable
from stages.tables.parquet import (
    Table,
    array_of,
    check_same_images,
    numbers,
    opened,
    read_metadata,
    write_numbers,
)
from stages.tables.textfiles import understanding

_SEED = re.compile(r"(?P<run>.+)/seed\d+", re.DOTALL)  # in a table that has a column called so, too


@dataclass(frozen=True)
class Partitions(Table):
    """A table of partitions: `labels` maps a run's name to int32 labels (n), `settings` to how it was made.

    Of a training with several seeds, `labels` has the one that is kept, and `seeds` the labels of each seed by the
    same name. They are columns NAME/seed0, NAME/seed1 and so on, beside the column NAME.
    """

    labels: dict[str, np.ndarray]
    settings: dict[str, dict[str, Any]]
    seeds: dict[str, list[np.ndarray]] = field(default_factory=dict)

    @property
    def n_images(self) -> int:
        return len(next(iter(self.labels.values())))


def write_partitions(
    file: Path,
    labels: Mapping[str, np.ndarray],
    settings: Mapping[str, Mapping[str, Any]],
    fingerprint: str,
    seeds: Mapping[str, Sequence[np.ndarray]] | None = None,
) -> None:
    """Write partitions: integer labels (n) by run name, the settings of every run, and the labels of its seeds."""
    if not labels:
        raise TableError(f"{file}: there is no partition to write")
    columns = {"image_id": array_of(np.arange(len(next(iter(labels.values())))))}
    of_seeds = {
        f"{name}/seed{number}": values
        for name, partitions in (seeds or {}).items()
        for number, values in enumerate(partitions)
    }
    columns |= {
        name: array_of(np.asarray(values, dtype=np.int32)) for name, values in {**labels, **of_seeds}.items()
    }
    runs = {name: dict(settings[name]) for name in labels}
    write_numbers(file, columns, "partitions", fingerprint, runs)


def read_partitions(file: Path) -> Partitions:
    """Read a table of partitions; raises `TableError` for a run without settings, and for labels that are none."""
    metadata = read_metadata(file, "partitions")
    with opened(file) as table, understanding(file):
        columns = table.read()
        found = {name: numbers(columns, name, np.int32) for name in columns.column_names if name != "image_id"}
        seeds: dict[str, list[np.ndarray]] = {}
        labels = {}
        for name, values in found.items():
            run = _SEED.fullmatch(name)
            if run and run["run"] in found:
                seeds.setdefault(run["run"], []).append(values)
            else:
                labels[name] = values
        settings = {name: dict(metadata["settings"][name]) for name in labels}
        for name, values in found.items():
            if not -1 <= values.min(initial=0) <= values.max(initial=0) < max(len(values), 1):
                raise ValueError(
                    f"{name} has labels from {values.min()} to {values.max()} of {len(values)} images"
                )
        if not labels:
            raise ValueError("it holds no partition")
    return Partitions(file, metadata["images"], labels, settings, seeds)


@dataclass(frozen=True)
class BasePartitions:
    """Base `partitions` int32 (n, m), their `weights` float64 (m), and of which of the views each is, int (m).

    `names` (m) are BACKBONE/RUN.
    """

    partitions: np.ndarray
    weights: np.ndarray
    views: np.ndarray
    names: list[str]


def read_base_partitions(images: ImageTable, folder: Path, settings: Mapping[str, Any]) -> BasePartitions:
    """Read the baseline's partitions that the ensemble's `settings` name, below the partitions' `folder`.

    Every view has an equal say, and within it every algorithm its share, however many partitions it brings, unless
    the settings hold the "partition_weights" which the ensemble gave them.
    """
    columns: list[np.ndarray] = []
    weights, views, names = [], [], []
    for view, backbone in enumerate(settings["backbones"]):
        table = read_partitions(folder / "baseline" / f"{backbone}.parquet")
        check_same_images(images, table)
        for algorithm, share in zip(settings["algorithms"], settings["shares"], strict=True):
            runs = _runs(table, algorithm, settings["overclustering"])
            columns += runs.values()
            weights += [share / len(runs)] * len(runs)
            views += [view] * len(runs)
            names += [f"{backbone}/{name}" for name in runs]
    partitions = np.column_stack(columns)
    unlabelled = np.flatnonzero((partitions < 0).all(axis=1))
    if len(unlabelled):
        raise ParameterError(
            f"{', '.join(settings['algorithms'])} leave out {len(unlabelled)} images in every view, the first "
            f"{images.paths[unlabelled[0]]!r}; let an algorithm vote that leaves out none, such as kmeans"
        )
    return BasePartitions(partitions, np.array(settings.get("partition_weights", weights)), np.array(views), names)


def _runs(table: Partitions, algorithm: str, overclustering: Sequence[int]) -> dict[str, np.ndarray]:
    """The labels, int32 (n), of each of an algorithm's wanted runs in one view's table, by name."""
    runs = {
        name: labels
        for name, labels in table.labels.items()
        if table.settings[name]["algorithm"] == algorithm
        and table.settings[name]["overclustering"] in (*overclustering, DRAWN)
    }
    if not runs:
        had = sorted({f"{run['algorithm']} x{run['overclustering']}" for run in table.settings.values()})
        factors = ", ".join(map(str, overclustering))
        raise ParameterError(
            f"{table.file} has no run of {algorithm} at the overclustering factors {factors}; "
            f"it has {', '.join(had)}"
        )
    return runs
