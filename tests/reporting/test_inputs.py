import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import TableError
from stages.reporting.inputs import (
    Result,
    read_agreement,
    read_answer,
    read_assignments,
    read_counts,
    read_rejected,
    read_result,
    read_scores,
)

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


ANSWER = {"n_clusters": 7, "found": 4, "clear": True, "plausible": [3, 6], "coarser": None, "finer": 9}
RESULT = {"method": "jule/dmvc", "chosen": "auto", "modularity": {"ensemble": 0.5, "jule/dmvc": 0.625}}


def test_the_answer_is_read_as_the_ensemble_wrote_it(tmp_path: Path) -> None:
    file = tmp_path / "n_clusters.json"
    file.write_text(json.dumps({**ANSWER, "summary": "4 groups"}))
    answer = read_answer(file)
    assert (answer.used, answer.found, answer.clear) == (7, 4, True)
    assert (answer.plausible, answer.coarser, answer.finer) == ((3, 6), None, 9)


def test_the_result_is_read_as_its_stage_wrote_it(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text(json.dumps(RESULT))
    assert read_result(file) == Result("jule/dmvc", True, {"ensemble": 0.5, "jule/dmvc": 0.625})
    file.write_text(json.dumps({**RESULT, "chosen": "named"}))
    assert not read_result(file).chosen


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((read, text) for read in (read_answer, read_result) for text in ("", "{", "[]", "4", "null", "{}")),
        *((read_answer, json.dumps({**ANSWER, name: None})) for name in ("n_clusters", "found", "plausible")),
        (read_answer, json.dumps({**ANSWER, "plausible": [3]})),
        (read_answer, json.dumps({**ANSWER, "plausible": ["few", "many"]})),
        (read_answer, json.dumps({**ANSWER, "found": float("inf")})),
        (read_answer, json.dumps({**ANSWER, "finer": "more"})),
        (read_result, json.dumps({**RESULT, "modularity": [0.5]})),
        (read_result, json.dumps({**RESULT, "modularity": {"ensemble": None, "jule/dmvc": 1}})),
        (read_result, json.dumps({**RESULT, "modularity": {"ensemble": 0.5}})),
    ],
)
def test_a_damaged_answer_or_result_is_one_line(read: Callable[[Path], object], text: str, tmp_path: Path) -> None:
    file = tmp_path / "damaged.json"
    file.write_text(text)
    with pytest.raises(TableError, match=r"damaged\.json cannot be used \(.*\); delete it and run `dvc repro`$"):
        read(file)


@pytest.mark.parametrize("read", [read_answer, read_result])
def test_an_answer_or_result_that_is_not_there_is_one_line(read: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"none\.json does not exist; run `dvc repro` to make it or `dvc pull`"):
        read(tmp_path / "none.json")


def test_counts_may_lack_values_but_not_columns(tmp_path: Path) -> None:
    head = ("clusters", "modularity", "lifetime", "silhouette", "images")
    file = write(tmp_path / "c.csv", head, (1, 0, 0.25, "", 9), (2, 0.5, 0.75, 0.125, 9))
    counts = read_counts(file)
    assert counts.clusters.tolist() == [1, 2]
    assert counts.modularity.tolist() == [0, 0.5]
    assert counts.lifetime.tolist() == [0.25, 0.75]
    assert np.isnan(counts.silhouette[0]) and counts.silhouette[1] == 0.125
    with pytest.raises(TableError, match="column 'modularity' is missing"):
        read_counts(write(file, ("clusters", "lifetime", "stability", "silhouette"), (1, 0, 0, 0)))
    with pytest.raises(TableError, match=r"c\.csv cannot be used \(could not convert"):
        read_counts(write(file, head, (1, "much", 0, 0, 9)))
