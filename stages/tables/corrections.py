"""What corrections by hand did to a run's result, as result.json has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from stages.core.counted import counted


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

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Those of "corrections" in result.json, which has the fields by their names."""
        fields = content | {
            "rows": tuple((str(action), str(group), str(value)) for action, group, value in content["rows"]),
            "merged": {int(number): int(into) for number, into in content["merged"].items()},
            "skipped": tuple(map(str, content["skipped"])),
        }
        return cls(**fields)
