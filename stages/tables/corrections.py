"""What corrections by hand did to a run's result, as result.json has it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.counted import counted
from stages.tables.images import ImageTable
from stages.tables.textfiles import json_of, rows_of, understanding

UNCORRECTED = "uncorrected"  # column of assignments.csv, there only with corrections: the cluster before them


@dataclass(frozen=True)
class Corrections:
    """The `rows` of a file of corrections, and how they were applied.

    A row is an action, a group of the file and a value. `groups` has the cluster of each of these groups, None for
    one that is not there; `merged` has, for a cluster that joined another one, that one. `moved` and `aside` count
    images, `renamed` groups. `skipped` says in sentences what could not be applied.
    """

    rows: tuple[tuple[str, str, str], ...]
    groups: Mapping[str, int | None]
    merged: Mapping[int, int]
    moved: int
    aside: int
    renamed: int
    skipped: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """What was done: "2 images moved, 1 group renamed"."""
        parts = [
            (self.moved, "image", "moved"),
            (len(self.merged), "group", "merged into another"),
            (self.renamed, "group", "renamed"),
            (self.aside, "image", "set aside"),
        ]
        return ", ".join(f"{counted(number, noun)} {what}" for number, noun, what in parts if number) or "nothing"

    def to_json(self) -> dict[str, Any]:
        """The content of "corrections" in result.json."""
        return asdict(self)


def read_corrections(folder: Path) -> Corrections | None:
    """Read how a run's result was corrected from its `folder`; None where it was not."""
    file = folder / "result.json"
    with understanding(file):
        if (found := json_of(file).get("corrections")) is None:
            return None
        fields = found | {
            "rows": tuple((str(action), str(group), str(value)) for action, group, value in found["rows"]),
            "merged": {int(number): int(into) for number, into in found["merged"].items()},
            "skipped": tuple(map(str, found["skipped"])),
        }
        return Corrections(**fields)


def read_uncorrected(folder: Path, images: ImageTable) -> np.ndarray | None:
    """Read the clusters before corrections, int32 (n), from a result's `folder`; None where there are none."""
    if read_corrections(folder) is None:
        return None
    file = folder / "assignments.csv"
    with understanding(file):
        labels = np.array([int(cluster) for (cluster,) in rows_of(file, UNCORRECTED)], dtype=np.int32)
        if len(labels) != len(images):
            raise ValueError(f"it has {len(labels)} rows for {len(images)} images")
    return labels
