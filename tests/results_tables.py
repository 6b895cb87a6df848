"""Keeps the tables of scores in README.md and docs/results in step with what was measured and published.

`python -m tests.results_tables` writes them from docs/results/measured.yaml and `stages.scoring.published`; a test
fails until you do.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from stages.commands.catalogue import renew
from stages.core.atomic import write_text
from stages.scoring.published.comparison import Comparison, Measured, Method, compare, own_settings
from stages.scoring.published.records import published_scores

PAGES = Path(__file__).parents[1] / "docs" / "results"
MARKER = "measured scores"


class Cell(NamedTuple):
    """A score of ours as it is printed, and the published ones beside it."""

    text: str
    beside: Sequence[Comparison]


def pages() -> dict[Path, str]:
    """Return every page that has such a table, as it should be."""
    measured = yaml.safe_load((PAGES / "measured.yaml").read_text(encoding="utf-8"))
    files = {(PAGES / f"{name}.md").resolve(): table(**page) for name, page in measured.items()}
    return {file: renew(file.read_text(encoding="utf-8"), MARKER, text, file.name) for file, text in files.items()}


def table(rows: Mapping[str, str | None], runs: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of the `runs` by row and column, with published scores in brackets, and what differs.

    A score is bold where nothing differs.
    """
    columns = list(dict.fromkeys(run["column"] for run in runs))
    cells = {
        (row, run["column"]): _cell(rows[row], run, value) for run in runs for row, value in run["scores"].items()
    }
    sources = list(dict.fromkeys((c.source, c.table) for cell in cells.values() for c in cell.beside))
    letters = {source: "abcdefgh"[place] for place, source in enumerate(sources)} if len(sources) > 1 else {}

    def shown(cell: Cell | None) -> str:
        if cell is None:
            return ""
        theirs = [
            f"{letters.get((c.source, c.table), '')} {_digits(f'{c.published:.3f}')}".strip() for c in cell.beside
        ]
        ours = _digits(cell.text)
        ours = f"**{ours}**" if any(not c.differs for c in cell.beside) else ours
        return f"{ours} ({', '.join(theirs)})" if theirs else ours

    lines = [["", *columns], ["---"] * (1 + len(columns))]
    lines += [[row, *(shown(cells.get((row, column))) for column in columns)] for row in rows]
    text = "\n".join(f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in line)}|" for line in lines)
    if not sources:
        return text
    named = "; ".join(" ".join([*filter(None, [letters.get(source)]), ", ".join(source)]) for source in sources)
    notes = [f"- {column}{found}." for column in columns for found in _differences(rows, cells, column, letters)]
    return "\n".join(
        [text, "", f"In brackets: {named}.", "What differs, as far as it is stated there:", "", *notes]
    )


def _cell(row: str | None, run: Mapping[str, Any], value: float | str) -> Cell:
    text = value if isinstance(value, str) else f"{value:.3f}"
    if row is None:
        return Cell(text, [])
    views = run.get("views", [])
    scores = {run["metric"]: float(text.replace(",", " ").split()[0])}
    ours = {}
    for view in views if "{views}" in row else [""]:
        fields = row.format(**{**run, "views": view}).split(" ")
        method = Method(*("" if field == "-" else field for field in fields))
        settings = own_settings(method, run["settings"])
        ours[method] = Measured(scores, run["images"], run["clusters"], views, settings)
    found = [c for c in compare(run["dataset"], ours, published_scores()) if c.metric == run["metric"]]
    return Cell(text, found)


def _differences(
    rows: Iterable[str], cells: Mapping[tuple[str, str], Cell], column: str, letters: Mapping[tuple[str, str], str]
) -> list[str]:
    """Name what differs in a column: of all its figures, or of which rows and sources."""
    there = [
        (row, letters.get((c.source, c.table), ""), c.differs.split("; "))
        for row in rows
        if (row, column) in cells
        for c in cells[row, column].beside
    ]
    whose: dict[str, list[str]] = {}
    for remark in dict.fromkeys(remark for *_, remarks in there for remark in remarks if remark):
        places = [place for place in there if remark in place[2]]
        named = sorted({letter for _, letter, _ in places})
        every = len(places) == sum(letter in named for _, letter, _ in there)
        parts = [] if every else list(dict.fromkeys(row for row, *_ in places))
        parts += named if named != sorted({letter for _, letter, _ in there}) else []
        whose.setdefault("".join(f", {part}" for part in parts), []).append(remark)
    return [f"{who}: {'; '.join(remarks)}" for who, remarks in whose.items()]


def _digits(text: str) -> str:
    """A score without the zero before its point."""
    return re.sub(r"\b0(?=\.)", "", text)


if __name__ == "__main__":
    for page, text in pages().items():
        if page.read_text(encoding="utf-8") != text:
            write_text(page, text)
            print(f"{page.name} is new")
