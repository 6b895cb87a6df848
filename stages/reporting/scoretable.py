"""Scores as a table of methods by metrics, with the best of every metric marked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import yaml

from stages.core.algorithm_name import parse_algorithm
from stages.tables.methods import MethodName

if TYPE_CHECKING:
    import rich.table

Values = Mapping[str, float | None]


@dataclass(frozen=True)
class Column:
    """A metric: its key in scores.json, its heading, what it says, and whether more is better.

    `scope` is "labels" for a metric that compares with labels and "images" for one that needs none; `bounded`
    ones are fractions, the others counts.
    """

    key: str
    heading: str
    meaning: str
    scope: str = "labels"
    bounded: bool = True


@dataclass(frozen=True)
class Cell:
    """A value as text, "-" in its typographic form where there is none, and whether it is the column's best."""

    text: str
    best: bool = False


@dataclass(frozen=True)
class Row:
    """A method, what it is in a few words, and a cell a column."""

    method: str
    note: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class ScoreTable:
    """`joint`: methods that use all views. `single`: one view each. `summary`: those in two rows, if many."""

    columns: tuple[Column, ...]
    joint: tuple[Row, ...]
    single: tuple[Row, ...]
    summary: tuple[Row, ...]


_WORDS = yaml.safe_load(Path(__file__).with_name("scores.yaml").read_text(encoding="utf-8"))
COLUMNS = tuple(Column(key, **words) for key, words in _WORDS["columns"].items())
_NOTES: dict[str, str] = _WORDS["methods"]
_SHIFTED: dict[str, str] = _WORDS["shifted"]
_MAIN = ("nmi_geometric", "ari", "accuracy", "modularity", "silhouette", "largest_cluster", "smallest_cluster")
_PICKED_BY = ("nmi_geometric", "modularity", "silhouette")  # the best single view, by the first that there is
SUMMARY_FROM = 12  # with more single views than this, the table starts with their median and best


def score_table(
    joint: Mapping[str, Values], single: Mapping[str, Values], result: str, corrected: bool = False
) -> ScoreTable:
    """Tabulate the scores of methods on all views and of methods on a single one; `result` is what the page shows.

    The page may show it `corrected` by hand, which the scores of methods are not.
    Columns are the known metrics that some method has. Values equal at three digits share the mark of the best;
    a single method has no best, nor have cluster sizes. A mean over seeds has its standard error beside it.
    """
    methods = [*joint.values(), *single.values()]
    columns = tuple(c for c in COLUMNS if any(values.get(c.key) is not None for values in methods))
    best: dict[str, float] = {}
    for column in columns:
        known = _known(methods, column)
        if column.bounded and len(known) > 1:
            best[column.key] = max(known)

    shown = "the clusters of this page" + (", before corrections by hand" if corrected else "")

    def row(method: str, note: str, values: Values) -> Row:
        note = ": ".join(filter(None, (note, shown))) if method == result else note
        if seeds := values.get("seeds"):
            note = "; ".join(filter(None, (note, f"means of {seeds:.0f} seeds")))
        cells = (_cell(values.get(c.key), c, best.get(c.key), values.get(f"{c.key}_ste")) for c in columns)
        return Row(method, note, tuple(cells))

    summary: tuple[Row, ...] = ()
    if len(single) > SUMMARY_FROM:
        measure = next((c for c in columns if c.key in _PICKED_BY), columns[0])
        scored = {name: value for name, values in single.items() if (value := values.get(measure.key)) is not None}
        picked = max(scored, key=scored.__getitem__)
        summary = (
            *(_median(title, group, columns) for title, group in _kinds(single).items()),
            row(
                "best single view",
                f"{picked}: of {len(single)} the best by {measure.heading}, known only after scoring",
                single[picked],
            ),
        )
    return ScoreTable(
        columns,
        tuple(row(method, _joint_note(method), values) for method, values in joint.items()),
        tuple(row(method, "", values) for method, values in single.items()),
        summary,
    )


def before_and_after(before: Values, after: Values) -> tuple[tuple[Column, Cell, Cell], ...]:
    """The metrics that either has, with the score before corrections by hand and after."""
    pairs = ((column, before.get(column.key), after.get(column.key)) for column in COLUMNS)
    return tuple(
        (column, _cell(old, column, None), _cell(new, column, None))
        for column, old, new in pairs
        if old is not None or new is not None
    )


def terminal_table(title: str, scores: ScoreTable) -> "rich.table.Table":
    """Return the main scores as a short table for a terminal; the page has all of them."""
    from rich.markup import escape
    from rich.table import Table

    shown = [place for place, column in enumerate(scores.columns) if column.key in _MAIN]
    table = Table(
        title=escape(title),
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    table.add_column("")
    for place in shown:
        table.add_column(scores.columns[place].heading, justify="right", style="default")
    for row in (*scores.joint, *(scores.summary or scores.single)):
        cells = (row.cells[place] for place in shown)
        table.add_row(
            escape(row.method), *(f"[bold green]{cell.text}[/]" if cell.best else cell.text for cell in cells)
        )
    return table


def _kinds(single: Mapping[str, Values]) -> dict[str, list[Values]]:
    """The clusterings of single views by kind: those of plain algorithms, then those of trained networks."""
    kinds: dict[str, list[Values]] = {}
    for name, values in single.items():
        parsed = MethodName.parse(name)
        title = f"median single view by {parsed.objective}" if parsed.on_one_view else "median single view"
        kinds.setdefault(title, []).append(values)
    return kinds


def _median(title: str, methods: Sequence[Values], columns: Sequence[Column]) -> Row:
    """The middle of every metric; a median is not a method and is never marked."""
    middle = {c.key: median(known) for c in columns if (known := _known(methods, c))}
    note = f"what one view gives: the middle of {len(methods)} clusterings"
    return Row(title, note, tuple(_cell(middle.get(c.key), c, None) for c in columns))


def _known(methods: Iterable[Values], column: Column) -> list[float]:
    return [round(value, 3) for values in methods if (value := values.get(column.key)) is not None]


def _cell(value: float | None, column: Column, best: float | None, error: float | None = None) -> Cell:
    if value is None:
        return Cell("\N{EN DASH}")
    if not column.bounded:
        return Cell(f"{value:,.0f}")
    text = f"{value:.3f}".replace("-", "\N{MINUS SIGN}")
    if error is not None:
        text += f" \N{PLUS-MINUS SIGN} {error:.3f}"
    return Cell(text, best is not None and round(value, 3) == best)


def _joint_note(method: str) -> str:
    name = MethodName.parse(method)
    if name.of_pixels:
        return "the pixels of the images, clustered as they are"
    if name.of_embedding:
        note = f"the embedding of {name.embedded_by}, clustered by a plain algorithm"
        return "; ".join(filter(None, (note, _SHIFTED.get(parse_algorithm(name.embedding_algorithm)[0]))))
    if name.is_transfer:
        return "clustered by a network that was trained on another image set (JULE)"
    return _NOTES.get(name.method or method, "")
