"""The classes of a labelled dataset: from the paths of its images, or from a table of paths and labels.

`Labelling` holds the keys of source.yaml that choose the rule; several readers have them.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from stages.core.errors import DatasetError
from stages.datasets.labeltables import Table, labels_from_table

UNLABELLED = "none"  # the value of `labels` where folders are not classes
_RULES = ("labels", "label_folder", "label_pattern", "label_block")
_LEAF = "leaf"  # the value of `labels` for: the folder that an image is in, wherever that is
# Folders for the parts of an image set, which say nothing of what is on the images.
_PARTS = frozenset(
    ["train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval", "evaluation", "holdout"]
)


@dataclass(frozen=True, kw_only=True)
class Labelling:
    """How images are labelled. At most one of the four rules is chosen; with none, see `labels_from_folders`."""

    # Pattern of a table: CSV with a header, or (.txt) lines of a path, blanks and a label. Or "none": no labels.
    # Or "leaf": the folder of an image names its class; folders of one name are one class wherever they are.
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

    def label(
        self,
        paths: Collection[str],
        table: Callable[[str], Table],
        report: Callable[[str], None] = lambda line: None,
    ) -> dict[str, str]:
        """Map `paths` to labels; one left out has none. `table` opens the table that matches a pattern.

        `report` gets a line about what a user should know. Raises `DatasetError` when the rule does not suit the
        paths.
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
        if self.labels and self.labels != _LEAF:
            found_in = table(self.labels)
            folder = PurePosixPath(found_in.path).parent.as_posix()
            return labels_from_table(found_in, paths, folder, (self.path_column, self.label_column), report)
        if paths and self.label_folder >= max(len(PurePosixPath(path).parts) for path in paths):
            raise DatasetError(
                f"no image is in {self.label_folder} folders, such as {min(paths)!r}; correct `label_folder`"
            )
        return labels_from_folders(paths, 1 if self.labels else self.label_folder, report)


def class_order(names: Iterable[str]) -> list[str]:
    """The distinct names, sorted: by value when all are whole numbers, else by code points."""
    distinct = sorted(set(names))
    if all(re.fullmatch(r"[+-]?[0-9]{1,18}", name) for name in distinct):
        distinct.sort(key=int)
    return distinct


def labels_from_folders(
    paths: Collection[str], level: int = 0, report: Callable[[str], None] = lambda line: None
) -> dict[str, str]:
    """Map each path that is deep enough to the name of a folder: `level` 1 is the one it is in, 2 the one above.

    With 0 it is the one it is in, too, but folders of one name in different places are a class each, called by
    their paths. Parts of a set make no difference: train/cat and test/cat are one class. `report` gets a line on
    either.

    One folder for all labelled images separates none of them: that is not a labelling, and the result is empty.
    """
    folders = {path: PurePosixPath(path).parts[:-1] for path in paths}
    labels = {path: parts[-(level or 1)] for path, parts in folders.items() if len(parts) >= (level or 1)}
    if not level:
        places = {path: "/".join(part for part in folders[path] if part.lower() not in _PARTS) for path in labels}
        by_name, by_place = defaultdict(set), defaultdict(set)
        for path, label in labels.items():
            by_name[label].add(places[path])
            by_place[places[path], label].add("/".join(folders[path]))
        if parts := [found for found in by_place.values() if len(found) > 1]:
            report(f"parts of the set are put together: {_two_of(parts)} are one class")
        if apart := {label: found for label, found in by_name.items() if len(found) > 1}:
            labels = {path: (label in apart and places[path]) or label for path, label in labels.items()}
            report(
                f"folders of one name in several places are a class each, such as {_two_of(apart.values())}; "
                "a source.yaml with `reader: local`, `path: .` and `labels: leaf` joins them"
            )
    return labels if len(set(labels.values())) > 1 else {}


def _two_of(sets: Iterable[Collection[str]]) -> str:
    """The first two of the first set, which is the same from run to run."""
    return " and ".join(map(repr, min(sorted(found) for found in sets)[:2]))
