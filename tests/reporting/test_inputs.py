import csv
from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import TableError
from stages.core.seal import sealed_json
from stages.reporting.inputs import (
    read_agreement,
    read_answer,
    read_counts,
    read_scores,
)


def write(file: Path, *rows: tuple[object, ...]) -> Path:
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows(rows)
    return file


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
        "result": {"method": "jule/dmvc", "ari": 0.875},
    }
    file.write_text(sealed_json(content | {"uncorrected": {"ari": 0.5}}))
    assert read_scores(file).result == {"ari": 0.5}, "as the method's own table has it"
    file.write_text(sealed_json(content))
    scores = read_scores(file)
    assert scores.result == {"ari": 0.875} and scores.corrected is None
    assert (scores.images, scores.clusters, scores.labelled) == (4, 2, 3)
    assert list(scores.joint) == ["ensemble", "jule/dmvc"]
    assert scores.joint["ensemble"] == {"ari": 0.25, "silhouette": None}
    assert scores.single == {"v/L3/ward": {"ari": 0.5}, "jule/views/v": {"ari": 0.75}}
    del content["ensemble"]
    file.write_text(sealed_json(content))
    with pytest.raises(TableError, match=r"scores\.json cannot be used \('ensemble' is missing\); delete it"):
        read_scores(file)
    for text in ("{", "[]", sealed_json({"dataset": 1})):
        file.write_text(text)
        with pytest.raises(TableError, match=r"scores\.json cannot be used"):
            read_scores(file)


ANSWER = {"n_clusters": 7, "found": 4, "clear": True, "plausible": [3, 6], "coarser": None, "finer": 9}


def test_the_answer_is_read_as_the_ensemble_wrote_it(tmp_path: Path) -> None:
    file = tmp_path / "n_clusters.json"
    file.write_text(sealed_json({**ANSWER, "summary": "4 groups"}))
    answer = read_answer(file)
    assert (answer.used, answer.found, answer.clear) == (7, 4, True)
    assert (answer.plausible, answer.coarser, answer.finer) == ((3, 6), None, 9)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "4", "null", sealed_json({})),
        *(sealed_json({**ANSWER, name: None}) for name in ("n_clusters", "found", "plausible")),
        sealed_json({**ANSWER, "plausible": [3]}),
        sealed_json({**ANSWER, "plausible": ["few", "many"]}),
        sealed_json({**ANSWER, "found": float("inf")}),
        sealed_json({**ANSWER, "finer": "more"}),
    ],
)
def test_a_damaged_answer_is_one_line(text: str, tmp_path: Path) -> None:
    file = tmp_path / "damaged.json"
    file.write_text(text)
    with pytest.raises(TableError, match=r"damaged\.json cannot be used \(.*\); delete it and run `dvc repro`$"):
        read_answer(file)


def test_an_answer_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"none\.json does not exist; run `dvc repro` to make it or `dvc pull`"):
        read_answer(tmp_path / "none.json")


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
