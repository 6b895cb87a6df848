"""The file of corrections: rows of action, group and value, in the order in which they are applied.

A run numbers its clusters as it likes. So a group has a name of the file's own, such as "g3", and its rows
`member` list some of its images. The other actions are `new` (the group is a new one, without members; the value
is its number), `rename` (the value is the name), `merge` (the value is the group that joins this one), `move` (the
value is an image that goes into the group) and `aside` (an image, into no group).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from stages.core.checks import MOST
from stages.core.errors import DatasetError
from stages.core.regular import check_regular
from stages.core.spreadsheets import records, text_lines

MEMBER, NEW, RENAME, MERGE, MOVE, ASIDE = ACTIONS = ("member", "new", "rename", "merge", "move", "aside")
_IMAGES = (MEMBER, MOVE, ASIDE)  # whose value is an image
_FIELDS = {RENAME: ["group"], ASIDE: ["value"]}  # that must not be empty; of the other actions both


class Row(NamedTuple):
    """One line of the file."""

    action: str
    group: str
    value: str

    @property
    def image(self) -> str | None:
        """The path of the image that it is about."""
        return self.value if self.action in _IMAGES else None


def read_table(file: Path, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each line and its cells in the `columns`; nothing without a file, and of an empty one.

    Raises `DatasetError` for one that is no CSV in UTF-8 or UTF-16 with these columns.
    """
    try:
        content = check_regular(file).read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise DatasetError(f"{file} cannot be read ({error.strerror}); put it right, or remove it") from None
    lines = text_lines(str(file), content)
    if any(map(str.strip, lines)):
        for number, cells in records(str(file), lines, columns):
            if any(map(str.strip, cells)):
                yield number, cells


def parse_number(file: Path, line: int, text: str) -> int:
    """The number of a cluster in a file's line; raises `DatasetError` for another text."""
    if text.strip().isdecimal() and int(text) <= MOST:
        return int(text)
    raise DatasetError(f"{file}, line {line}: the cluster is {text!r}; write a number from 0 to {MOST}")


def read_rows(file: Path) -> list[Row]:
    """Read a file of corrections; no rows where there is none, or an empty one.

    Raises `DatasetError` as `read_table`, for another action, an empty field, and a group without a member.
    """
    rows, numbers = list[Row](), list[int]()
    for number, (action, group, value) in read_table(file, Row._fields):
        row = Row(action.strip().casefold(), group.strip(), value)
        if row.action not in ACTIONS:
            raise DatasetError(f"{file}, line {number}: the action is {action!r}; write {', '.join(ACTIONS)}")
        for field in _FIELDS.get(row.action, ["group", "value"]):
            if not getattr(row, field).strip():
                raise DatasetError(f"{file}, line {number}: {row.action} has no {field}; add it")
        if row.action == NEW:
            parse_number(file, number, value)
        # An image keeps its path to the letter; a name and a group are on one line.
        rows.append(row if row.image is not None else row._replace(value=" ".join(value.split())))
        numbers.append(number)
    known = {row.group for row in rows if row.action in (MEMBER, NEW)}
    for number, row in zip(numbers, rows, strict=True):
        for group in (row.group, row.value if row.action == MERGE else ""):
            if group and group not in known:
                raise DatasetError(
                    f"{file}, line {number}: group {group!r} has no images; list some of them in rows "
                    f"`{MEMBER},{group},IMAGE`"
                )
    return rows
