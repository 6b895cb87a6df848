"""Rows as the text of a CSV file."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any


def csv_text(header: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a header and rows as RFC 4180 writes them, but with lines that end in a line feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
