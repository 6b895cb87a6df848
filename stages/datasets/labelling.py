"""The keys of source.yaml that say what the classes of the images are; several readers have them."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple, TextIO

from stages.core.errors import DatasetError
from stages.datasets.labels import (
    labels_from_blocks,
    labels_from_folders,
    labels_from_lines,
    labels_from_pattern,
    labels_from_table,
)

_RULES = ("labels", "label_folder", "label_pattern", "label_block")


class Table(NamedTuple):
    """A table of labels: its path in the dataset, what messages call it, its content."""

    path: str
    name: str
    text: TextIO


@dataclass(frozen=True, kw_only=True)
class Labelling:
    """How images are labelled. At most one of the four rules is chosen; with none, `label_folder` is 1."""

    labels: str = ""  # pattern of a table: CSV with a header, or (.txt) lines of a path, blanks and a label
    path_column: str = "path"  # column of the CSV table with paths, relative to the folder that the table lies in
    label_column: str = "label"  # column of the CSV table with labels
    label_folder: int = 0  # which folder names the class: 1 is the one that an image lies in, 2 the one above
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
            raise DatasetError(f"{self.label_pattern!r} is no regular expression ({error})") from None
        if self.label_pattern and groups != 1:
            raise DatasetError(
                f"{self.label_pattern!r} has {groups} groups; put brackets around the class, such as 'obj(\\d+)'"
            )

    def label(self, paths: Collection[str], table: Callable[[str], Table]) -> dict[str, str]:
        """Map `paths` to labels; one left out has none. `table` opens the table that matches a pattern.

        Raises `DatasetError` when the rule does not suit the paths.
        """
        if self.label_pattern:
            return labels_from_pattern(paths, self.label_pattern)
        if self.label_block:
            return labels_from_blocks(paths, self.label_block)
        if self.labels:
            path, name, text = table(self.labels)
            folder = PurePosixPath(path).parent.as_posix()
            if path.endswith(".txt"):
                return labels_from_lines(text, paths, name, folder)
            return labels_from_table(text, paths, name, folder, (self.path_column, self.label_column))
        return labels_from_folders(paths, self.label_folder or 1)
