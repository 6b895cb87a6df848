"""The stage `ensemble`: what it writes and the number of clusters it finds."""

import csv
import json
from functools import partial

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from stages.ensemble import app
from stages.tables import Image, read_dendrogram, read_images, read_partitions, write_images, write_partitions
from stages.tables.manifest import write_manifest

HIDDEN = np.repeat([0, 1, 2, 3], [20, 15, 10, 5])
ARGUMENTS = ("--algorithms", "kmeans", "--algorithms", "gdl:seeds=2,a=0.5", "--shares", "1", "--shares", "1")


@pytest.fixture
def project(workdir):
    """Two views of fifty images in four classes; noisy fine partitions, and some that are of no use."""
    file = workdir / "data/images/d.parquet"
    write_images(file, [Image(f"{i}.png", b"%d" % i, None, 4, 4) for i in range(50)], [])
    fingerprint = read_images(file).fingerprint
    rng = np.random.default_rng(0)
    for view in "ab":
        runs, settings = {}, {}
        for algorithm, multiple in (
            ("kmeans", 4),
            ("gdl:a=0.5,seeds=2", 2),
            ("gdl:a=0.5,seeds=2", 3),
            ("ward", 4),
        ):
            for seed in range(4):
                name = f"{algorithm}/L3/x{multiple}/seed{seed}"
                noisy = np.where(rng.random(50) < 0.1, rng.integers(0, 8, 50), 2 * HIDDEN + rng.integers(0, 2, 50))
                runs[name] = rng.integers(0, 8, 50) if algorithm == "ward" or multiple == 3 else noisy
                settings[name] = {"algorithm": algorithm, "layer": "L3", "overclustering": multiple}
        write_partitions(workdir / f"data/partitions/d/baseline/{view}.parquet", runs, settings, fingerprint)
    write_manifest(workdir / "data/views/d/partitions.json", {"a": {}, "b": {}})
    return workdir


@pytest.fixture
def ensemble(shell):
    """Run the stage; return its exit status, stdout and stderr."""
    return partial(shell, app, "--dataset", "d")


def _rows(file):
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_clusters_confidences_dendrogram_and_counts(project, ensemble):
    status, output, errors = ensemble("--n-clusters", "4", *ARGUMENTS)
    assert (status, errors) == (0, "")
    assert output == "d: 16 partitions of 2 views into 4 clusters\n"
    folder = project / "data/partitions/d"
    table = read_partitions(folder / "ensemble.parquet")
    labels = table.labels["ensemble"]
    assert adjusted_rand_score(HIDDEN, labels) == 1
    # Parameters are named in one order, whatever the user's.
    assert table.settings["ensemble"]["algorithms"] == ["kmeans", "gdl:a=0.5,seeds=2"]
    rows = _rows(folder / "assignments.csv")
    assert [int(row["cluster"]) for row in rows] == labels.tolist()
    assert 0.3 < np.mean([float(row["confidence"]) for row in rows]) < 0.6  # halves of classes, at random
    assert json.loads((folder / "n_clusters.json").read_text()) == {"n_clusters": 4}
    assert read_dendrogram(folder / "dendrogram.parquet").merges.shape == (49, 4)
    curve = _rows(folder / "cluster_counts.csv")
    assert [int(row["clusters"]) for row in curve] == list(range(2, 15))
    assert float(curve[2]["stability"]) > 0.95
    log = json.loads((project / "logs/ensemble-d.json").read_text())
    assert set(log["seconds_in"]) == {"loading or compiling kernels", "consensus", "stability"}


def test_auto_finds_the_number_that_lasts_longest(project, ensemble):
    status, output, _ = ensemble("--n-clusters", "auto", *ARGUMENTS)
    assert status == 0
    assert output == "d: 16 partitions of 2 views into 4 clusters (the number that lasts longest)\n"
    curve = _rows(project / "data/partitions/d/cluster_counts.csv")
    assert max(curve, key=lambda row: float(row["lifetime"]))["clusters"] == "4"


def test_shares_decide_whose_votes_count(project, ensemble):
    # Partitions at random at the multiple 3, which is asked for too, drown the others, unless they have no share.
    options = ("--n-clusters", "4", "--algorithms", "ward", "--algorithms", "kmeans")
    ensemble(*options, "--shares", "9", "--shares", "1")
    drowned = read_partitions(project / "data/partitions/d/ensemble.parquet").labels["ensemble"]
    ensemble(*options, "--shares", "0", "--shares", "1")
    alone = read_partitions(project / "data/partitions/d/ensemble.parquet").labels["ensemble"]
    assert adjusted_rand_score(HIDDEN, drowned) < 0.5
    assert adjusted_rand_score(HIDDEN, alone) > 0.9


def test_images_that_no_partition_has(project, ensemble):
    for view in "ab":
        file = project / f"data/partitions/d/baseline/{view}.parquet"
        table = read_partitions(file)
        labels = {name: np.where(np.arange(50) % 20 == 7, -1, values) for name, values in table.labels.items()}
        write_partitions(file, labels, table.settings, table.fingerprint)
    status, _, errors = ensemble("--n-clusters", "4", "--algorithms", "kmeans", "--shares", "1")
    assert status == 1
    assert errors == (
        "error: kmeans leave out 3 images in every view, the first '7.png'; "
        "let an algorithm vote that leaves out none, such as kmeans\n"
    )
