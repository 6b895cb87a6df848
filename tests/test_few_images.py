"""The stages from clusters of single views to the report, one after the other, on very few images.

The number of clusters is left to be found. Features are drawn, so that no network is needed.
"""

import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from stages import baseline, ensemble, evaluate, graph, report, result, views
from stages.commands import cut, export
from stages.core.csvtext import csv_text
from stages.params.n_clusters import found_n_clusters
from stages.tables import Image, read_images, read_partitions, write_images, write_vectors
from stages.tables.manifest import write_manifest
from stages.tables.results import read_assignments, read_result
from stages.tables.textfiles import write_fragment
from tests.shell import Shell

Run = Callable[..., dict]

GROUPS = np.repeat([0, 1, 2], 8)


def drawn(n_images: int) -> np.ndarray:
    """Features of images that all differ."""
    return np.random.default_rng(0).normal(size=(n_images, 5)).astype(np.float32)


def grouped(seed: int) -> np.ndarray:
    """Features of 24 images in three groups far from one another."""
    noise = np.random.default_rng(seed).normal(scale=0.05, size=(len(GROUPS), 5))
    return (np.eye(3, 5)[GROUPS] + noise).astype(np.float32)


@pytest.fixture
def run(workdir: Path, shell: Shell) -> Run:
    """Run all stages on views, features float32 (n, d) by name, and return the ensemble's answer."""

    def call(features: dict[str, np.ndarray], *options: str) -> dict:
        n_images = len(next(iter(features.values())))
        pictures = []
        for number in range(n_images):
            buffer = io.BytesIO()
            Pillow.new("RGB", (8, 8), (number * 9, 80, 120)).save(buffer, "PNG")
            pictures.append(Image(f"{number}.png", buffer.getvalue(), None, 8, 8))
        table = Path("data/images/d.parquet")
        write_images(table, pictures, [])
        Path("data/images/d.rejected.csv").write_text(csv_text(["path", "reason"], []))
        write_manifest(Path("data/images/d.lists.json"), {"d": {}})
        write_fragment(Path("data/study.html"), "")
        write_fragment(Path("data/studies/d.html"), "")
        fingerprint = read_images(table).fingerprint
        for name, values in features.items():
            file = Path(f"data/features/d/{name}/L3.parquet")
            write_vectors(file, "features", [values], fingerprint, {"backbone": name})
        n_clusters = options or ("--n-clusters", "auto")
        backbones = [option for name in features for option in ("--backbones", name)]
        of_dataset = ("--dataset", "d")
        calls = [
            *((baseline, *of_dataset, "--backbone", name, *n_clusters) for name in features),
            (views, *of_dataset, *backbones),
            (graph, *of_dataset),
            (ensemble, *of_dataset, *n_clusters),
            (result, *of_dataset),
            (evaluate, *of_dataset),
            (report, "--datasets", "d"),
        ]
        for stage, *arguments in calls:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                outcome = shell(stage.app, *arguments)
            assert (outcome.status, outcome.err) == (0, ""), stage.__name__
        answer: dict = json.loads(Path("data/partitions/d/n_clusters.json").read_text())
        return answer

    return call


def clusters() -> np.ndarray:
    """The clusters, int32 (n), of the result, which must be the ensemble's: nothing was trained."""
    images, folder = read_images(Path("data/images/d.parquet")), Path("data/results/d")
    assert read_result(folder).method == "ensemble"
    found = read_assignments(folder, images)
    assert found.confidence is not None and ((found.confidence >= 0) & (found.confidence <= 1)).all()
    of_ensemble = read_partitions(Path("data/partitions/d/ensemble.parquet")).labels["ensemble"]
    assert found.labels.tolist() == of_ensemble.tolist()
    return found.labels


@pytest.mark.parametrize("n_views", [1, 2])
@pytest.mark.parametrize("n_images", [1, 2, 3])
def test_very_few_images_go_through(run: Run, n_images: int, n_views: int) -> None:
    answer = run({name: drawn(n_images) for name in "ab"[:n_views]})
    assert not answer["clear"], "so few images form no clear groups"
    assert 1 <= answer["n_clusters"] == answer["found"] <= n_images
    assert len(np.unique(clusters())) == answer["n_clusters"]
    assert found_n_clusters(Path("data/partitions/d/n_clusters.txt")) == answer["n_clusters"]
    assert "The images form no clear groups" in Path("metrics/report.html").read_text()


@pytest.mark.parametrize("n_images", [2, 3, 12])
def test_copies_alone_are_one_group(run: Run, n_images: int) -> None:
    answer = run({name: np.ones((n_images, 5), np.float32) for name in "ab"})
    assert (answer["n_clusters"], answer["clear"]) == (1, False)
    assert set(clusters().tolist()) == {0}


def test_two_images_and_their_copies(run: Run) -> None:
    answer = run({name: np.repeat(drawn(2), 5, axis=0) for name in "ab"})
    assert answer["n_clusters"] <= 2
    labels = clusters()
    assert len(set(labels[:5].tolist())) == len(set(labels[5:].tolist())) == 1


@pytest.mark.parametrize("names", ["a", "abc"])
def test_clear_groups_are_found_in_one_view_and_in_several(run: Run, names: str) -> None:
    answer = run({name: grouped(seed) for seed, name in enumerate(names)})
    assert (answer["n_clusters"], answer["clear"]) == (3, True)
    labels = clusters()
    assert len(np.unique(np.stack([labels, GROUPS]), axis=1).T) == 3
    page = Path("metrics/report.html").read_text().replace("&#39;", "'")
    assert "The views speak for 3 groups" in page


def test_a_number_that_was_asked_for_is_used_and_the_found_one_still_told(run: Run, shell: Shell) -> None:
    answer = run({name: grouped(seed) for seed, name in enumerate("ab")}, "--n-clusters", "7")
    assert (answer["n_clusters"], answer["found"]) == (7, 3)
    assert len(np.unique(clusters())) == 7
    page = Path("metrics/report.html").read_text().replace("&#39;", "'")
    assert "This page has 7, which was asked for." in page
    assert "found: 3" in page.lower()
    assert f"<code>manyviews cut {answer['coarser'] or 3} --dataset d</code>" in page
    assert shell(cut.app, "3", "--dataset", "d").status == 0
    assert shell(export.app, "--to", "out", "--method", "cut-3").status == 0
    assert sorted(place.name for place in Path("out").glob("cluster-*")) == [
        "cluster-00",
        "cluster-01",
        "cluster-02",
    ]


def test_more_clusters_than_are_looked_for_are_scored_among_the_cuts(run: Run) -> None:
    answer = run({"a": grouped(0)}, "--n-clusters", "20")
    assert answer["n_clusters"] == 20
    assert "cut-20" in read_partitions(Path("data/partitions/d/cuts.parquet")).labels
    assert len(np.unique(clusters())) == 20
