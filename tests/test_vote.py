"""The stage `vote` on the clusters of a few networks."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from stages.consensus import CoassociationClustering
from stages.core.errors import ManyviewsError
from stages.tables import Image, read_images, read_partitions, write_images, write_partitions
from stages.vote import app

CLASSES = np.repeat(np.arange(3, dtype=np.int32), 20)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder, made the current one, with 60 images of three classes."""
    monkeypatch.chdir(tmp_path)
    images = [Image(f"{i}.png", bytes([i]), int(label), 4, 4) for i, label in enumerate(CLASSES)]
    write_images(Path("data/images/toy.parquet"), images, ["a", "b", "c"])
    return tmp_path


def write_views(fingerprint: str | None = None, **views: np.ndarray) -> None:
    images = read_images(Path("data/images/toy.parquet"))
    file = Path("data/partitions/toy/idec/views.parquet")
    write_partitions(file, views, {name: {} for name in views}, fingerprint or images.fingerprint)


def vote(objective: str = "idec", *options: str) -> Result:
    given = ["--dataset", "toy", "--objective", objective, "--n-clusters", "classes"]
    return CliRunner().invoke(app, [*given, *options])


def refusal(*options: str) -> str:
    error = vote("idec", *options).exception
    assert isinstance(error, ManyviewsError), repr(error)
    assert "\n" not in str(error)
    return str(error)


def test_the_vote_is_the_plain_coassociation_of_the_views(project: Path) -> None:
    random = np.random.default_rng(0)
    views = {name: np.where(random.random(60) < 0.2, random.integers(3, size=60), CLASSES) for name in "bac"}
    write_views(**views)
    result = vote()
    assert result.exit_code == 0, (result.output, result.exception)
    assert result.stdout.startswith("toy: idec/mvec on 3 views: 3 clusters of ") and not result.stderr
    table = read_partitions(Path("data/partitions/toy/idec/mvec.parquet"))
    expected = CoassociationClustering(3, min_cluster_fraction=0).fit_predict(
        np.column_stack(list(views.values()))
    )
    np.testing.assert_array_equal(table.labels["mvec"], expected)
    assert table.settings["mvec"] == {
        "objective": "idec",
        "method": "mvec",
        "backbones": ["b", "a", "c"],
        "linkage": "average",
        "n_clusters": 3,
    }
    assert table.fingerprint == read_images(Path("data/images/toy.parquet")).fingerprint


def test_a_lopsided_vote_is_warned_of(project: Path) -> None:
    write_views(wide=np.repeat([0, 1, 2], [40, 10, 10]))
    assert vote().stderr == "warning: one cluster holds 40 of 60 images\n"


def test_the_views_must_be_there_and_of_the_same_images(project: Path) -> None:
    assert refusal().startswith("data/partitions/toy/idec/views.parquet does not exist")
    write_views(fingerprint="other", wide=CLASSES)
    assert "views.parquet was made from other images than data/images/toy" in refusal()


def test_mistakes_are_answered_in_one_line(project: Path) -> None:
    write_views(wide=CLASSES)
    assert refusal("--n-clusters", "61").startswith("n_clusters is 61 but data/images/toy.parquet has 60 images")
    assert refusal("--n-clusters", "auto").startswith("data/partitions/toy/n_clusters.txt does not exist")
    result = vote("idce")
    assert result.exit_code == 2
    assert "'idce' is not one of 'jule', 'idec', 'dec', 'turtle', 'temi'.\n" in result.stderr


def test_it_needs_neither_torch_nor_the_packages_that_train() -> None:
    unwanted = "{'torch', 'stages.deep', 'stages.training'}"
    program = f"import sys, stages.vote, stages.consensus; assert not {unwanted} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
