"""The classes of a labelled dataset: from the paths of its images, or from a table of paths and labels.

`Labelling` holds the keys of source.yaml that choose the rule; several readers have them.
"""

import csv
import io
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple, TextIO

from stages.core.errors import DatasetError

UNLABELLED = "none"  # the value of `labels` where folders are not classes
_RULES = ("labels", "label_folder", "label_pattern", "label_block")


class Table(NamedTuple):
    """A table of labels: its path in the dataset, what messages call it, its content."""

    path: str
    name: str
    content: bytes

    @property
    def text(self) -> TextIO:
        """The content as text, with its line ends as they are."""
        return io.TextIOWrapper(io.BytesIO(self.content), "utf-8-sig", newline="")


@dataclass(frozen=True, kw_only=True)
class Labelling:
    """How images are labelled. At most one of the four rules is chosen; with none, `label_folder` is 1."""

    # Pattern of a table: CSV with a header, or (.txt) lines of a path, blanks and a label. Or "none": no labels.
    labels: str = ""
    path_column: str = "path"  # column of the CSV table with paths, relative to the table's folder
    label_column: str = "label"  # column of the CSV table with labels
    label_folder: int = 0  # which folder names the class: 1 is the one that an image is in, 2 the one above
    label_pattern: str = ""  # regular expression found in the path; its one group is the class
    label_block: int = 0  # number of images in each class, which follow each other in the order of paths

    def __post_init__(self) -> None:
        chosen = [rule for rule in _RULES if getattr(self, rule)]
        if len(chosen) > 1:
            raise DatasetError(f"{chosen[0]!r} and {chosen[1]!r} both say what the labels are; keep one")
        for key in ("label_folder", "label_block"):
            if (value := getattr(self, key)) < 0:
                raise DatasetError(f"the value of {key!r} is {value}; write 1 or more")
        try:
            groups = re.compile(self.label_pattern).groups
        except re.error as error:
            raise DatasetError(f"{self.label_pattern!r} is not a regular expression ({error})") from None
        if self.label_pattern and groups != 1:
            raise DatasetError(
                f"{self.label_pattern!r} has {groups} groups; put brackets around the class, such as 'obj(\\d+)'"
            )

    def label(self, paths: Collection[str], table: Callable[[str], Table]) -> dict[str, str]:
        """Map `paths` to labels; one left out has none. `table` opens the table that matches a pattern.

        Raises `DatasetError` when the rule does not suit the paths.
        """
        if self.labels == UNLABELLED:
            return {}
        if self.label_pattern:
            found = {path: match[1] for path in paths if (match := re.search(self.label_pattern, path))}
            if paths and not found:
                raise DatasetError(
                    f"{self.label_pattern!r} is found in no path, such as {min(paths)!r}; correct `label_pattern`"
                )
            return found
        if size := self.label_block:
            if len(paths) % size:
                raise DatasetError(
                    f"{len(paths)} images are not classes of {size} images each; correct `label_block`"
                )
            return {path: str(1 + index // size) for index, path in enumerate(sorted(paths))}
        if self.labels:
            found_in = table(self.labels)
            folder = PurePosixPath(found_in.path).parent.as_posix()
            if found_in.path.endswith(".txt"):
                return labels_from_lines(found_in.text, paths, found_in.name, folder)
            columns = (self.path_column, self.label_column)
            return labels_from_table(found_in.text, paths, found_in.name, folder, columns)
        return labels_from_folders(paths, self.label_folder or 1)


def class_order(names: Iterable[str]) -> list[str]:
    """The distinct names, sorted: by value when all are whole numbers, else by code points."""
    distinct = sorted(set(names))
    if all(re.fullmatch(r"[+-]?[0-9]{1,18}", name) for name in distinct):
        distinct.sort(key=int)
    return distinct


def labels_from_folders(paths: Collection[str], level: int = 1) -> dict[str, str]:
    """Map each path that is deep enough to the name of a folder: 1 is the one it is in, 2 the one above.

    One folder for all labelled images separates none of them: that is not a labelling, and the result is empty.
    """
    split = {path: PurePosixPath(path).parts for path in paths}
    labels = {path: parts[-1 - level] for path, parts in split.items() if len(parts) > level}
    return labels if len(set(labels.values())) > 1 else {}


def labels_from_lines(lines: TextIO, paths: Collection[str], name: str, folder: str = "") -> dict[str, str]:
    """Map paths to labels by lines of a path, blanks and a label; the rest is as in `labels_from_table`."""
    known = frozenset(paths)
    labels: dict[str, str] = {}
    try:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                listed, _, label = line.strip().replace("\t", " ").rpartition(" ")
                path = (PurePosixPath(folder) / listed.strip()).as_posix()
                _add(labels, known, path, label, f"{name}, line {number}")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{name} is not text in UTF-8 ({error})") from None
    return labels


def labels_from_table(
    table: TextIO,
    paths: Collection[str],
    name: str,
    folder: str = "",
    columns: tuple[str, str] = ("path", "label"),
) -> dict[str, str]:
    """Map paths to labels by a CSV table with a header; a path without a row, or with an empty label, has none.

    `columns` are the columns of paths and of labels; there may be others. Paths in the table are relative to
    the `folder` of the table, itself relative to the dataset. Messages call the table `name`.

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
            _add(labels, known, path, label, f"{name}, line {rows.line_num}")
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetError(f"{name} is not a CSV table in UTF-8 ({error})") from None
    return labels


def _add(labels: dict[str, str], known: Collection[str], path: str, label: str, where: str) -> None:
    if path not in known:
        raise DatasetError(f"{where}: {path!r} is not an image of the dataset; correct or remove the line")
    if label and labels.setdefault(path, label) != label:
        raise DatasetError(f"{where}: {path!r} has the labels {labels[path]!r} and {label!r}; keep one")


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)
