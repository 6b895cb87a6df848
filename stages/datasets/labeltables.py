"""Reads tables of paths and labels as people and spreadsheets write them."""

import unicodedata
from collections.abc import Callable, Collection, Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from stages.core.errors import DatasetError
from stages.core.spreadsheets import records, rows_of_gone, text_lines


class Table(NamedTuple):
    """A table of labels: its path in the dataset, what messages call it, its content."""

    path: str
    name: str
    content: bytes

    @property
    def lines(self) -> list[str]:
        """The lines with their ends as they are. Raises `DatasetError` unless it is text in UTF-8 or UTF-16."""
        return text_lines(self.name, self.content)


class _Row(NamedTuple):
    number: int  # of its line
    path: str
    label: str


def labels_from_table(
    table: Table,
    paths: Collection[str],
    folder: str = "",
    columns: tuple[str, str] = ("path", "label"),
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, str]:
    """Map paths to labels by a table: CSV with a header or, in a .txt, lines of a path, blanks and a label.

    A path without a row, or whose label is empty or NaN, has none. `columns` are the columns of paths and of
    labels, in any case; there may be others. A comma, semicolon, tab or "|" separates them. Paths are relative to
    the `folder` of the table, itself relative to the dataset; a backslash counts as "/", and an accent is the same
    however it is composed. Rows of images that are not there are left out, and `report` counts them.

    Raises `DatasetError` when a column is missing, an image has two labels, or no row is of an image.
    """
    known = {_spelling(path): path for path in paths} | {path: path for path in paths}
    labels: dict[str, str] = {}
    found, gone = 0, []
    for number, listed, label in _lines(table) if table.path.endswith(".txt") else _records(table, columns):
        spellings = (listed, listed.strip(), listed.strip().replace("\\", "/"))
        below = [(PurePosixPath(folder) / text).as_posix() for text in spellings]
        path = next((known[key] for text in below for key in (text, _spelling(text)) if key in known), None)
        if path is None:
            gone.append(below[0])
            continue
        found += 1
        if label and label.lower() != "nan" and labels.setdefault(path, label) != label:
            raise DatasetError(
                f"{table.name}, line {number}: {path!r} has the labels {labels[path]!r} and {label!r}; keep one"
            )
    if gone and not found:
        raise DatasetError(
            f"{table.name}: no row is of an image of the dataset, the first is of {gone[0]!r}; write paths "
            f"relative to the table's folder, like {min(paths, default='cat/1.png')!r}"
        )
    if gone:
        report(f"{table.name}: {rows_of_gone(len(gone))}, such as {gone[0]!r}, left out")
    return labels


def _spelling(path: str) -> str:
    return unicodedata.normalize("NFC", path)


def _lines(table: Table) -> Iterator[_Row]:
    for number, line in enumerate(table.lines, start=1):
        if line.strip():
            path, _, label = line.strip().replace("\t", " ").rpartition(" ")
            if not path:
                raise DatasetError(
                    f"{table.name}, line {number}: {label!r} has no label; write a path, a blank and a label"
                )
            yield _Row(number, path.strip(), label)


def _records(table: Table, columns: tuple[str, str]) -> Iterator[_Row]:
    for number, (path, label) in records(table.name, table.lines, columns):
        if path.strip():
            yield _Row(number, path, label.strip())
        elif label := label.strip():
            raise DatasetError(f"{table.name}, line {number}: {label!r} has no path; add it")
