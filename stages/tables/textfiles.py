"""CSV and JSON files between the stages: read whole, and every fault is a `TableError` of one line.

The line names the file and the way out. Paths of images are kept as they are: nothing is stripped, and "NA" is a
file name.
"""

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages.core.atomic import write_text
from stages.core.csvtext import text_of_cell
from stages.core.errors import TableError, first_line
from stages.core.regular import check_regular
from stages.core.seal import BLANK, check_sealed, sealed, sealed_json, unsealed_json


@contextmanager
def understanding(file: Path) -> Iterator[None]:
    """Report content of `file` that the block cannot make sense of: a missing key, or a value of another kind."""
    try:
        yield
    except KeyError as error:
        raise damaged(file, f"{error} is missing") from None
    except (AttributeError, IndexError, OverflowError, TypeError, ValueError) as error:
        raise damaged(file, first_line(error)) from None


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write a sealed JSON file."""
    write_text(file, sealed_json(content))


def json_of(file: Path) -> dict[str, Any]:
    """The content of a sealed JSON file; `understanding` reports what is wrong with it."""
    return unsealed_json(text_of(file))


def write_fragment(file: Path, html: str) -> None:
    """Write a part of the report, which ends with a comment that is its seal."""
    write_text(file, sealed(f"{html}<!-- {file.name} {BLANK} -->\n"))


def fragment_of(file: Path) -> str:
    """The part of the report that `write_fragment` wrote."""
    text = text_of(file)
    with understanding(file):
        check_sealed(text)
        html, comment, _ = text.rpartition(f"<!-- {file.name} ")
        if not comment:
            raise ValueError(f"it is another file: {text[-100:].strip()}")
    return html


def check_digest(file: Path, noted: Path, digest: str | None) -> None:
    """Raise `TableError` unless `file` is there, with the sha256 `noted` in another one; None if none was."""
    found = hashlib.sha256(text_of(file).encode()).hexdigest()
    if digest not in (None, found):
        raise damaged(file, f"its digest is not the one in {noted}")


def rows_of(file: Path, *columns: str) -> Iterator[tuple[str, ...]]:
    """Yield the named columns of a CSV file (RFC 4180) as text, as `csv_text` was given it."""
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
            yield tuple(text_of_cell(row[place]) for place in places)
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
