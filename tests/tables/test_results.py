"""The result of a run: its clusters with their confidences, names and numbers, as its stage wrote them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.core.errors import TableError
from stages.core.seal import sealed_json
from stages.tables import Image, ImageTable, read_images, write_images
from stages.tables.corrections import Corrections
from stages.tables.results import ClusterName, Result, read_assignments, read_result


@pytest.fixture
def images(tmp_path: Path) -> ImageTable:
    """Three images."""
    write_images(tmp_path / "d.parquet", [Image(f"{i},\r.png", b"%d" % i, None, 4, 4) for i in range(3)], [])
    return read_images(tmp_path / "d.parquet")


def write_assignments(folder: Path, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "assignments.csv").write_text(text, newline="")


def test_the_result_is_read_with_its_confidences(images: ImageTable, tmp_path: Path) -> None:
    rows = "".join(f'"{i},\r.png",{i % 2},0.{i}\n' for i in range(3))
    write_assignments(tmp_path / "r", f"path,cluster,confidence\n{rows}")
    found = read_assignments(tmp_path / "r", images)
    assert found.labels.tolist() == [0, 1, 0] and found.labels.dtype == np.int32
    assert found.confidence.tolist() == [0, 0.1, 0.2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,cluster,confidence\nx.png,0,1\n", "lists other images than the image table; run `dvc repro`"),
        ("path,confidence\nx.png,1\n", r"cannot be used \(the column 'cluster' is missing\); delete it"),
        ('path,cluster,confidence\n"0,\r.png",0,nan\n', r"cannot be used \(a confidence is 'nan'\); delete it"),
        ('path,cluster,confidence\n"0,\r.png",many,1\n', r"cannot be used \(invalid literal"),
        ('path,cluster\n"0,\r.png",0\n', r"cannot be used \(the column 'confidence' is missing\); delete it"),
    ],
)
def test_a_result_that_cannot_be_used_is_told(images: ImageTable, tmp_path: Path, text: str, message: str) -> None:
    write_assignments(tmp_path / "r", text)
    with pytest.raises(TableError, match=rf"assignments\.csv {message}"):
        read_assignments(tmp_path / "r", replace(images, paths=images.paths[:1]))


def test_a_missing_result_is_told(images: ImageTable, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"assignments\.csv does not exist; run `dvc repro` to make it or"):
        read_assignments(tmp_path, images)


RESULT: dict[str, Any] = {
    "method": "jule/dmvc",
    "chosen": "auto",
    "modularity": {"ensemble": 0.5, "jule/dmvc": 0.625},
}


def test_the_method_whose_clusters_are_the_result_is_read_as_its_stage_wrote_it(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"result\.json does not exist; run `dvc repro` to make it or"):
        read_result(tmp_path)
    (tmp_path / "result.json").write_text(sealed_json(RESULT))
    assert read_result(tmp_path) == Result("jule/dmvc", True, RESULT["modularity"], {}, {}, None, None)
    (tmp_path / "result.json").write_text(sealed_json({**RESULT, "chosen": "named"}))
    assert not read_result(tmp_path).chosen


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "4", "null", sealed_json({})),
        sealed_json({**RESULT, "modularity": [0.5]}),
        sealed_json({**RESULT, "modularity": {"ensemble": None, "jule/dmvc": 1}}),
        sealed_json({**RESULT, "modularity": {"ensemble": 0.5}}),
    ],
)
def test_a_damaged_name_of_the_method_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(TableError, match=r"result\.json cannot be used \(.*\); delete it and run `dvc repro`$"):
        read_result(tmp_path)


def test_clusters_of_a_method_s_own_table_by_the_numbers_that_they_kept() -> None:
    names = {4: ClusterName("oak"), 0: ClusterName("elm"), 9: ClusterName("by hand")}
    plain = Result("jule/dmvc", True, {"jule/dmvc": 0.5}, names, {}, None, None)
    assert not plain.changed
    assert [plain.number_of(cluster) for cluster in (0, 1, 7)] == [0, 1, 7]
    assert plain.names_of("result") == plain.names_of("jule/dmvc") == names and plain.names_of("ensemble") == {}
    kept = replace(plain, numbers={0: 4, 2: 0, 3: 9})
    assert kept.changed
    assert [kept.number_of(cluster) for cluster in (0, 2, 3)] == [4, 0, 9]
    assert kept.number_of(1) == 11, "one without images, which has no other's number"
    assert kept.names_of("result") == names
    assert kept.names_of("jule/dmvc") == {0: names[4], 2: names[0], 3: names[9]}
    merged = replace(kept, corrections=Corrections((), {}, {9: 4}, 0, 0, 0))
    assert [merged.number_of(cluster) for cluster in (0, 2, 3)] == [4, 0, 4]
    assert merged.names_of("jule/dmvc") == {}


@pytest.mark.parametrize("numbers", [{}, {0: 3, 1: 0}])
@pytest.mark.parametrize(
    "corrections", [None, Corrections((("rename", "a", "x"),), {"a": 0}, {}, 0, 0, 1, ("s",))]
)
def test_what_is_written_is_read_back(
    tmp_path: Path, numbers: dict[int, int], corrections: Corrections | None
) -> None:
    names = {0: ClusterName("oak", ("oak", "elm"), "tree", 0.75)}
    result = Result("ensemble", False, {"ensemble": 0.5}, names, numbers, corrections, "0f")
    (tmp_path / "result.json").write_text(sealed_json(result.to_json()))
    assert read_result(tmp_path) == result


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("ensemble", "ensemble"),
        ("jule/dmvc", "jule/dmvc"),
        ("jule/views/b", "jule/views/b"),
        ("images/jule/jule-rc", "images/jule-rc"),
    ],
)
def test_the_name_that_a_result_is_scored_by(method: str, name: str) -> None:
    assert Result(method, True, {}, {}, {}, None, None).scored_as == name
