"""The command `cut`: the dendrogram of the ensemble in another number of clusters."""

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stages import tables
from stages.commands.cut import app
from stages.ensemble import app as ensemble
from stages.graphs import view_links
from stages.tables.links import write_links
from stages.tables.manifest import write_manifest
from tests.exporting.project import refused
from tests.shell import exit_status

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The partitions of fifty images in four classes, as the ensemble of two views leaves them."""
    monkeypatch.chdir(tmp_path)
    images = [tables.Image(f"{n}.png", b"%d" % n, None, 4, 4) for n in range(50)]
    tables.write_images(Path("data/images/d.parquet"), images, [])
    fingerprint = tables.read_images(Path("data/images/d.parquet")).fingerprint
    random, hidden = np.random.default_rng(0), np.repeat([0, 1, 2, 3], [20, 15, 10, 5])
    for view in "ab":
        noisy = [2 * hidden + random.integers(0, 2, 50) for _ in range(4)]
        runs = {f"kmeans/L3/x4/seed{seed}": labels for seed, labels in enumerate(noisy)}
        settings = {name: {"algorithm": "kmeans", "layer": "L3", "overclustering": 4} for name in runs}
        tables.write_partitions(Path(f"data/partitions/d/baseline/{view}.parquet"), runs, settings, fingerprint)
    write_manifest(Path("data/views/d/partitions.json"), {"a": {}, "b": {}})
    blobs = (np.eye(4)[hidden] + random.normal(0, 0.1, (50, 4))).astype(np.float32)
    write_links(
        Path("data/graphs/d.parquet"), view_links([blobs]), fingerprint, {"structure": {"odds": 2.0, "cut": 1.0}}
    )
    options = ("--n-clusters", "4", "--algorithms", "kmeans", "--shares", "1", "--overclustering", "4")
    assert exit_status(ensemble, "--dataset", "d", *options) == 0
    return Path("data/partitions/d")


@pytest.fixture
def cut(capsys: pytest.CaptureFixture[str]) -> Call:
    """Run the command; return its exit status, stdout and stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        return exit_status(app, *arguments, "--dataset", "d"), *capsys.readouterr()

    return call


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_another_cut_computes_nothing_again(folder: Path, cut: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {file: file.read_bytes() for file in folder.iterdir() if file.is_file()}

    def forbidden(*_: object) -> None:
        raise AssertionError("the dendrogram exists")

    monkeypatch.setattr("stages.consensus.coassociation.linkage", forbidden)
    status, output, _ = cut("2")
    assert status == 0
    table = rows(folder / "cut-2.csv")
    assert [row["path"] for row in table] == [f"{n}.png" for n in range(50)]
    sizes = Counter(row["cluster"] for row in table)
    assert sizes.keys() == {"0", "1"}
    assert output == f"2 clusters of {sizes['0']} to {sizes['1']} images\ndata/partitions/d/cut-2.csv\n"
    assert {file: file.read_bytes() for file in before} == before


def test_the_number_of_the_ensemble_gives_its_clusters(folder: Path, cut: Call) -> None:
    cut("4")
    labels = tables.read_partitions(folder / "ensemble.parquet").labels["ensemble"]
    assert [int(row["cluster"]) for row in rows(folder / "cut-4.csv")] == labels.tolist()


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_a_cut_is_that_among_the_cuts_of_the_ensemble(folder: Path, cut: Call, count: int) -> None:
    cut(str(count))
    labels = tables.read_partitions(folder / "cuts.parquet").labels[f"cut-{count}"]
    assert [int(row["cluster"]) for row in rows(folder / f"cut-{count}.csv")] == labels.tolist()


def test_more_clusters_than_images(folder: Path, cut: Call) -> None:
    assert refused(cut("51")) == "n_clusters is 51; give a whole number from 1 to 50, the images"
    assert cut("0")[0] == 2


def test_without_an_ensemble(folder: Path, cut: Call) -> None:
    (folder / "dendrogram.parquet").unlink()
    assert refused(cut("3")).startswith(f"{folder}/dendrogram.parquet does not exist; run `dvc repro` to make it")
