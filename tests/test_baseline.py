"""The stage `baseline`: which runs there are, of what, and what the log says."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from stages import baseline as stage
from stages.baseline import app
from stages.clustering.algorithms import drawn_n_clusters
from stages.tables import Image, read_images, read_partitions, write_images, write_vectors


@pytest.fixture
def baseline(workdir, shell):
    """Thirty images, ten of them copies of one, and features wider than that; run the stage, return its table."""
    file = workdir / "data/images/d.parquet"
    write_images(file, [Image(f"{i}.png", b"%d" % i, i % 3, 4, 4) for i in range(30)], ["x", "y", "z"])
    values = (
        np.random.default_rng(0).random((30, 50), dtype=np.float32)
        + 3 * np.eye(3, 50, dtype=np.float32)[np.arange(30) % 3]
    )
    values[20:] = values[20]
    write_vectors(
        workdir / "data/features/d/a/L3.parquet", "features", [values], read_images(file).fingerprint, {}
    )

    def call(*options):
        outcome = shell(app, "--dataset", "d", "--backbone", "a", *options)
        assert outcome.status == 0
        call.said = outcome.out
        return read_partitions(workdir / "data/partitions/d/baseline/a.parquet")

    return call


def test_runs_their_seeds_and_their_clusters(baseline):
    specs = ("kmeans", "ward", "gdl:multiple=2,n_neighbors=4,seeds=3,subspace=0.5", "hdbscan:min_cluster_size=3")
    options = [word for spec in specs for word in ("--algorithms", spec)]
    table = baseline(
        "--n-clusters", "classes", "--seeds", "2", "--overclustering", "1", "--overclustering", "2", *options
    )
    gdl = "gdl:multiple=2,n_neighbors=4,seeds=3,subspace=0.5"
    assert list(table.labels) == [
        *(f"kmeans/L3/x{multiple}/seed{seed}" for multiple in (1, 2) for seed in (0, 1)),
        *(f"ward/L3/x{multiple}/seed0" for multiple in (1, 2)),
        *(f"{gdl}/L3/x2/seed{seed}" for seed in (0, 1, 2)),
        "hdbscan:min_cluster_size=3/L3/x1/seed0",
    ]
    for name, labels in table.labels.items():
        if not name.startswith("hdbscan"):
            assert len(np.unique(labels)) == table.settings[name]["n_clusters"] == (3 if "x1" in name else 6)
        assert len(set(labels[20:])) == 1, "copies are always together"
    halves = [table.labels[f"{gdl}/L3/x2/seed{seed}"] for seed in (0, 1, 2)]
    assert any((one != other).any() for one, other in itertools.pairwise(halves))
    log = json.loads(Path("logs/baseline-d-a.json").read_text())
    assert set(log["seconds_in"]) == {gdl, "kmeans", "ward", "hdbscan:min_cluster_size=3"}


def test_no_more_clusters_than_different_images(baseline):
    table = baseline("--n-clusters", "28", "--seeds", "1", "--algorithms", "kmeans", "--algorithms", "gdl")
    for labels in table.labels.values():
        assert len(np.unique(labels)) == 21


def test_the_square_root_of_the_images_where_the_number_shall_be_found(baseline):
    table = baseline("--n-clusters", "auto", "--overclustering", "1", "--algorithms", "ward")
    assert [settings["n_clusters"] for settings in table.settings.values()] == [5]


def test_each_run_that_draws_its_number_of_clusters_has_another(baseline):
    """Also where the number is known: it is the root of thirty images and more, up to five images in each."""
    specs = ("kmeans:multiple=auto,seeds=4", "kmeans")
    options = [word for spec in specs for word in ("--algorithms", spec)]
    table = baseline("--n-clusters", "3", "--seeds", "2", *options)
    drawn = [f"{specs[0]}/L3/xauto/seed{seed}" for seed in range(4)]
    assert list(table.labels) == [*drawn, "kmeans/L3/x1/seed0", "kmeans/L3/x1/seed1"]
    for index, name in enumerate(drawn):
        settings = table.settings[name]
        assert (settings["overclustering"], settings["n_init"]) == ("auto", 1)
        assert settings["n_clusters"] == drawn_n_clusters(3, 30, index, 4, 4, settings["seed"])
        assert 5 <= settings["n_clusters"] <= 6
        assert len(np.unique(table.labels[name])) == settings["n_clusters"]
    assert len({table.settings[name]["seed"] for name in drawn}) == 4
    known = baseline("--n-clusters", "auto", "--seeds", "2", *options)
    for name in drawn:
        np.testing.assert_array_equal(known.labels[name], table.labels[name])
    finer = baseline("--n-clusters", "20", "--seeds", "2", *options)
    assert [finer.settings[name]["n_clusters"] for name in drawn] == [20] * 4, "never fewer than are known"


def test_graphs_of_large_sets_share_candidates_and_the_log_says_what_they_miss(baseline, monkeypatch):
    monkeypatch.setattr(stage, "SHARED", 10)
    monkeypatch.setattr(stage, "CANDIDATES", (8, 20))
    specs = ["gdl:n_neighbors=2,seeds=2,subspace=0.5", "ward"]
    baseline("--n-clusters", "3", *(word for spec in specs for word in ("--algorithms", spec)))
    log = json.loads(Path("logs/baseline-d-a.json").read_text())
    assert list(log["neighbour_recall"]) == [f"{specs[0]}/L3/x1/seed0"]
    assert 0.98 <= log["neighbour_recall"][f"{specs[0]}/L3/x1/seed0"] <= 1


@pytest.mark.parametrize(("recalls", "said"), [([0.97, 0.99], ""), ([0.97, 0.975], "only 97.5% of")])
def test_more_candidates_are_tried_and_what_they_still_miss_is_said(baseline, monkeypatch, recalls, said):
    monkeypatch.setattr(stage, "SHARED", 10)
    left = list(recalls)
    monkeypatch.setattr("stages.clustering.algorithms.measure_recall", lambda *_: left.pop(0))
    baseline("--n-clusters", "3", "--algorithms", "gdl:n_neighbors=4")
    log = json.loads(Path("logs/baseline-d-a.json").read_text())
    assert log["neighbour_recall"] == {"gdl:n_neighbors=4/L3/x1/seed0": recalls[-1]}
    assert not left
    assert ("only" in baseline.said) == bool(said) and said in baseline.said


def test_small_sets_have_no_recall(baseline):
    baseline("--n-clusters", "3", "--algorithms", "gdl:n_neighbors=4")
    assert json.loads(Path("logs/baseline-d-a.json").read_text())["neighbour_recall"] == {}
