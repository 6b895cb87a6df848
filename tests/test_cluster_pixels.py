"""The stage `cluster_pixels` on a few drawings."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score
from typer.testing import CliRunner, Result

from stages.cluster_pixels import app
from stages.core.errors import ManyviewsError
from stages.decoding.pixels import read_pixels
from stages.scoring.scores import external_scores
from stages.tables import Image, read_images, read_partitions, write_images
from tests.drawings import CLASSES, write_drawings

UMIST = Path(__file__).parents[2] / "shared" / "datasets" / "umist"
TABLE = Path("data/partitions/d/images/pixels.parquet")


@pytest.fixture
def project(workdir: Path) -> Path:
    """A project with the image set `d`."""
    write_drawings(Path("data/images/d.parquet"))
    return workdir


def cluster(*options: str) -> Result:
    return CliRunner().invoke(app, ["--dataset", "d", "--n-clusters", "classes", *options])


def test_every_algorithm_has_a_column(project: Path) -> None:
    result = cluster("--algorithms", "kmeans", "--algorithms", "gdl:n_neighbors=4", "--seed", "3")
    assert result.exit_code == 0, (result.output, result.exception)
    assert result.stdout.startswith("d: pixels (1 x 12 x 12) in 3 clusters (pixels-kmeans), ")
    table = read_partitions(TABLE)
    assert list(table.labels) == ["pixels-kmeans", "pixels-gdl:n_neighbors=4"]
    assert table.fingerprint == read_images(Path("data/images/d.parquet")).fingerprint
    settings = table.settings["pixels-kmeans"]
    assert settings["image_shape"] == [1, 12, 12] and settings["image_size"] == "auto"
    assert settings["normalise"] == "l2", "by which it is compared with published scores"
    rows = read_pixels(read_images(Path("data/images/d.parquet"))).reshape(30, -1).astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    expected = KMeans(3, n_init=10, random_state=0).fit_predict(rows)
    for labels in table.labels.values():
        assert adjusted_rand_score(expected, labels) == adjusted_rand_score(CLASSES, labels) == 1


def test_rows_may_be_left_as_they_are(project: Path) -> None:
    names = ["ward", "ward:normalise=none", "kmeans:n_init=2,normalise=sqrt"]
    result = cluster(*(option for name in names for option in ("--algorithms", name)))
    assert result.exit_code == 0, (result.output, result.exception)
    table = read_partitions(TABLE)
    assert list(table.labels) == [f"pixels-{name}" for name in names]
    assert [settings["normalise"] for settings in table.settings.values()] == ["l2", "none", "sqrt"]
    rows = read_pixels(read_images(Path("data/images/d.parquet"))).reshape(30, -1).astype(np.float64)
    expected = AgglomerativeClustering(3).fit_predict(rows)
    assert adjusted_rand_score(expected, table.labels["pixels-ward:normalise=none"]) == 1


@pytest.mark.skipif(not UMIST.is_dir(), reason="the UMist faces are not beside the repository")
def test_ward_on_the_raw_pixels_of_umist_is_that_of_the_tutorial(workdir: Path) -> None:
    """The notebook of part 1 prints an NMI of 0.6632661422248685, the slides the purity .503 as well."""
    found = list(csv.DictReader((UMIST / "labels.csv").read_text().splitlines()))
    names = sorted({row["label"] for row in found})
    images = [
        Image(row["path"], (UMIST / row["path"]).read_bytes(), names.index(row["label"]), 92, 112) for row in found
    ]
    write_images(Path("data/images/d.parquet"), images, names)
    assert cluster("--algorithms", "ward:normalise=none").exit_code == 0
    classes = np.array([image.label for image in images])
    scores = external_scores(classes, read_partitions(TABLE).labels["pixels-ward:normalise=none"])
    assert scores["nmi_geometric"] == pytest.approx(0.6632661422248685, abs=1e-12)
    assert scores["purity"] == 289 / 575
    assert scores["fowlkes_mallows"] == pytest.approx(0.3792291783, abs=1e-10)


def test_the_same_seed_gives_the_same_bytes(project: Path) -> None:
    assert cluster().exit_code == 0
    before = TABLE.read_bytes()
    assert cluster().exit_code == 0
    assert TABLE.read_bytes() == before
    assert cluster("--seed", "1").exit_code == 0
    seeds = [settings["seed"] for settings in read_partitions(TABLE).settings.values()]
    assert len(set(seeds)) == 2
    assert TABLE.read_bytes() != before


def test_images_may_be_made_larger_or_smaller(project: Path) -> None:
    assert "(1 x 8 x 8)" in cluster("--image-size", "8").stdout
    assert read_partitions(TABLE).settings["pixels-kmeans"]["image_size"] == "8"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--algorithms", "kmean"], "no clustering algorithm is called 'kmean'; did you mean kmeans"),
        (
            ["--algorithms", "ward", "--algorithms", "ward"],
            "algorithms names ward twice; name every algorithm once",
        ),
        (["--algorithms", "kmeans:seeds=3"], "algorithm kmeans:seeds=3 runs once here; leave out seeds"),
        (["--algorithms", "ward:multiple=2"], "algorithm ward:multiple=2 runs once here; leave out multiple"),
        (["--algorithms", "ward:normalise=l1"], "normalise of ward is 'l1'; give one of sqrt, l2, none"),
        (["--algorithms", "ward:normalise=2"], "normalise of ward is 2; give one of sqrt, l2, none"),
        (["--image-size", "4"], "image_size is '4'; give 'auto', or a whole number from 8 to 512"),
        (["--n-clusters", "31"], "n_clusters is 31 but data/images/d.parquet has 30 images"),
        (["--n-clusters", "auto"], "data/partitions/d/n_clusters.txt does not exist; run `dvc repro ensemble`"),
    ],
)
def test_mistakes_are_answered_in_one_line(project: Path, options: list[str], message: str) -> None:
    error = cluster(*options).exception
    assert isinstance(error, ManyviewsError), repr(error)
    assert str(error).startswith(message) and "\n" not in str(error)
    assert not TABLE.exists()


def test_a_name_that_is_not_a_baseline_is_refused_with_the_choices(project: Path) -> None:
    result = cluster("--image-baseline", "pixel")
    assert result.exit_code == 2
    assert "'pixel' is not one of 'pixels'.\n" in result.stderr


def test_it_needs_no_torch() -> None:
    program = "import sys, stages.cluster_pixels; assert not {'torch', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
