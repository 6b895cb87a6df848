"""Near-duplicates that count as one image, from graph to ensemble and its cuts: fifty copies among eighty."""

import io
import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from stages.commands.cut import app as cut
from stages.ensemble import app as ensemble
from stages.graph import app as graph
from stages.graphs import modularity
from stages.tables import (
    Image,
    read_dendrogram,
    read_images,
    read_partitions,
    write_images,
    write_partitions,
    write_vectors,
)
from stages.tables.links import read_links
from stages.tables.manifest import write_manifest
from stages.tables.near_duplicates import read_near_duplicates
from stages.tables.textfiles import rows_of
from tests.exporting.project import refused
from tests.shell import Shell

COPIES = np.arange(30, 80)  # near-duplicates of image 0, which is in the first of two groups of fifteen
BEST = 40  # of these, by its pixels
FOLDER, IMAGES = Path("data/partitions/d"), Path("data/images/d.parquet")
GROUPS = np.array([0] * 15 + [1] * 15 + [0] * 50)  # of the pictures


@pytest.fixture
def project(workdir: Path) -> Path:
    """Features, and partitions that find the groups, but tear the copies other than the best apart."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (80, 8, 8), dtype=np.uint8)
    pictures[COPIES] = pictures[0]
    images = []
    for number, pixels in enumerate(pictures):
        buffer, side = io.BytesIO(), 16 if number == BEST else 8
        PIL.Image.fromarray(pixels).resize((side, side)).save(buffer, "PNG")
        images.append(Image(f"{number}.png", buffer.getvalue(), None, side, side))
    write_images(IMAGES, images, [])
    fingerprint = read_images(IMAGES).fingerprint
    vectors = 9 * np.eye(20)[GROUPS] + rng.normal(size=(80, 20))
    vectors[COPIES] = vectors[0] + 1e-3 * rng.normal(size=(50, 20))
    write_vectors(Path("data/features/d/a/L3.parquet"), "features", [vectors.astype("f4")], fingerprint, {})
    write_manifest(Path("data/views/d/features.json"), {"a": {}})
    write_manifest(Path("data/views/d/partitions.json"), {"a": {}})
    torn = {f"seed{seed}": np.where(np.arange(80) < 30, GROUPS, rng.integers(2, 5, 80)) for seed in range(6)}
    for labels in torn.values():
        labels[BEST] = 0
    settings = {"algorithm": "kmeans", "layer": "L3", "overclustering": 1}
    write_partitions(FOLDER / "baseline/a.parquet", torn, dict.fromkeys(torn, settings), fingerprint)
    return workdir


def run(shell: Shell, count_once: bool, n_clusters: str = "auto") -> np.ndarray:
    assert shell(graph, "--dataset", "d", *(["--count-once"] if count_once else [])).status == 0
    options = ("--algorithms", "kmeans", "--shares", "1", "--n-clusters", n_clusters)
    assert shell(ensemble, "--dataset", "d", *options).status == 0
    return read_partitions(FOLDER / "ensemble.parquet").labels["ensemble"]


def test_only_the_best_is_linked(project: Path, shell: Shell) -> None:
    run(shell, True)
    table = read_links(Path("data/graphs/d.parquet"))
    near = read_near_duplicates(Path("data/graphs/d.near_duplicates.csv"), read_images(IMAGES))
    assert np.flatnonzero(near.spare).tolist() == [0, *COPIES[COPIES != BEST]]
    assert np.unique(table.links).tolist() == [*range(1, 30), BEST]
    assert len(table.links) == 10 * 30
    assert near.representatives.rows.tolist() == [*range(1, 30), BEST]


def test_copies_no_longer_tear_apart_or_dominate(project: Path, shell: Shell) -> None:
    """Two groups are found; when each copy counts, they are groups of their own, and the pictures one."""
    every = run(shell, False, "2")
    assert len(np.unique(every[COPIES])) == 2 and len(np.unique(every[:30])) == 1
    once = run(shell, True)
    np.testing.assert_array_equal(once, GROUPS)
    assert json.loads((FOLDER / "n_clusters.json").read_text())["found"] == 2
    assert read_partitions(FOLDER / "ensemble.parquet").settings["ensemble"]["count_once"] is True
    links = read_links(Path("data/graphs/d.parquet")).links
    curve = dict(rows_of(FOLDER / "cluster_counts.csv", "clusters", "modularity"))
    assert list(curve) == [str(count) for count in range(1, 11)], "twice the root of thirty images, rounded"
    assert modularity(links, once) - float(curve["2"]) == pytest.approx(-0.25 * 0.5, abs=0.01)


def test_a_cut_and_the_dendrogram_are_of_all_images(project: Path, shell: Shell) -> None:
    run(shell, True)
    merges = read_dendrogram(FOLDER / "dendrogram.parquet").merges
    assert merges.shape == (79, 4) and merges[-1, 3] == 80
    cuts = read_partitions(FOLDER / "cuts.parquet").labels
    for count in range(1, 11):
        assert shell(cut, str(count), "--dataset", "d").status == 0
        found = [int(label) for (label,) in rows_of(FOLDER / f"cut-{count}.csv", "cluster")]
        assert found == cuts[f"cut-{count}"].tolist()
        assert len(set(np.array(found)[COPIES])) == 1


def test_more_clusters_than_images_that_count_are_refused(project: Path, shell: Shell) -> None:
    run(shell, True)
    options = ("--algorithms", "kmeans", "--shares", "1", "--n-clusters", "31")
    assert refused(shell(ensemble, "--dataset", "d", *options)) == (
        "n_clusters is 31; near-duplicates count once, which leaves 30 images; give at most so many, or set "
        "graph.count_once to false"
    )
    assert refused(shell(cut, "31", "--dataset", "d")).startswith(
        "n_clusters is 31; give a whole number from 1 to 30"
    )


def test_images_that_are_all_copies_are_one_cluster(project: Path, shell: Shell) -> None:
    file = Path("data/features/d/a/L3.parquet")
    write_vectors(file, "features", [np.ones((80, 6), dtype="f4")], read_images(IMAGES).fingerprint, {})
    assert not run(shell, True).any()
    assert read_dendrogram(FOLDER / "dendrogram.parquet").merges[-1, 2:].tolist() == [0, 80]
