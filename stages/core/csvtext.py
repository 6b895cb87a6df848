"""Rows as the text of a CSV file."""

import csv
from collections.abc import Iterable, Sequence
from typing import Any


class _Lines(list[str]):
    """Takes the records of a writer that ends them by CR LF: only such a one quotes both within a field."""

    def write(self, record: str) -> None:
        self.append(record.removesuffix("\r\n") + "\n")


def csv_text(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a header and rows as RFC 4180 writes them, but with lines that end in a line feed."""
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return "".join(lines)
