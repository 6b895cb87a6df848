"""CSV and JSON files between the stages: read whole, and every fault is a `TableError` of one line.

The line names the file and the way out. Paths of images are kept as they are: nothing is stripped, and "NA" is a
file name.
"""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages.core.errors import TableError
from stages.core.regular import check_regular


@contextmanager
def understanding(file: Path) -> Iterator[None]:
    """Report content of `file` that the block cannot make sense of: a missing key, or a value of another kind."""
    try:
        yield
    except KeyError as error:
        raise damaged(file, f"{error} is missing") from None
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise damaged(file, str(error)) from None


def json_of(file: Path) -> Any:
    """The content of a JSON file; `understanding` reports what is wrong with it."""
    return json.loads(text_of(file))


def rows_of(file: Path, *columns: str) -> Iterator[tuple[str, ...]]:
    """Yield the named columns of a CSV file (RFC 4180) as text."""
    # newline="": a carriage return within a file name stays one.
    reader = csv.reader(io.StringIO(text_of(file), newline=""), strict=True)
    try:
        header = next(reader, [])
        if missing := [column for column in columns if column not in header]:
            raise damaged(file, f"the column {missing[0]!r} is missing")
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
        return check_regular(file).read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise TableError(f"{file} does not exist; run `dvc repro` to make it or `dvc pull` to fetch it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise damaged(file, str(error)) from None


def damaged(file: Path, reason: str) -> TableError:
    """The error to raise for a file that is not what its stage writes."""
    return TableError(f"{file} cannot be used ({reason}); delete it and run `dvc repro`")
