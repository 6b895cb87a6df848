"""Learning curves: loss, clusters left and NMI of every trained method, as small multiples."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.reporting.axes import Box, Scale, Tick, scale_around
from stages.tables.methods import MethodName
from stages.tables.textfiles import rows_of, text_of, understanding
from stages.tables.trained_files import training_curve

PANEL = Box(width=380, height=220, left=64, right=370, top=10, bottom=182)
_MARKED = 40  # records: with more, every point on a line would hide it


@dataclass(frozen=True)
class LearningCurve:
    """One training: its name, the objective trained, the numbers of its records (r), and what each recorded.

    `values` maps "loss", "clusters" and "nmi_geometric", those there are, to float64 (r), nan where not defined.
    """

    name: str
    objective: str
    records: np.ndarray
    values: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Line:
    """A curve within a panel: its place in the legend, its path in SVG units, and its last value.

    `dots` marks the records of a path that has few of them.
    """

    place: int
    name: str
    path: str
    dots: str
    last: float


@dataclass(frozen=True)
class Panel:
    """One measure of all curves of an objective; `log` says that its axis is logarithmic."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    log: bool


@dataclass(frozen=True)
class LearningCurves:
    """The panels of one objective, the names of the curves in the order of their colours, and the files.

    `record` says what a record is; `box` is where the panels' axes are.
    """

    box: Box
    objective: str
    record: str
    names: tuple[str, ...]
    panels: tuple[Panel, ...]
    sources: tuple[str, ...]


_MEASURES = (
    ("loss", "Loss", "mean over the images, no unit"),
    ("clusters", "Clusters left", "number"),
    ("nmi_geometric", "NMI with the labels", "geometric mean, 0 to 1"),
)
_RECORDS = {
    "jule": "period (some steps of training, then some merges)",
    "turtle": "record (50 steps)",
    "temi": "record (50 steps)",
    "images": "epoch (of jule: period)",
}


def read_curves(file: Path, objective: str, method: str) -> list[LearningCurve]:
    """Read a training curve: one curve, or, where there is a column "backbone", one for each of them.

    Columns other than "record" and those of `LearningCurve` are passed over; an empty field is not defined.
    """
    header = text_of(file).partition("\n")[0].rstrip("\r").split(",")
    measures = [name for name, _, _ in _MEASURES if name in header]
    grouped = "backbone" in header
    rows = list(rows_of(file, *(["backbone"] if grouped else []), "record", *measures))
    by_name: dict[str, list[tuple[str, ...]]] = {}
    for row in rows:
        by_name.setdefault(f"{method}/{row[0]}" if grouped else method, []).append(row[1:] if grouped else row)
    with understanding(file):
        return [
            LearningCurve(
                name,
                objective,
                np.array([int(row[0]) for row in mine], dtype=np.int64),
                {
                    measure: np.array([float(row[place] or "nan") for row in mine])
                    for place, measure in enumerate(measures, start=1)
                },
            )
            for name, mine in by_name.items()
        ]


def draw_curves(curves: Sequence[LearningCurve], sources: Sequence[str]) -> LearningCurves | None:
    """Draw the curves of one objective; None if there is no curve.

    `sources` names the files they are from. A measure that no curve has defined has no panel. All panels have the
    same x axis, and a curve the same colour in all of them.
    """
    if not curves:
        return None
    objective = curves[0].objective
    last = max(int(curve.records.max()) for curve in curves)
    x = Scale(1.0, float(max(last, 2)), PANEL.left, PANEL.right)
    panels = []
    for measure, title, unit in _MEASURES:
        known = [curve.values[measure] for curve in curves if measure in curve.values]
        values = np.concatenate(known) if known else np.empty(0)
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        whole = measure == "clusters"
        if measure == "nmi_geometric":
            y = Scale(0.0, 1.0, PANEL.bottom, PANEL.top)
        else:
            y = scale_around(values, PANEL.bottom, PANEL.top, whole)
        lines = tuple(
            _line(place, curve.name, curve.records, curve.values[measure], x, y)
            for place, curve in enumerate(curves)
            if measure in curve.values and np.isfinite(curve.values[measure]).any()
        )
        panels.append(Panel(title, unit, lines, x.ticks(6, whole=True), y.ticks(5, whole), y.log))
    names = tuple(curve.name for curve in curves)
    return LearningCurves(PANEL, objective, _RECORDS.get(objective, "epoch"), names, tuple(panels), tuple(sources))


def draw_learning_curves(metrics: Path, trained: Sequence[str]) -> tuple[LearningCurves, ...]:
    """Draw the curves in the folder `metrics` of a dataset: one drawing for every objective, and one for images.

    `trained` are the names of all methods; those that train no network have no curve.
    """
    found = []
    names = [MethodName.parse(name) for name in trained]
    for objective in dict.fromkeys(name.objective for name in names):
        own = [name for name in names if name.objective == objective and name.trains_network]
        files = {name.method: training_curve(metrics, name) for name in own}
        curves = [curve for method, file in files.items() for curve in read_curves(file, objective, method)]
        sources = [f"metrics/{metrics.name}/{file.name}" for file in files.values()]
        found.append(draw_curves(curves, sources))
    return tuple(drawing for drawing in found if drawing is not None)


def _line(place: int, name: str, records: np.ndarray, values: np.ndarray, x: Scale, y: Scale) -> Line:
    """Join neighbouring records that have a value; one that stands alone is a piece of no length, a round dot."""
    known = np.isfinite(values)
    across, down = x.place(records.astype(np.float64)), y.place(np.where(known, values, y.low))
    points = [f"{a:.1f} {b:.1f}" for a, b in zip(across, down, strict=True)]
    pieces = []
    for defined, group in itertools.groupby(range(len(values)), key=lambda row: bool(known[row])):
        if defined:
            first, *others = (points[row] for row in group)
            pieces.append(f"M{first}h0" + "".join(f"L{point}" for point in others))
    marked = np.flatnonzero(known & (known.sum() <= _MARKED))
    dots = "".join(f"M{points[row]}h0" for row in marked)
    return Line(place, name, "".join(pieces), dots, float(values[known][-1]))
