"""Twelve images in three groups, and the stage `result` run on them."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from stages.core.digests import file_digest
from stages.core.errors import ManyviewsError
from stages.result import app
from stages.tables import read_images, read_partitions, write_partitions
from stages.tables.textfiles import json_of

FOLDER = Path("data/partitions/d")


# Three groups of four images, each linked to the next three of its group.
GROUPS = np.repeat([0, 1, 2], 4)
LINKS = np.array([(4 * (i // 4) + i % 4, 4 * (i // 4) + (i + step) % 4) for i in range(12) for step in (1, 2, 3)])
BASE = {"run/0": GROUPS, "run/1": GROUPS * 2 + np.arange(12) % 2}


def moved(count: int) -> np.ndarray:
    """The groups, but for the first images, which are in the last one."""
    return np.where(np.arange(12) < count, 2, GROUPS)


def write(objective: str, method: str, fingerprint: str, **columns: np.ndarray) -> None:
    """Write the clusters of a method, one column of its name unless others are given."""
    labels = columns or {method: GROUPS}
    write_partitions(FOLDER / f"{objective}/{method}.parquet", labels, {name: {} for name in labels}, fingerprint)


def write_network(labels: np.ndarray, name: str = "jule/dmvc") -> None:
    objective, method = name.split("/")
    write(objective, method, read_images(Path("data/images/d.parquet")).fingerprint, **{method: labels})


def run_stage(*objectives: str, options: tuple[str, ...] = ()) -> str:
    """Run the stage; return what it prints."""
    named = [option for name in objectives for option in ("--objectives", name)]
    result = CliRunner().invoke(app, ["--dataset", "d", *named, *options])
    if result.exception:
        raise result.exception
    return result.stdout


def listed(*objectives: str, images: tuple[str, ...] = ()) -> dict[str, dict[str, str]]:
    """The manifest; `images` are further options, on methods that see the images."""
    run_stage(*objectives, options=images)
    content: dict[str, dict[str, str]] = json_of(Path("data/views/d/methods.json"))
    return content


def chosen(*objectives: str, result: str = "auto") -> dict[str, Any]:
    """What result.json says."""
    run_stage(*objectives, options=("--result", result))
    content: dict[str, Any] = json_of(Path("data/results/d/result.json"))
    assert content.pop("assignments.csv") == file_digest(Path("data/results/d/assignments.csv"))
    return content


def read_settings() -> dict[str, Any]:
    """The settings of the ensemble."""
    return read_partitions(FOLDER / "ensemble.parquet").settings["ensemble"]


def assignments() -> list[dict[str, str]]:
    with Path("data/results/d/assignments.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def refused(*objectives: str, result: str = "auto") -> str:
    with pytest.raises(ManyviewsError) as caught:
        chosen(*objectives, result=result)
    assert "\n" not in str(caught.value)
    assert not Path("data/results").exists()
    return str(caught.value)
