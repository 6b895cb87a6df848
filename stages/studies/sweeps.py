"""The table and the figure of a sweep: a training repeated over values of its parameters, and over seeds."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.csvtext import csv_text
from stages.studies.points import PointChart, point_chart, summarised

VARIANT, SEED = "variant", "seed"
# What the figure shows: the first of these that all runs have.
_SHOWN = {
    "nmi_geometric": "NMI (geometric) with the labels",
    "modularity": "modularity",
}


def sweep_csv(runs: Sequence[Mapping[str, Any]], scores: Sequence[Mapping[str, Any]], n_images: int) -> str:
    """Return the table: a row for each of the `runs`, given by its settings, and the `scores` of each.

    Settings hold "swept", the names of the parameters that the sweep sets, their values, the "variant", None where
    a sweep has none, the "seed", and "n_clusters", the number asked for.
    """
    names = _names(runs)
    scored = list(dict.fromkeys(name for row in scores for name in row))
    rows = (
        [*(_text(run[name]) for name in names), run[SEED], n_images, *(row.get(name, "") for name in scored)]
        for run, row in zip(runs, scores, strict=True)
    )
    return csv_text([*names, SEED, "images", *scored], rows)


def sweep_chart(title: str, runs: Sequence[Mapping[str, Any]], scores: Sequence[Mapping[str, Any]]) -> PointChart:
    """Return the figure: the mean over the seeds of each point, with its standard error.

    On the axis are the variants or, without any, the values of the first parameter that has several; a series is
    what the others have in common. The score is the NMI where images have labels, else the modularity.
    """
    score = next(name for name in _SHOWN if all(name in row for row in scores))
    names = _names(runs)
    if VARIANT in names:  # which says what its parameters are
        own = {name for run in runs for name in run["swept"] if name not in run["grid"]}
        names = [name for name in names if name not in own]
    several = [name for name in names if len({_text(run[name]) for run in runs}) > 1]
    first, *others = several or names[:1]
    found: dict[tuple[str, str], list[float]] = {}
    for run, row in zip(runs, scores, strict=True):
        series = ", ".join(
            _text(run[name]) if name == VARIANT else f"{name} {_text(run[name])}" for name in others
        )
        found.setdefault((_text(run[first]), series), []).append(row[score])
    points = [summarised(group, series, values) for (group, series), values in found.items()]
    numbers = all(isinstance(run[first], int | float) and not isinstance(run[first], bool) for run in runs)
    seeds = max(point.count for point in points)
    error = f"error bars: standard error of {seeds} seeds" if seeds > 1 else "one seed: no error bars"
    return point_chart(title, first, _SHOWN[score], error, points, joined=numbers)


def _names(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    variant = [VARIANT] if runs[0][VARIANT] is not None else []
    return [*variant, *runs[0]["swept"]]


def _text(value: Any) -> str:
    """A value as in the table: a text as it is, all else as YAML has it."""
    return value if isinstance(value, str) else json.dumps(value)
