"""Which cluster every image is in, of a method by its name."""

from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import ParameterError, TableError
from stages.tables import Image, ImageTable, read_images, write_images, write_partitions
from stages.tables.clusters import find_clusters

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
