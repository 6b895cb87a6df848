"""The stage `ensemble`: what it writes, which partitions count, and the number of clusters it finds."""

import csv
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from stages.consensus import CoassociationClustering
from stages.ensemble import app
from stages.graphs import modularity, view_links
from stages.params.n_clusters import found_n_clusters
from stages.tables import (
    Image,
    read_base_partitions,
    read_dendrogram,
    read_images,
    read_partitions,
    write_images,
    write_partitions,
)
from stages.tables.links import read_links, write_links
from stages.tables.manifest import write_manifest
from stages.tables.textfiles import json_of
from tests.shell import Outcome, Shell

HIDDEN = np.repeat([0, 1, 2, 3], [20, 15, 10, 5])
DRAWN = "gdl:a=0.5,multiple=auto,seeds=4"
ARGUMENTS = (
    *("--algorithms", "kmeans", "--algorithms", "gdl:seeds=4,multiple=auto,a=0.5"),
    *("--shares", "1", "--shares", "3", "--overclustering", "4"),
)
FOLDER = Path("data/partitions/d")
Ensemble = Callable[..., Outcome]


@pytest.fixture
def project(workdir: Path) -> Path:
    """Fifty images in four groups, in two views; fine partitions, of given and drawn numbers, and useless ones."""
    file = Path("data/images/d.parquet")
    write_images(file, [Image(f"{i}.png", b"%d" % i, None, 4, 4) for i in range(50)], [])
    fingerprint = read_images(file).fingerprint
    rng = np.random.default_rng(0)
    for view in "ab":
        runs, settings = {}, {}
        for algorithm, multiple in (("kmeans", 4), ("kmeans", 3), (DRAWN, "auto"), ("ward", 4)):
            for seed in range(4):
                name = f"{algorithm}/L3/x{multiple}/seed{seed}"
                noisy = np.where(rng.random(50) < 0.1, rng.integers(0, 8, 50), 2 * HIDDEN + rng.integers(0, 2, 50))
                runs[name] = rng.integers(0, 8, 50) if algorithm == "ward" or multiple == 3 else noisy
                settings[name] = {"algorithm": algorithm, "layer": "L3", "overclustering": multiple}
        write_partitions(FOLDER / f"baseline/{view}.parquet", runs, settings, fingerprint)
    write_manifest(Path("data/views/d/partitions.json"), {"a": {}, "b": {}})
    views = [(20 * np.eye(4, 8)[HIDDEN] + rng.normal(size=(50, 8))).astype(np.float32) for _ in "ab"]
    write_links(
        Path("data/graphs/d.parquet"), view_links(views, 4), fingerprint, {"structure": {"odds": 2.0, "cut": 1.0}}
    )
    return workdir


@pytest.fixture
def ensemble(shell: Shell) -> Ensemble:
    """Run the stage; return its exit status, stdout and stderr."""
    return partial(shell, app, "--dataset", "d")


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(newline="") as stream:
        return list(csv.DictReader(stream))


def answer() -> dict[str, object]:
    found: dict[str, object] = json_of(FOLDER / "n_clusters.json")
    return found


def result() -> np.ndarray:
    return read_partitions(FOLDER / "ensemble.parquet").labels["ensemble"]


def test_clusters_cuts_dendrogram_and_counts(project: Path, ensemble: Ensemble) -> None:
    status, output, errors = ensemble("--n-clusters", "4", *ARGUMENTS)
    assert (status, errors) == (0, "")
    assert output.startswith("d: 16 partitions of 2 views into 4 clusters\nd: 4 groups")
    assert output.count("\n") == 2
    table = read_partitions(FOLDER / "ensemble.parquet")
    assert adjusted_rand_score(HIDDEN, table.labels["ensemble"]) == 1
    settings = table.settings["ensemble"]
    # Parameters are named in one order, whatever the user's.
    assert settings["algorithms"] == ["kmeans", DRAWN]
    assert (settings["n_clusters"], settings["n_partitions"]) == (4, 16)
    assert "n_clusters_by" not in settings
    assert read_dendrogram(FOLDER / "dendrogram.parquet").merges.shape == (49, 4)
    curve = rows("cluster_counts.csv")
    assert list(curve[0]) == ["clusters", "modularity", "lifetime"]
    assert [int(row["clusters"]) for row in curve] == list(range(1, 15))
    assert float(curve[0]["modularity"]) == pytest.approx(1 - 0.75)
    log = json.loads(Path("logs/ensemble-d.json").read_text())
    assert set(log["seconds_in"]) == {"loading or compiling kernels", "weights", "consensus", "number of clusters"}
    assert not (FOLDER / "assignments.csv").exists(), "which the stage `result` writes"


def test_the_cuts_are_those_of_the_weighted_consensus(project: Path, ensemble: Ensemble) -> None:
    ensemble("--n-clusters", "20", *ARGUMENTS)
    table = read_partitions(FOLDER / "ensemble.parquet")
    base = read_base_partitions(read_images(Path("data/images/d.parquet")), FOLDER, table.settings["ensemble"])
    cuts = read_partitions(FOLDER / "cuts.parquet")
    assert list(cuts.labels) == [f"cut-{count}" for count in (*range(1, 15), 20)], "with the one that is used"
    assert cuts.fingerprint == table.fingerprint
    for count in (1, 4, 9, 20):
        expected = CoassociationClustering(count, weights=base.weights).fit_predict(base.partitions)
        np.testing.assert_array_equal(cuts.labels[f"cut-{count}"], expected)
    np.testing.assert_array_equal(cuts.labels["cut-20"], table.labels["ensemble"])
    # The modularity beside each number is that of its cut, at the resolution of .75.
    links = read_links(Path("data/graphs/d.parquet")).links
    starts, ends = links.T
    for row in rows("cluster_counts.csv"):
        labels = cuts.labels[f"cut-{row['clusters']}"]
        out, into = np.bincount(labels[starts]), np.bincount(labels[ends], minlength=int(row["clusters"]))
        chance = (out * into).sum() / len(links) ** 2
        expected = (labels[starts] == labels[ends]).mean() - 0.75 * chance
        assert float(row["modularity"]) == pytest.approx(expected, abs=1e-6)


def test_auto_takes_the_cut_of_greatest_modularity(project: Path, ensemble: Ensemble) -> None:
    status, output, _ = ensemble("--n-clusters", "auto", *ARGUMENTS)
    assert status == 0
    assert output.startswith("d: 16 partitions of 2 views into 4 clusters\n")
    assert adjusted_rand_score(HIDDEN, result()) == 1
    curve = rows("cluster_counts.csv")
    assert max(curve, key=lambda row: float(row["modularity"]))["clusters"] == "4"
    settings = read_partitions(FOLDER / "ensemble.parquet").settings["ensemble"]
    assert (settings["n_clusters"], settings["n_clusters_by"]) == (4, "modularity")
    assert found_n_clusters(FOLDER / "n_clusters.txt") == 4
    found = answer()
    told = ["n_clusters", "found", "clear", "plausible", "coarser", "finer", "summary"]
    assert list(found) == [*told, "cluster_counts.csv"]
    assert (found["n_clusters"], found["found"], found["clear"]) == (4, 4, True)
    assert output.splitlines()[-1] == f"d: {found['summary']}; `manyviews cut K --dataset d` shows another number"


def test_the_number_found_stands_beside_another_that_is_used(project: Path, ensemble: Ensemble) -> None:
    assert ensemble("--n-clusters", "3", *ARGUMENTS).status == 0
    assert found_n_clusters(FOLDER / "n_clusters.txt") == 3
    assert (answer()["n_clusters"], answer()["found"]) == (3, 4)
    assert set(result()) == {0, 1, 2}


def test_groups_that_a_cloud_would_have_too_are_not_clear(project: Path, ensemble: Ensemble) -> None:
    table = read_links(Path("data/graphs/d.parquet"))
    write_links(table.file, table.links, table.fingerprint, {"structure": {"odds": 1.0, "cut": 1.0}})
    output = ensemble("--n-clusters", "auto", *ARGUMENTS).out
    assert "d: no clear groups, 4 groups at best" in output
    assert answer()["clear"] is False


def test_partitions_weigh_by_their_modularity_and_views_alike(project: Path, ensemble: Ensemble) -> None:
    ensemble("--n-clusters", "4", *ARGUMENTS)
    settings = read_partitions(FOLDER / "ensemble.parquet").settings["ensemble"]
    images = read_images(Path("data/images/d.parquet"))
    base = read_base_partitions(images, FOLDER, settings)
    np.testing.assert_array_equal(base.weights, settings["partition_weights"])
    links = read_links(Path("data/graphs/d.parquet")).links
    quality = np.array([modularity(links, labels) for labels in base.partitions.T])
    shares = np.tile(np.repeat([1 / 4, 3 / 4], 4), 2)  # of four runs each
    for view in (0, 1):
        own = base.views == view
        assert base.weights[own].sum() == pytest.approx(4)
        ratio = base.weights[own] / (shares[own] * quality[own] ** 2)
        np.testing.assert_allclose(ratio, ratio[0])


def collapse(algorithm: str) -> None:
    """Let an algorithm's partitions be a giant cluster and crumbs."""
    for view in "ab":
        table = read_partitions(FOLDER / f"baseline/{view}.parquet")
        crumbs = np.where(np.arange(50) % 10 == 0, np.arange(50) // 10, 5)
        labels = {name: crumbs if name.startswith(algorithm) else old for name, old in table.labels.items()}
        write_partitions(table.file, labels, table.settings, table.fingerprint)


def test_equal_weights_are_those_of_the_shares(project: Path, ensemble: Ensemble) -> None:
    collapse("ward")
    options = ("--algorithms", "ward", "--algorithms", "kmeans", "--shares", "9", "--shares", "1")
    assert ensemble("--n-clusters", "4", *options, "--overclustering", "4", "--weights", "equal").status == 0
    settings = read_partitions(FOLDER / "ensemble.parquet").settings["ensemble"]
    assert settings["partition_weights"] == [9 / 4] * 4 + [1 / 4] * 4 + [9 / 4] * 4 + [1 / 4] * 4
    assert settings["collapsed"] == []


def test_collapsed_partitions_count_nothing_however_great_their_share(project: Path, ensemble: Ensemble) -> None:
    collapse("ward")
    options = ("--algorithms", "ward", "--algorithms", "kmeans", "--shares", "9", "--shares", "1")
    status, output, _ = ensemble("--n-clusters", "4", *options, "--overclustering", "4")
    assert status == 0
    assert "d: 8 of them collapsed and count nothing, the first a/ward/L3/x4/seed0\n" in output
    names = [f"{view}/ward/L3/x4/seed{seed}" for view in "ab" for seed in range(4)]
    assert json.loads(Path("logs/ensemble-d.json").read_text())["collapsed"] == names
    settings = read_partitions(FOLDER / "ensemble.parquet").settings["ensemble"]
    assert settings["collapsed"] == names
    weights = np.array(settings["partition_weights"])
    assert (weights > 0).sum() == 8 and weights.sum() == pytest.approx(20)
    assert adjusted_rand_score(HIDDEN, result()) > 0.9


def test_all_partitions_count_where_only_collapsed_ones_have_an_image(project: Path, ensemble: Ensemble) -> None:
    """Those of K-means leave one out, and Ward's, which have it, are of no use."""
    collapse("ward")
    for view in "ab":
        table = read_partitions(FOLDER / f"baseline/{view}.parquet")
        labels = {
            name: np.where((np.arange(50) == 7) & name.startswith("kmeans"), -1, values)
            for name, values in table.labels.items()
        }
        write_partitions(table.file, labels, table.settings, table.fingerprint)
    options = ("--algorithms", "ward", "--algorithms", "kmeans", "--shares", "1", "--shares", "3")
    status, output, errors = ensemble("--n-clusters", "4", *options, "--overclustering", "4")
    assert (status, errors) == (0, "")
    assert "collapsed" not in output
    weights = read_partitions(FOLDER / "ensemble.parquet").settings["ensemble"]["partition_weights"]
    assert weights == [1 / 4, 1 / 4, 1 / 4, 1 / 4, 3 / 4, 3 / 4, 3 / 4, 3 / 4] * 2
    assert set(result()) == {0, 1, 2, 3}


def test_shares_decide_whose_votes_count(project: Path, ensemble: Ensemble) -> None:
    """One algorithm puts the groups together by twos, the other by other twos."""
    for view in "ab":
        table = read_partitions(FOLDER / f"baseline/{view}.parquet")
        labels = {
            name: HIDDEN // 2 if name.startswith("ward") else HIDDEN % 2
            for name in table.labels
            if name.startswith(("ward", "kmeans/L3/x4"))
        }
        write_partitions(table.file, labels, table.settings, table.fingerprint)
    options = ("--n-clusters", "2", "--algorithms", "ward", "--algorithms", "kmeans", "--overclustering", "4")
    for shares, expected in ((("9", "1"), HIDDEN // 2), (("1", "9"), HIDDEN % 2), (("0", "1"), HIDDEN % 2)):
        assert ensemble(*options, "--shares", shares[0], "--shares", shares[1]).status == 0
        assert adjusted_rand_score(expected, result()) == 1


def test_images_that_no_partition_has(project: Path, ensemble: Ensemble) -> None:
    for view in "ab":
        table = read_partitions(FOLDER / f"baseline/{view}.parquet")
        labels = {name: np.where(np.arange(50) % 20 == 7, -1, values) for name, values in table.labels.items()}
        write_partitions(table.file, labels, table.settings, table.fingerprint)
    options = ("--algorithms", "kmeans", "--shares", "1", "--overclustering", "4")
    status, _, errors = ensemble("--n-clusters", "4", *options)
    assert status == 1
    assert errors == (
        "error: kmeans leave out 3 images in every view, the first '7.png'; "
        "let an algorithm vote that leaves out none, such as kmeans\n"
    )


def test_a_rerun_changes_no_byte(project: Path, ensemble: Ensemble) -> None:
    def files() -> dict[Path, bytes]:
        return {file: file.read_bytes() for file in Path("data").rglob("*.*")}

    ensemble("--n-clusters", "auto", *ARGUMENTS)
    before = files()
    ensemble("--n-clusters", "auto", *ARGUMENTS)
    assert files() == before


@pytest.mark.parametrize("n_images", [1, 2, 3])
def test_few_images(workdir: Path, ensemble: Ensemble, n_images: int) -> None:
    images = [Image(f"{i}.png", b"%d" % i, None, 4, 4) for i in range(n_images)]
    write_images(Path("data/images/d.parquet"), images, [])
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    settings = {"run": {"algorithm": "kmeans", "layer": "L3", "overclustering": 1}}
    write_partitions(FOLDER / "baseline/a.parquet", {"run": np.arange(n_images)}, settings, fingerprint)
    write_manifest(Path("data/views/d/partitions.json"), {"a": {}})
    view = np.arange(n_images, dtype=np.float32)[:, None]
    write_links(
        Path("data/graphs/d.parquet"), view_links([view]), fingerprint, {"structure": {"odds": 1.0, "cut": 1.0}}
    )
    outcome = ensemble("--n-clusters", "auto", "--algorithms", "kmeans", "--shares", "1")
    assert outcome.status == 0, outcome
    assert outcome.out.splitlines()[-1].startswith("d: no clear groups, 1 group at best")
    assert found_n_clusters(FOLDER / "n_clusters.txt") == 1
    assert not result().any()
