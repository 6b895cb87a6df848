"""The classes of a labelled dataset: from the folders that images lie in, or from a table of paths and labels."""

import csv
import re
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath
from typing import TextIO

from stages.errors import DatasetError


def class_order(names: Iterable[str]) -> list[str]:
    """The distinct names, sorted: by value when all are whole numbers, else by code points."""
    distinct = sorted(set(names))
    if all(re.fullmatch(r"[+-]?[0-9]{1,18}", name) for name in distinct):
        distinct.sort(key=int)
    return distinct


def labels_from_folders(paths: Collection[str]) -> dict[str, str]:
    """Map each path that lies in a sub-folder to that folder's name.

    One folder for all labelled images tells none of them from another: that is no labelling, and the result is
    empty.
    """
    labels = {path: PurePosixPath(path).parent.name for path in paths if "/" in path}
    return labels if len(set(labels.values())) > 1 else {}


def labels_from_table(
    table: TextIO,
    paths: Collection[str],
    name: str,
    folder: str = "",
    columns: tuple[str, str] = ("path", "label"),
) -> dict[str, str]:
    """Map paths to labels by a CSV table with a header; a path without a row, or with an empty label, has none.

    `columns` are the columns of paths and of labels; there may be others. Paths in the table are relative to
    `folder`, in which the table lies, itself relative to the dataset. `name` is what messages call the table.

    Raises `DatasetError` when a column is missing, a path is not one of `paths`, or has two labels.
    """
    known = frozenset(paths)
    labels: dict[str, str] = {}
    try:
        rows = csv.DictReader(table, strict=True)
        header = rows.fieldnames or []
        if missing := [column for column in columns if column not in header]:
            raise DatasetError(
                f"{name} has no column {_quoted(missing)}; its first line has {_quoted(header) or 'no columns'}"
            )
        for row in rows:
            path = (PurePosixPath(folder) / (row[columns[0]] or "")).as_posix()
            label = (row[columns[1]] or "").strip()
            where = f"{name}, line {rows.line_num}"
            if path not in known:
                raise DatasetError(f"{where}: {path!r} is no image of the dataset; correct or remove the line")
            if label and labels.setdefault(path, label) != label:
                raise DatasetError(f"{where}: {path!r} has the labels {labels[path]!r} and {label!r}; keep one")
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(f"{name} is no CSV table in UTF-8 ({error})") from None
    return labels


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
