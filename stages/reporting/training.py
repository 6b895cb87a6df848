"""Training curves: loss, clusters left and NMI of every trained method, as small multiples."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.reporting.axes import Box, Scale, Tick, scale_around
from stages.reporting.csvrows import damaged, rows_of, text_of

PANEL = Box(width=380, height=220, left=64, right=370, top=10, bottom=182)
_MARKED = 40  # records: with more, every point on a line would hide it


@dataclass(frozen=True)
class Course:
    """One training: its name, the objective trained, the numbers of its records (r), and what each recorded.

    `values` maps "loss", "clusters" and "nmi_geometric", those there are, to float64 (r), nan where not defined.
    """

    name: str
    objective: str
    records: np.ndarray
    values: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Line:
    """A course within a panel: its place in the legend, its path in SVG units, and its last value.

    `dots` marks the records of a path that has few of them.
    """

    place: int
    name: str
    path: str
    dots: str
    last: float


@dataclass(frozen=True)
class Panel:
    """One measure of all courses of an objective; `log` says that its axis is logarithmic."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    log: bool


@dataclass(frozen=True)
class Training:
    """The panels of one objective, the names of the courses in the order of their colours, and the files.

    `record` says what a record is; `box` is where the panels' axes lie.
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
    "images": "epoch (of jule: period)",
}


def read_courses(file: Path, objective: str, method: str) -> list[Course]:
    """Read a training curve: one course, or, where there is a column "backbone", one for each of them.

    Columns other than "record" and those of `Course` are passed over; an empty field is not defined.
    """
    header = text_of(file).partition("\n")[0].rstrip("\r").split(",")
    measures = [name for name, _, _ in _MEASURES if name in header]
    grouped = "backbone" in header
    rows = list(rows_of(file, *(["backbone"] if grouped else []), "record", *measures))
    by_name: dict[str, list[tuple[str, ...]]] = {}
    for row in rows:
        by_name.setdefault(f"{method}/{row[0]}" if grouped else method, []).append(row[1:] if grouped else row)
    try:
        return [
            Course(
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
    except ValueError as error:
        raise damaged(file, str(error)) from None


def training(courses: Sequence[Course], sources: Sequence[str]) -> Training | None:
    """Draw the courses of one objective; None if there is no course.

    `sources` names the files they are from. A measure that no course has defined has no panel. All panels have the
    same x axis, and a course the same colour in all of them.
    """
    if not courses:
        return None
    objective = courses[0].objective
    last = max(int(course.records.max()) for course in courses)
    x = Scale(1.0, float(max(last, 2)), PANEL.left, PANEL.right)
    panels = []
    for measure, title, unit in _MEASURES:
        known = [course.values[measure] for course in courses if measure in course.values]
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
            _line(place, course.name, course.records, course.values[measure], x, y)
            for place, course in enumerate(courses)
            if measure in course.values and np.isfinite(course.values[measure]).any()
        )
        panels.append(Panel(title, unit, lines, x.ticks(6, whole=True), y.ticks(5, whole), y.log))
    names = tuple(course.name for course in courses)
    return Training(PANEL, objective, _RECORDS.get(objective, "epoch"), names, tuple(panels), tuple(sources))


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
