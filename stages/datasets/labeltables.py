"""Reads tables of paths and labels as people and spreadsheets write them."""

import csv
import io
import unicodedata
from collections.abc import Callable, Collection, Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from stages.core.errors import DatasetError, one_line

_SEPARATORS = ",;\t|"
_ENCODINGS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


class Table(NamedTuple):
    """A table of labels: its path in the dataset, what messages call it, its content."""

    path: str
    name: str
    content: bytes

    @property
    def lines(self) -> list[str]:
        """The lines with their ends as they are. Raises `DatasetError` unless it is text in UTF-8 or UTF-16."""
        encoding = next((name for start, name in _ENCODINGS if self.content.startswith(start)), "utf-8")
        try:
            text = self.content.decode(encoding)
            if "\0" in text:
                raise ValueError(f"a zero byte in line {text[: text.index(chr(0))].count(chr(10)) + 1}")
        except ValueError as error:
            raise DatasetError(
                f"{self.name} is not text in UTF-8 or UTF-16 ({one_line(error)}); save it as CSV in UTF-8"
            ) from None
        return list(io.StringIO(text, newline=""))


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
        rows = "1 row of an image that is" if len(gone) == 1 else f"{len(gone)} rows of images that are"
        report(f"{table.name}: {rows} not there, such as {gone[0]!r}, left out")
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
    lines = table.lines
    # Excel marks the separator in a line of its own, which the header itself shows as well.
    marked = bool(lines) and lines[0].lower().startswith("sep=")
    first = next((number for number, line in enumerate(lines) if number >= marked and line.strip()), 0)
    header = lines[first] if lines else ""
    wanted = [column.strip().casefold() for column in columns]
    # The separator that shows the columns; where none does, the one that splits the header most, for the message.
    separators = sorted(_SEPARATORS, key=lambda mark: -header.count(mark))
    headers = {
        mark: [name.strip() for name in next(csv.reader([header], delimiter=mark), [])] for mark in separators
    }
    for separator, names in headers.items():  # noqa: B007 - the one that fits separates the rows, too
        places = {name.casefold(): place for place, name in enumerate(names)}
        if all(column in places for column in wanted):
            break
    else:
        names = next(iter(headers.values()))
        places = {name.casefold(): place for place, name in enumerate(names)}
        missing = [column for column, name in zip(columns, wanted, strict=True) if name not in places]
        raise DatasetError(
            f"{table.name} has no column {_quoted(missing)}; its first line has {_quoted(names) or 'no columns'}; "
            f"name the columns {_quoted(columns)} there"
        )
    folded = [name.casefold() for name in names]
    if twice := [column for column in wanted if folded.count(column) > 1]:
        raise DatasetError(f"{table.name} has two columns {_quoted(twice)}; remove or rename one")
    at = [places[column] for column in wanted]
    rows = csv.reader(lines[first + 1 :], delimiter=separator, strict=True)
    try:
        for row in rows:
            if any(cell.strip() for cell in row[len(names) :]):
                raise DatasetError(
                    f"{table.name}, line {first + 1 + rows.line_num}: {len(row)} cells, {len(names)} columns; "
                    "put quotes around what holds the separator"
                )
            path, label = (row[place] if place < len(row) else "" for place in at)
            if path.strip():
                yield _Row(first + 1 + rows.line_num, path, label.strip())
            elif label := label.strip():
                raise DatasetError(
                    f"{table.name}, line {first + 1 + rows.line_num}: {label!r} has no path; add it"
                )
    except csv.Error as error:
        line = first + 1 + rows.line_num
        raise DatasetError(
            f"{table.name} is not a CSV table ({error}, line {line}); close the quotes, or save it again as CSV"
        ) from None


def _quoted(names: Collection[str]) -> str:
    return ", ".join(repr(name) for name in names)
