"""The script `transfer_images`: drawings clustered by a network that was trained on others."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from typer.testing import CliRunner, Result

from stages.core.digests import file_digest
from stages.core.errors import ManyviewsError
from stages.tables import read_images, read_partitions
from stages.tables.methods import transfer as transferred
from stages.transfer_images import app
from tests.drawings import CLASSES, write_drawings

MODEL = Path("data/models/s/images/jule.safetensors")
TABLE = Path("data/partitions/d/images/transfer-s.parquet")


@pytest.fixture
def project(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the image set `d`, of 20 x 20 pixels, and a network on 12 x 12 of `s`, of random weights."""
    torch = pytest.importorskip("torch")
    from types import SimpleNamespace

    from stages.deep.image_models import write_image_model
    from stages.deep.jule.convolutions import ConvEncoder, initialise_convolutions

    monkeypatch.setenv("MANYVIEWS_DEVICE", "cpu")
    write_drawings(Path("data/images/d.parquet"), side=20)
    encoder = ConvEncoder((1, 12, 12), [True], width=16)
    initialise_convolutions(encoder, torch.Generator().manual_seed(0))
    trained = SimpleNamespace(
        encoder_=encoder.eval(), cluster_centers_=np.ones((2, 16), np.float32), image_shape_=(1, 12, 12)
    )
    write_image_model(MODEL, trained, {"images": "of s"})
    return workdir


def transfer(*options: str, source: str = "s") -> Result:
    return CliRunner().invoke(app, ["--dataset", "d", "--source", source, "--n-clusters", "classes", *options])


def test_every_layer_and_algorithm_has_a_column(project: Path) -> None:
    layers = ("--layers", "top", "--layers", "top-1")
    result = transfer(*layers, "--algorithms", "gdl:n_neighbors=4", "--algorithms", "kmeans")
    assert result.exit_code == 0, (result.output, result.exception)
    assert result.stdout.startswith("d by the network of s in 3 clusters (transfer-s-top-")
    table = read_partitions(TABLE)
    names = [
        f"transfer-s-{layer}-{name}" for layer in ("top", "top-1") for name in ("gdl:n_neighbors=4", "kmeans")
    ]
    assert list(table.labels) == names
    assert table.fingerprint == read_images(Path("data/images/d.parquet")).fingerprint
    settings = table.settings["transfer-s-top-1-kmeans"]
    own = {"source": "s", "layer": "top-1", "algorithm": "kmeans", "n_clusters": 3, "image_shape": [1, 12, 12]}
    own |= {"normalise": "l2", "n_init": 10, "seed": settings["seed"]}
    assert settings == own | {"model": file_digest(MODEL)}
    assert len({run["seed"] for run in table.settings.values()}) == 4
    assert all(adjusted_rand_score(CLASSES, labels) > 0.9 for labels in table.labels.values())
    assert not transferred("s").trains_network, "it has clusters alone"


def test_images_are_squashed_to_the_size_trained_on_and_features_are_of_length_one(project: Path) -> None:
    import torch

    from stages.deep.image_models import read_image_model

    assert transfer("--layers", "top-1", "--algorithms", "kmeans").exit_code == 0
    found = read_partitions(TABLE).labels["transfer-s-top-1-kmeans"]
    opened = (PIL.Image.open(io.BytesIO(data)) for data in read_images(Path("data/images/d.parquet")).read_bytes())
    small = [np.asarray(image.resize((12, 12), PIL.Image.Resampling.BILINEAR)) for image in opened]
    with torch.no_grad():
        maps = read_image_model(MODEL).network.blocks[0](torch.tensor(np.stack(small))[:, None] / 255)
    rows = maps.flatten(1).double().numpy()
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert adjusted_rand_score(KMeans(3, n_init=10, random_state=0).fit_predict(rows), found) == 1


def test_the_layer_data_is_the_pixels_as_the_network_takes_them(project: Path) -> None:
    assert transfer("--layers", "data", "--layers", "top", "--algorithms", "kmeans").exit_code == 0
    table = read_partitions(TABLE)
    assert list(table.labels) == ["transfer-s-data-kmeans", "transfer-s-top-kmeans"]
    settings = table.settings["transfer-s-data-kmeans"]
    assert (settings["layer"], settings["image_shape"], settings["normalise"]) == ("data", [1, 12, 12], "l2")
    opened = (PIL.Image.open(io.BytesIO(data)) for data in read_images(Path("data/images/d.parquet")).read_bytes())
    small = [np.asarray(image.resize((12, 12), PIL.Image.Resampling.BILINEAR)) for image in opened]
    rows = np.stack(small).reshape(len(CLASSES), -1).astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    expected = KMeans(3, n_init=10, random_state=0).fit_predict(rows)
    assert adjusted_rand_score(expected, table.labels["transfer-s-data-kmeans"]) == 1


def test_the_same_seed_gives_the_same_bytes(project: Path) -> None:
    assert transfer("--algorithms", "kmeans").exit_code == 0
    before = TABLE.read_bytes()
    assert transfer("--algorithms", "kmeans").exit_code == 0
    assert TABLE.read_bytes() == before
    assert transfer("--algorithms", "kmeans", "--seed", "1").exit_code == 0
    assert TABLE.read_bytes() != before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--layers", "top-2"], "layer is 'top-2' but those of the network are top, top-1; give one of these"),
        (["--layers", "top", "--layers", "top"], "layers names top twice; name every layer once"),
        (["--algorithms", "kmean"], "no clustering algorithm is called 'kmean'; did you mean kmeans"),
        (["--algorithms", "ward"] * 2, "algorithms names ward twice; name every algorithm once"),
        (["--algorithms", "kmeans:seeds=3"], "algorithm kmeans:seeds=3 runs once here; leave out seeds"),
        (["--algorithms", "ward:multiple=2"], "algorithm ward:multiple=2 runs once here; leave out multiple"),
        (["--n-clusters", "31"], "n_clusters is 31 but data/images/d.parquet has 30 images"),
        (["--n-clusters", "auto"], "data/partitions/d/n_clusters.txt does not exist; run `dvc repro ensemble`"),
        (["--source", "e"], "data/models/e/images/jule.safetensors does not exist; run `dvc repro` to make it"),
        (["--dataset", "e"], "data/images/e.parquet does not exist; run `dvc repro`"),
    ],
)
def test_mistakes_are_answered_in_one_line(project: Path, options: list[str], message: str) -> None:
    error = transfer(*options).exception
    assert isinstance(error, ManyviewsError), repr(error)
    assert str(error).startswith(message) and "\n" not in str(error)
    assert not TABLE.exists()


def test_it_starts_without_torch() -> None:
    program = "import sys, stages.transfer_images; assert not {'torch', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
