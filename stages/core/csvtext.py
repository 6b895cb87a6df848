"""Rows as the text of a CSV file, which spreadsheets show as text where it is text."""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import Any

# What begins like this is a formula to a spreadsheet, unless it is a number: a file name might run a program.
_FORMULA = re.compile("'*[=+\\-@\t\r]")
_NUMBER = re.compile(r"-\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII)


class _Lines(list[str]):
    """Takes the records of a writer that ends them by CR LF: only such a one quotes both within a field."""

    def write(self, record: str) -> None:
        self.append(record.removesuffix("\r\n") + "\n")


def csv_text(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a header and rows as RFC 4180 writes them, but with lines that end in a line feed.

    A text that a spreadsheet would take for a formula has an apostrophe in front; `text_of_cell` is the inverse.
    """
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(map(_cell, header))
    writer.writerows(map(_cell, row) for row in rows)
    return "".join(lines)


def text_of_cell(cell: str) -> str:
    """The text that `csv_text` wrote as this cell."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _cell(value: Any) -> Any:
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value
