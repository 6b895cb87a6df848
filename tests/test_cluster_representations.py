"""The stage `cluster_representations` on a small embedding."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from typer.testing import CliRunner, Result

from stages.cluster_representations import app
from stages.clustering.nmf_lp import NMFLP
from stages.core.digests import file_digest
from stages.core.errors import ManyviewsError
from stages.tables import read_images, read_partitions, write_vectors
from tests.drawings import CLASSES, write_drawings

IMAGES = Path("data/images/d.parquet")
EMBEDDING = Path("data/embeddings/d/images/jule.parquet")
TABLE = Path("data/partitions/d/images/jule-embedding.parquet")
TRAINING = {"objective": "images", "method": "jule", "image_shape": [1, 12, 12], "preset": "none", "eta": 0.9}


def rows() -> np.ndarray:
    """Points around three directions, most with negative numbers, of lengths from 1 to 30; float32 (30, 4)."""
    chance = np.random.default_rng(0)
    directions = np.array([[1, -1, 0, 0.1], [-1, 0, 1, 0.1], [0, 1, -1, 0.1]])
    points = directions[CLASSES] + chance.normal(0, 0.05, (30, 4))
    lengths = 30 ** chance.uniform(0, 1, (30, 1))
    return (points * lengths).astype(np.float32)


def write_embedding(file: Path = EMBEDDING) -> None:
    write_vectors(file, "embedding", [rows()], read_images(IMAGES).fingerprint, TRAINING)


@pytest.fixture
def project(workdir: Path) -> Path:
    """A project with the image set `d` and an embedding of it."""
    write_drawings(IMAGES)
    write_embedding()
    return workdir


def cluster(*options: str, representation: str = "images/jule") -> Result:
    given = ["--dataset", "d", "--representation", representation, "--n-clusters", "classes", *options]
    return CliRunner().invoke(app, given)


def of_length_one() -> np.ndarray:
    found = rows()
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_every_algorithm_of_jules_table_has_a_column_that_says_how_it_was_made(project: Path) -> None:
    # A graph of 20 neighbours would join 3 groups of 10.
    few = [f"{name}:n_neighbors=4" for name in ("zeta", "gdl", "pic")]
    names = ["kmeans", "sc_njw", "ncuts", "average", *few, "nmf_lp"]
    result = cluster(*(part for name in names for part in ("--algorithms", name)))
    assert result.exit_code == 0, (result.output, result.exception)
    assert result.stdout.startswith("d: the embedding of images/jule in 3 clusters (jule-embedding-kmeans), ")
    table = read_partitions(TABLE)
    assert list(table.labels) == [f"jule-embedding-{name}" for name in names]
    assert table.fingerprint == read_images(IMAGES).fingerprint
    made = table.settings["jule-embedding-gdl:n_neighbors=4"]
    expected = {"algorithm": "gdl:n_neighbors=4", "normalise": "l2", "n_clusters": 3, "n_init": 10}
    expected |= {"embedding": file_digest(EMBEDDING), "network": TRAINING, "seed": made["seed"]}
    assert made == expected
    assert len({run["seed"] for run in table.settings.values()}) == len(names)
    assert {name for name, labels in table.labels.items() if adjusted_rand_score(CLASSES, labels) < 1} == set()


def test_rows_are_of_length_one(project: Path) -> None:
    assert cluster("--algorithms", "kmeans").exit_code == 0
    found = read_partitions(TABLE).labels["jule-embedding-kmeans"]
    expected = KMeans(3, n_init=10, random_state=0).fit_predict(of_length_one())
    assert adjusted_rand_score(expected, found) == 1
    assert adjusted_rand_score(expected, KMeans(3, n_init=10, random_state=0).fit_predict(rows())) < 0.9


def test_what_takes_no_negative_numbers_sees_each_feature_less_its_least_value(project: Path) -> None:
    assert cluster("--algorithms", "nmf_lp", "--algorithms", "kmeans").exit_code == 0
    table = read_partitions(TABLE)
    made = table.settings["jule-embedding-nmf_lp"]
    assert made["shift"] == "by each feature's least value"
    assert "shift" not in table.settings["jule-embedding-kmeans"]
    least = of_length_one().min(axis=0)
    assert (least[:3] < 0).all() and least[3] > 0
    least[3] = 0  # a feature that has no negative number stays as it is
    expected = NMFLP(3, n_init=10, random_state=made["seed"]).fit_predict(of_length_one() - least)
    assert adjusted_rand_score(expected, table.labels["jule-embedding-nmf_lp"]) == 1


def test_networks_on_features_have_tables_of_their_own(project: Path) -> None:
    write_embedding(Path("data/embeddings/d/jule/dmvc.parquet"))
    assert cluster("--algorithms", "kmeans", representation="jule/dmvc").exit_code == 0
    assert list(read_partitions(Path("data/partitions/d/jule/dmvc-embedding.parquet")).labels) == [
        "dmvc-embedding-kmeans"
    ]
    assert not TABLE.exists()


def test_the_same_seed_gives_the_same_bytes(project: Path) -> None:
    options = ("--algorithms", "kmeans", "--algorithms", "nmf_lp")
    assert cluster(*options).exit_code == 0
    before = TABLE.read_bytes()
    assert cluster(*options).exit_code == 0
    assert TABLE.read_bytes() == before
    assert cluster(*options, "--seed", "1").exit_code == 0
    assert TABLE.read_bytes() != before


def test_params_give_the_algorithms(project: Path) -> None:
    Path("params.yaml").write_text("seed: 3\nrepresentation: {algorithms: [ward], n_init: 2}\n", encoding="utf-8")
    assert cluster().exit_code == 0
    assert list(read_partitions(TABLE).labels) == ["jule-embedding-ward"]
    assert read_partitions(TABLE).settings["jule-embedding-ward"]["n_init"] == 2


_WRONG = (
    "no representation is called {}; give images/METHOD, or OBJECTIVE/METHOD with cc, dmvc-fix or dmvc, such as "
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--representation", "images/jul"], _WRONG.format("'images/jul'") + "images/jule"),
        (["--representation", "jule/mvec"], _WRONG.format("'jule/mvec'") + "jule/dmvc"),
        (["--representation", "jule/views/a"], _WRONG.format("'jule/views/a'")),
        (["--representation", "ensemble"], _WRONG.format("'ensemble'")),
        (["--representation", "../../x"], _WRONG.format("'../../x'")),
        (["--representation", ""], _WRONG.format("''")),
        (["--representation", "idec/cc"], "data/embeddings/d/idec/cc.parquet does not exist; run `dvc repro`"),
        (["--dataset", "e"], "data/images/e.parquet does not exist; run `dvc repro`"),
        (["--algorithms", "kmean"], "no clustering algorithm is called 'kmean'; did you mean kmeans"),
        (["--algorithms", "ward"] * 2, "algorithms names ward twice; name every algorithm once"),
        (["--algorithms", "kmeans:seeds=3"], "algorithm kmeans:seeds=3 runs once here; leave out seeds"),
        (["--n-clusters", "31"], "n_clusters is 31 but data/images/d.parquet has 30 images"),
        (["--n-clusters", "auto"], "data/partitions/d/n_clusters.txt does not exist; run `dvc repro ensemble`"),
    ],
)
def test_mistakes_are_answered_in_one_line(project: Path, options: list[str], message: str) -> None:
    error = cluster(*options).exception
    assert isinstance(error, ManyviewsError), repr(error)
    assert str(error).startswith(message) and "\n" not in str(error)
    assert not TABLE.parent.exists()


def test_an_embedding_of_other_images_is_refused(project: Path) -> None:
    write_vectors(EMBEDDING, "embedding", [rows()], "of others", TRAINING)
    error = cluster("--algorithms", "kmeans").exception
    assert isinstance(error, ManyviewsError) and str(error).startswith(f"{EMBEDDING} was made from other images")


@pytest.mark.parametrize("values", [np.zeros((30, 4)), np.ones((30, 4))])
def test_images_that_all_have_one_point_are_one_cluster(project: Path, values: np.ndarray) -> None:
    """Some networks collapse: JULE's on USPS in the form of its paper."""
    write_vectors(EMBEDDING, "embedding", [values.astype(np.float32)], read_images(IMAGES).fingerprint, TRAINING)
    result = cluster()
    assert result.exit_code == 0, result.exception
    assert {len(np.unique(labels)) for labels in read_partitions(TABLE).labels.values()} == {1}


def test_it_starts_without_torch() -> None:
    program = "import sys, stages.cluster_representations; assert not {'torch', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
