import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.training.learning_curve import described, learning_curve, write_learning_curves


@dataclass
class Descended:
    phase: str
    reconstruction: float
    clustering: float


@dataclass
class Merged:
    clusters: int
    loss: float
    labels: np.ndarray


def test_what_is_descended_is_the_loss() -> None:
    history = [
        Descended("pretrain", 0.5, math.nan),
        Descended("refine", 0.25, 2.0),
        Descended("x", *[math.nan] * 2),
    ]
    rows = learning_curve(history, gamma=0.1)
    assert [row["loss"] for row in rows] == ["0.5", "0.45", ""]
    assert rows[0] == {
        "record": 1, "phase": "pretrain", "reconstruction": "0.5", "clustering": "", "loss": "0.5"
    }  # fmt: skip


def test_labels_are_scored_and_left_out() -> None:
    history = [Merged(4, 0.125, np.array([0, 1])), Merged(2, math.nan, np.array([1, 1]))]
    rows = learning_curve(history, score=lambda labels: float(labels.mean()))
    assert rows == [
        {"record": 1, "clusters": 4, "loss": "0.125", "nmi_geometric": "0.5"},
        {"record": 2, "clusters": 2, "loss": "", "nmi_geometric": "1"},
    ]
    assert "nmi_geometric" not in learning_curve(history)[0]


def test_columns_are_those_of_all_rows(tmp_path: Path) -> None:
    file = tmp_path / "curve.csv"
    write_learning_curves(file, [{"a": 1, "b": 2}, {"c": 3, "a": 1}])
    assert file.read_text() == "a,b,c\n1,2,\n1,,3\n"
    write_learning_curves(file, [])
    assert file.read_text() == "\n"


def test_a_record_in_one_line() -> None:
    assert described(Descended("refine", 0.25, math.nan)) == "refine, reconstruction 0.25"
    assert described(Merged(4, 0.125, np.zeros(3))) == "clusters 4, loss 0.125"
