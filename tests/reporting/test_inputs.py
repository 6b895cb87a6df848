import csv
import json
from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import TableError
from stages.reporting.inputs import read_agreement, read_assignments, read_rejected, read_scores

NAMES = ["NA", " a b ", 'q"uo,te', "line\nbreak", "carriage\rreturn", "\u2028sep", "🌸", "-rf", "<b>"]


def write(file: Path, *rows: tuple[object, ...]) -> Path:
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    return file


def test_names_pass_unchanged(tmp_path: Path) -> None:
    rows = [(name, index, "" if index == 0 else index / 10) for index, name in enumerate(NAMES)]
    file = write(tmp_path / "a.csv", ("path", "cluster", "confidence"), *rows)
    assigned = read_assignments(file, NAMES)
    assert assigned.clusters.tolist() == list(range(len(NAMES)))
    assert np.isnan(assigned.confidence[0])
    assert assigned.confidence[1] == 0.1
    file = write(tmp_path / "r.csv", ("path", "reason"), *((name, "empty") for name in NAMES))
    assert [image.path for image in read_rejected(file)] == NAMES


def test_faults_of_assignments_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "assignments.csv"
    with pytest.raises(TableError, match=r"assignments\.csv does not exist; run `dvc repro`"):
        read_assignments(file, ["a"])
    write(file, ("path", "cluster"), ("a", 1))
    with pytest.raises(TableError, match=r"assignments\.csv cannot be used \(column 'confidence' is missing\)"):
        read_assignments(file, ["a"])
    write(file, ("path", "cluster", "confidence"), ("a", 1, 0.5))
    with pytest.raises(TableError, match=r"assignments\.csv lists other images"):
        read_assignments(file, ["b"])
    write(file, ("path", "cluster", "confidence"), ("a", "x", 0.5))
    with pytest.raises(TableError, match="invalid literal"):
        read_assignments(file, ["a"])
    file.write_text('path,cluster,confidence\n"a,1,0.5\n')
    with pytest.raises(TableError, match="line 2"):
        read_assignments(file, ["a"])
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(TableError, match="cannot be used"):
        read_assignments(file, ["a"])


def test_agreement_needs_every_pair(tmp_path: Path) -> None:
    head = ("view_a", "view_b", "nmi_geometric")
    pairs = [("b", "b", 1), ("b", "a", 0.25), ("a", "b", 0.25), ("a", "a", 1)]
    agreement = read_agreement(write(tmp_path / "a.csv", head, *pairs))
    assert agreement.views == ("b", "a")
    assert agreement.values.tolist() == [[1, 0.25], [0.25, 1]]
    with pytest.raises(TableError, match="the pair b and a is missing"):
        read_agreement(write(tmp_path / "a.csv", head, pairs[0], *pairs[2:]))


def test_scores(tmp_path: Path) -> None:
    file = tmp_path / "scores.json"
    content = {
        "baseline": {"v/L3/ward": {"ari": 0.5}},
        "train": {"jule/views/v": {"ari": 0.75}, "jule/dmvc": {"ari": 1, "silhouette": None}},
        "ensemble": {"ari": 0.25, "silhouette": float("nan")},
        "dataset": {"images": 4, "clusters": 2, "labelled": 3},
    }
    file.write_text(json.dumps(content))
    scores = read_scores(file)
    assert (scores.images, scores.clusters, scores.labelled) == (4, 2, 3)
    assert list(scores.joint) == ["ensemble", "jule/dmvc"]
    assert scores.joint["ensemble"] == {"ari": 0.25, "silhouette": None}
    assert scores.single == {"v/L3/ward": {"ari": 0.5}, "jule/views/v": {"ari": 0.75}}
    del content["ensemble"]
    file.write_text(json.dumps(content))
    with pytest.raises(TableError, match=r"scores\.json cannot be used \('ensemble' is missing\); delete it"):
        read_scores(file)
    for text in ("{", "[]", '{"dataset": 1}'):
        file.write_text(text)
        with pytest.raises(TableError, match=r"scores\.json cannot be used"):
            read_scores(file)
