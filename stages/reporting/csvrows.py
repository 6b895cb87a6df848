"""Small files that other stages wrote, read and checked.

Every fault is a `TableError` of one line that names the file and what to do.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from stages.core.errors import TableError


def rows_of(file: Path, *columns: str) -> Iterator[tuple[str, ...]]:
    """Yield the named columns of a CSV file (RFC 4180) as text."""
    # newline="": a carriage return within a file name stays one.
    reader = csv.reader(io.StringIO(text_of(file), newline=""), strict=True)
    try:
        header = next(reader, [])
        if missing := [column for column in columns if column not in header]:
            raise damaged(file, f"column {missing[0]!r} is missing")
        places = [header.index(column) for column in columns]
        for row in reader:
            if len(row) != len(header):
                raise damaged(file, f"line {reader.line_num} has {len(row)} of {len(header)} fields")
            yield tuple(row[place] for place in places)
    except csv.Error as error:
        raise damaged(file, f"line {reader.line_num}: {error}") from None


def text_of(file: Path) -> str:
    """The text of a file in UTF-8."""
    try:
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise TableError(f"{file} does not exist; run `dvc repro` to make it or `dvc pull` to fetch it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise damaged(file, str(error)) from None


def damaged(file: Path, reason: str) -> TableError:
    """The error to raise for a file that is not what its stage writes."""
    return TableError(f"{file} cannot be used ({reason}); delete it and run `dvc repro`")
