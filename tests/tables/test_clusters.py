"""Which cluster every image is in: of a method by its name, and of a run's result."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import ParameterError, TableError
from stages.core.seal import sealed_json
from stages.tables import Image, ImageTable, read_images, write_images, write_partitions
from stages.tables.clusters import ResultMethod, find_clusters, read_method, read_result

LABELS = {"ensemble": [0, 0, 1], "jule-sf": [0, 1, 2], "jule-rc": [2, 1, 0]}


@pytest.fixture
def images(tmp_path: Path) -> ImageTable:
    """Three images, and the tables of two methods, one of two results."""
    write_images(tmp_path / "d.parquet", [Image(f"{i},\r.png", b"%d" % i, None, 4, 4) for i in range(3)], [])
    table = read_images(tmp_path / "d.parquet")
    for method, names in (("ensemble", ["ensemble"]), ("images/jule", ["jule-sf", "jule-rc"])):
        labels = {name: np.array(LABELS[name]) for name in names}
        write_partitions(tmp_path / f"d/{method}.parquet", labels, {name: {} for name in names}, table.fingerprint)
    return table


@pytest.mark.parametrize(
    ("method", "name"),
    [("ensemble", "ensemble"), ("ensemble/ensemble", "ensemble"), ("images/jule/jule-rc", "jule-rc")],
)
def test_a_method_is_found_by_its_path_and_its_result(
    images: ImageTable, tmp_path: Path, method: str, name: str
) -> None:
    found = find_clusters(images, tmp_path / "d", method)
    assert found.labels.tolist() == LABELS[name]
    assert found.confidence is None


def test_a_method_of_several_results_and_one_that_is_not_there_are_told(
    images: ImageTable, tmp_path: Path
) -> None:
    with pytest.raises(
        ParameterError, match=r"holds 2 runs; name one after the method and a '/': jule-sf, jule-rc$"
    ):
        find_clusters(images, tmp_path / "d", "images/jule")
    with pytest.raises(ParameterError, match=r"no method is called '../d'; .* has ensemble, images/jule$"):
        find_clusters(images, tmp_path / "d", "../d")
    with pytest.raises(TableError, match="holds no clusters; run `dvc repro`"):
        find_clusters(images, tmp_path / "e", "ensemble")
    with pytest.raises(TableError, match="make it by `manyviews cut 7 --dataset d`"):
        find_clusters(images, tmp_path / "d", "cut-7")


def write_assignments(folder: Path, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "assignments.csv").write_text(text, newline="")


def test_the_result_is_read_with_its_confidences(images: ImageTable, tmp_path: Path) -> None:
    rows = "".join(f'"{i},\r.png",{i % 2},0.{i}\n' for i in range(3))
    write_assignments(tmp_path / "r", f"path,cluster,confidence\n{rows}")
    found = read_result(tmp_path / "r", images)
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
        read_result(tmp_path / "r", replace(images, paths=images.paths[:1]))


def test_a_missing_result_is_told(images: ImageTable, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"assignments\.csv does not exist; run `dvc repro` to make it or"):
        read_result(tmp_path, images)


RESULT = {"method": "jule/dmvc", "chosen": "auto", "modularity": {"ensemble": 0.5, "jule/dmvc": 0.625}}


def test_the_method_whose_clusters_are_the_result_is_read_as_its_stage_wrote_it(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"result\.json does not exist; run `dvc repro` to make it or"):
        read_method(tmp_path)
    (tmp_path / "result.json").write_text(sealed_json(RESULT))
    assert read_method(tmp_path) == ResultMethod("jule/dmvc", True, {"ensemble": 0.5, "jule/dmvc": 0.625})
    (tmp_path / "result.json").write_text(sealed_json({**RESULT, "chosen": "named"}))
    assert not read_method(tmp_path).chosen


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
        read_method(tmp_path)
