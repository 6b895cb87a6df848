"""A tiny image set with two backbones, and the train stage run on it as a user runs it."""

import csv
from pathlib import Path

import numpy as np
import yaml
from typer.testing import CliRunner, Result

from stages import train as stage
from stages.tables import (
    read_images,
    write_vectors,
)
from tests.shell import error_line

FAST = {
    "jule": {"preset": "none", "steps": 5, "reruns": 1},
    "idec": {"preset": "none", "init": "kmeans", "pretrain_epochs": 5, "anchor_epochs": 3, "refine_epochs": 2},
    "dec": {"preset": "none", "init": "kmeans", "pretrain_epochs": 5, "anchor_epochs": 3, "refine_epochs": 2},
    "turtle": {"preset": "none", "iterations": 120, "learning_rate": 0.02, "inner_learning_rate": 0.1},
    "temi": {"preset": "none", "n_heads": 3, "iterations": 120, "learning_rate": 0.005, "teacher_momentum": 0.9},
}


def write_parameters(sections: dict) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(sections))


def write_features(backbone: str, view: np.ndarray, fingerprint: str | None = None) -> None:
    images = read_images(Path("data/images/toy.parquet"))
    file = Path(f"data/features/toy/{backbone}/L3.parquet")
    made = {"precision": "fp32", "weights": f"sha of {backbone}"}
    write_vectors(file, "features", [view], fingerprint or images.fingerprint, made)


def arguments(objective: str, method: str, *options: str) -> list[str]:
    given = ["--objective", objective, "--method", method, "--width", "8", "--device", "cpu"]
    return ["--dataset", "toy", "--n-clusters", "classes", *given, *options]


def train(objective: str, method: str, *options: str) -> Result:
    return CliRunner().invoke(stage.app, arguments(objective, method, *options))


def trained(objective: str, *methods: str) -> None:
    for method in methods:
        result = train(objective, method)
        assert result.exit_code == 0, (result.output, result.exception)


def refusal(objective: str, method: str, *options: str) -> str:
    """The line of an error when the stage refuses."""
    return error_line(train(objective, method, *options))


def outputs(objective: str) -> dict[str, bytes]:
    """All that the methods of an objective wrote, by name."""
    folders = [Path(f"data/{kind}/toy/{objective}") for kind in ("partitions", "embeddings", "models")]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    files += Path("metrics/toy").glob(f"training-{objective}-*.csv")
    return {str(file): file.read_bytes() for file in files}


def curve(objective: str, method: str) -> list[dict[str, str]]:
    return list(csv.DictReader(Path(f"metrics/toy/training-{objective}-{method}.csv").read_text().splitlines()))
