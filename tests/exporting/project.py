"""A dataset of awkward names for the command `export`, and looking at what it wrote."""

import csv
from collections.abc import Callable
from pathlib import Path

from tests.pipeline.project import NAMES

CLUSTERS = 3
RESULT = Path("data/results/d/assignments.csv")
METHOD = {"method": "jule/dmvc", "chosen": "named", "modularity": {"jule/dmvc": 0.5}}  # in result.json
AWKWARD = [f"{name}.png" for name in NAMES]
PATHS = sorted([*(f"one/{name}" for name in AWKWARD), *(f"two/{name}" for name in AWKWARD), "top.png"])

Call = Callable[..., tuple[int, str, str]]


def assign(paths: list[str]) -> list[tuple[str, int, str]]:
    """The rows of assignments.csv: cluster by turns, confidence falling from 1."""
    return [(path, row % CLUSTERS, f"{1 - row / 100:.6f}") for row, path in enumerate(paths)]


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def files(folder: Path) -> set[str]:
    """The files below a folder that are not hidden."""
    found = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir()}
    return {path for path in found if not path.startswith(".")}


def remains(folder: Path) -> list[str]:
    """The project's contents beside its data."""
    return sorted(place.name for place in folder.iterdir() if place.name != "data")


def refused(result: tuple[int, str, str]) -> str:
    """The one line of an error."""
    status, out, err = result
    assert (status, out) == (1, "")
    assert err.startswith("error: ") and err.endswith("\n") and err.count("\n") == 1
    return err.removeprefix("error: ").rstrip("\n")
