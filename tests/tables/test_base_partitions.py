"""The partitions that vote in the ensemble: which they are, and what each weighs."""

from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import ParameterError, TableError
from stages.tables import Image, ImageTable, read_base_partitions, read_images, write_images, write_partitions

# The runs of every view: an algorithm, its overclustering factor, and the labels of six images.
RUNS = {
    "kmeans/x1": ("kmeans", 1, [0, 0, 0, 1, 1, 1]),
    "kmeans/x4": ("kmeans", 4, [0, 0, 1, 1, 2, 2]),
    "drawn/0": ("gdl:multiple=auto", "auto", [0, 1, 1, 2, 2, 3]),
    "drawn/1": ("gdl:multiple=auto", "auto", [0, 1, 2, 3, 4, -1]),
    "ward/x1": ("ward", 1, [1, 0, 0, 0, 0, 0]),
}
SETTINGS = {"algorithms": ["kmeans", "gdl:multiple=auto"], "shares": [1, 3], "overclustering": [4]}


@pytest.fixture
def images(tmp_path: Path) -> ImageTable:
    """Six images, whose two views have all these runs; those of view `b` say the same backwards."""
    file = tmp_path / "images.parquet"
    write_images(file, [Image(f"{i}.png", b"%d" % i, None, 4, 4) for i in range(6)], [])
    table = read_images(file)
    settings = {
        name: {"algorithm": algorithm, "overclustering": factor} for name, (algorithm, factor, _) in RUNS.items()
    }
    for view, order in (("a", 1), ("b", -1)):
        labels = {name: np.array(values[::order]) for name, (_, _, values) in RUNS.items()}
        write_partitions(tmp_path / f"baseline/{view}.parquet", labels, settings, table.fingerprint)
    return table


def test_runs_of_drawn_numbers_vote_whatever_factors_are_asked_for(images: ImageTable, tmp_path: Path) -> None:
    base = read_base_partitions(images, tmp_path, SETTINGS | {"backbones": ["a", "b"]})
    names = ["kmeans/x4", "drawn/0", "drawn/1"]
    expected = [RUNS[name][2][::order] for order in (1, -1) for name in names]
    np.testing.assert_array_equal(base.partitions.T, expected)
    # An algorithm's runs have its share together.
    np.testing.assert_allclose(base.weights, [1, 1.5, 1.5] * 2)
    assert base.views.tolist() == [0, 0, 0, 1, 1, 1]


def test_the_weights_that_the_ensemble_gave_come_before_the_shares(images: ImageTable, tmp_path: Path) -> None:
    weights = [4.0, 0, 0, 1, 2, 1]
    base = read_base_partitions(
        images, tmp_path, SETTINGS | {"backbones": ["a", "b"], "partition_weights": weights}
    )
    assert base.weights.tolist() == weights


def test_an_algorithm_without_such_runs_is_named_beside_those_there_are(
    images: ImageTable, tmp_path: Path
) -> None:
    settings = SETTINGS | {"backbones": ["a"], "overclustering": [2, 3]}
    with pytest.raises(ParameterError) as caught:
        read_base_partitions(images, tmp_path, settings)
    assert str(caught.value).endswith(
        "a.parquet has no run of kmeans at the overclustering factors 2, 3; "
        "it has gdl:multiple=auto xauto, kmeans x1, kmeans x4, ward x1"
    )


def test_images_that_no_partition_has_and_other_images_are_refused(images: ImageTable, tmp_path: Path) -> None:
    settings = {"algorithms": ["gdl:multiple=auto"], "shares": [1], "overclustering": [1], "backbones": ["a"]}
    left_out = {"run": np.array([0, 0, -1, 0, 0, -1])}
    run = {"run": {"algorithm": "gdl:multiple=auto", "overclustering": "auto"}}
    write_partitions(tmp_path / "baseline/a.parquet", left_out, run, images.fingerprint)
    with pytest.raises(ParameterError, match=r"leave out 2 images in every view, the first '2\.png'; let an"):
        read_base_partitions(images, tmp_path, settings)
    write_partitions(tmp_path / "baseline/a.parquet", left_out, run, "other")
    with pytest.raises(TableError, match=r"a\.parquet was made from other images"):
        read_base_partitions(images, tmp_path, settings)
