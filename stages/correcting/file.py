"""The file of corrections: rows of action, group and value, in the order in which they are applied.

A run numbers its clusters as it likes. So a group has a name of the file's own, such as "g3", and its rows
`member` list some of its images. The other actions are `rename` (the value is the name), `merge` (the value is the
group that joins this one), `move` (the value is an image that goes into the group) and `aside` (an image, into no
group).
"""

from pathlib import Path
from typing import NamedTuple

from stages.core.errors import DatasetError
from stages.core.regular import check_regular
from stages.core.spreadsheets import records, text_lines

MEMBER, RENAME, MERGE, MOVE, ASIDE = ACTIONS = ("member", "rename", "merge", "move", "aside")
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


def read_rows(file: Path) -> list[Row]:
    """Read a file of corrections; no rows where there is none, or an empty one.

    Raises `DatasetError` for one that is no CSV in UTF-8 or UTF-16 with the columns action, group and value, for
    another action, for an empty field, and for a group without a member.
    """
    try:
        content = check_regular(file).read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DatasetError(f"{file} cannot be read ({error.strerror}); put it right, or remove it") from None
    name = str(file)
    rows, numbers = list[Row](), list[int]()
    lines = text_lines(name, content)
    if not any(map(str.strip, lines)):
        return []
    for number, (action, group, value) in records(name, lines, Row._fields):
        row = Row(action.strip().casefold(), group.strip(), value)
        if not any(map(str.strip, row)):
            continue
        if row.action not in ACTIONS:
            raise DatasetError(f"{name}, line {number}: the action is {action!r}; write {', '.join(ACTIONS)}")
        for field in _FIELDS.get(row.action, ["group", "value"]):
            if not getattr(row, field).strip():
                raise DatasetError(f"{name}, line {number}: {row.action} has no {field}; add it")
        # An image keeps its path to the letter; a name and a group are on one line.
        rows.append(row if row.image is not None else row._replace(value=" ".join(value.split())))
        numbers.append(number)
    known = {row.group for row in rows if row.action == MEMBER}
    for number, row in zip(numbers, rows, strict=True):
        for group in (row.group, row.value if row.action == MERGE else ""):
            if group and group not in known:
                raise DatasetError(
                    f"{name}, line {number}: group {group!r} has no images; list some of them in rows "
                    f"`{MEMBER},{group},IMAGE`"
                )
    return rows
