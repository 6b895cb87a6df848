"""The names of the clusters of a run's result, as result.json has them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stages.tables.textfiles import json_of, understanding


@dataclass(frozen=True)
class ClusterName:
    """A cluster's `name`, "" where nothing names it, and what it comes from.

    `words` are what networks see in its images, the most telling first; `label` is the commonest of its labelled
    images, "" without any, and `share` its share of these, 0 to 1.
    """

    name: str
    words: tuple[str, ...] = ()
    label: str = ""
    share: float = 0.0


def names_to_json(names: Mapping[int, ClusterName]) -> dict[str, Any]:
    """The names by cluster, as `read_names` finds them in result.json."""
    return {str(number): asdict(name) for number, name in names.items()}


def read_names(folder: Path, method: str | None = None) -> dict[int, ClusterName]:
    """Read the names of the clusters of a run's result from its `folder`.

    There are none where the result is not of `method` or was corrected by hand since, in a result of an earlier
    version, and without a result. Raises `TableError` for a damaged one.
    """
    file = folder / "result.json"
    if not file.exists():
        return {}
    with understanding(file):
        content = json_of(file)
        if method is not None and (content["method"] != method or "corrections" in content):
            return {}
        return {
            int(number): ClusterName(**{**fields, "words": tuple(fields["words"])})
            for number, fields in content.get("names", {}).items()
        }
