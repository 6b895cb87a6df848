"""CSV tables as people and spreadsheets write them: any separator, any order of columns, UTF-8 or UTF-16."""

import csv
import io
from collections.abc import Collection, Iterator, Sequence

from stages.core.errors import DatasetError, one_line

_SEPARATORS = ",;\t|"
_ENCODINGS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


def text_lines(name: str, content: bytes) -> list[str]:
    """The lines of a file, with their ends as they are; `name` is what messages call it.

    Raises `DatasetError` unless it is text in UTF-8 or UTF-16.
    """
    encoding = next((name for start, name in _ENCODINGS if content.startswith(start)), "utf-8")
    try:
        text = content.decode(encoding)
        if "\0" in text:
            raise ValueError(f"a zero byte in line {text[: text.index(chr(0))].count(chr(10)) + 1}")
    except ValueError as error:
        raise DatasetError(
            f"{name} is not text in UTF-8 or UTF-16 ({one_line(error)}); save it as CSV in UTF-8"
        ) from None
    return list(io.StringIO(text, newline=""))


def records(name: str, lines: Sequence[str], columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each line and its fields in the `columns`, "" where the line has none.

    The `columns` are found in the first line, in any case; there may be others. A comma, semicolon, tab or "|"
    separates them. Raises `DatasetError` where one is missing or there twice, for a line of more cells than there
    are columns, and where it is no CSV.
    """
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
        missing = [column for column, key in zip(columns, wanted, strict=True) if key not in places]
        raise DatasetError(
            f"{name} has no column {_quoted(missing)}; its first line has {_quoted(names) or 'no columns'}; "
            f"name the columns {_quoted(columns)} there"
        )
    folded = [name.casefold() for name in names]
    if twice := [column for column in wanted if folded.count(column) > 1]:
        raise DatasetError(f"{name} has two columns {_quoted(twice)}; remove or rename one")
    at = [places[column] for column in wanted]
    rows = csv.reader(lines[first + 1 :], delimiter=separator, strict=True)
    try:
        for row in rows:
            number = first + 1 + rows.line_num
            if any(cell.strip() for cell in row[len(names) :]):
                raise DatasetError(
                    f"{name}, line {number}: {len(row)} cells, {len(names)} columns; "
                    "put quotes around what holds the separator"
                )
            yield number, [row[place] if place < len(row) else "" for place in at]
    except csv.Error as error:
        line = first + 1 + rows.line_num
        raise DatasetError(
            f"{name} is not a CSV table ({error}, line {line}); close the quotes, or save it again as CSV"
        ) from None


def rows_of_gone(count: int) -> str:
    """The beginning of a sentence about so many rows whose images are gone."""
    return "1 row of an image that is not there" if count == 1 else f"{count} rows of images that are not there"


def _quoted(names: Collection[str]) -> str:
    return ", ".join(repr(name) for name in names)
