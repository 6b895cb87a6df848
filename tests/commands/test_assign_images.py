"""The command `assign` with networks on images: new images are brought to the shape trained on."""

import csv
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from stages import tables
from stages.commands.assign import app
from stages.commands.export import app as export
from stages.deep.image_models import read_image_model, write_image_model
from stages.deep.jule.convolutions import ConvEncoder, initialise_convolutions
from stages.deep.models import read_model, write_model
from stages.deep.networks import Stack, initialise
from tests.shell import error_line, exit_status

GREY, COLOUR = (1, 9, 12), (3, 8, 8)
MODELS = Path("data/models/d/images")


def photos() -> dict[str, Image.Image]:
    """Noise in colour and in grey, some of it of the very size trained on."""
    random = np.random.default_rng(0)
    sizes = [(12, 9), (30, 20), (12, 9), (8, 8), (17, 40)]
    pictures = [Image.fromarray(random.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in sizes]
    return {f"{n}.png": picture.convert("L") if n % 2 else picture for n, picture in enumerate(pictures)}


def expected(shape: tuple[int, int, int]) -> np.ndarray:
    """The photos, uint8 (5, c, h, w), by Pillow alone."""
    channels, height, width = shape
    images = [photo.convert("L" if channels == 1 else "RGB") for photo in photos().values()]
    small = [np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)) for image in images]
    return np.stack([pixels.reshape(height, width, channels).transpose(2, 0, 1) for pixels in small])


def write_jule(shape: tuple[int, int, int]) -> None:
    """A network of random weights, whose centers are what it makes of some of the photos."""
    encoder = ConvEncoder(shape, [False], width=4)
    initialise_convolutions(encoder, torch.Generator().manual_seed(0))
    with torch.no_grad():
        centers = encoder.eval()(torch.from_numpy(expected(shape)[[1, 2, 4]])).numpy()
    trained = SimpleNamespace(encoder_=encoder, cluster_centers_=centers, image_shape_=shape)
    write_image_model(MODELS / "jule.safetensors", trained, {"image_size": "auto"})


def write_dec(**settings: Any) -> None:
    encoder = Stack([108], [6, 3])
    initialise(encoder, torch.Generator().manual_seed(0))
    trained = SimpleNamespace(
        encoder_=encoder,
        cluster_centers_=np.zeros((1, 3), np.float32),
        scaling="none",
        n_features_in_=[108],
    )
    write_model(MODELS / "dec.safetensors", trained, settings)
    views = [expected(GREY).reshape(5, -1) / np.float32(50)]
    trained.cluster_centers_ = read_model(MODELS / "dec.safetensors").transform(views)[[0, 3]]
    write_model(MODELS / "dec.safetensors", trained, settings)


@pytest.fixture
def project(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two networks on images, and the photos in the folder `new`."""
    monkeypatch.setenv("MANYVIEWS_DEVICE", "cpu")
    Path("new").mkdir()
    for name, photo in photos().items():
        photo.save(f"new/{name}")
    write_jule(GREY)
    write_dec(image_shape=list(GREY))
    return workdir


def assign(method: str, *options: str) -> Result:
    return CliRunner().invoke(app, ["new", "--dataset", "d", "--method", f"images/{method}", *options])


def check(result: Result, labels: np.ndarray, confidence: np.ndarray) -> None:
    assert result.exit_code == 0, (result.output, result.exception)
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["path"] for row in rows] == list(photos())
    assert [int(row["cluster"]) for row in rows] == labels.tolist()
    np.testing.assert_allclose([float(row["confidence"]) for row in rows], confidence, atol=2e-6)


@pytest.mark.parametrize("shape", [GREY, COLOUR])
def test_images_become_grey_or_coloured_and_as_large_as_those_trained_on(
    project: Path, shape: tuple[int, int, int]
) -> None:
    write_jule(shape)
    labels, confidence = read_image_model(MODELS / "jule.safetensors").predict(expected(shape))
    assert labels[[1, 2, 4]].tolist() == [0, 1, 2]
    result = assign("jule", "--workers", "2")
    check(result, labels, confidence)
    table = "data/embeddings/d/images/jule.parquet"
    assert result.stderr == (
        f"{table} does not exist: which images fit no cluster is not known; `dvc pull {table}` fetches it\n"
        "5 images in 3 of 3 clusters of images/jule, 0 skipped\n"
    )


def test_new_images_are_added_to_an_export_of_the_last_result(project: Path) -> None:
    """The network on images knows photos 1, 2 and 4, which are in the export, and 0 and 3 fit none of them."""
    known = [1, 2, 4]
    table = [tables.Image(f"{n}.png", Path(f"new/{n}.png").read_bytes(), None, 9, 9) for n in known]
    tables.write_images(Path("data/images/d.parquet"), table, [])
    images = tables.read_images(Path("data/images/d.parquet"))
    labels = {"jule-sf": np.array([2, 2, 2]), "jule-rc": np.arange(3)}
    facts: dict[str, Any] = {name: {} for name in labels}
    tables.write_partitions(Path("data/partitions/d/images/jule.parquet"), labels, facts, images.fingerprint)
    embedding = read_image_model(MODELS / "jule.safetensors").transform(expected(GREY))[known]
    table_of = Path("data/embeddings/d/images/jule.parquet")
    tables.write_vectors(table_of, "embedding", [np.repeat(embedding, 2, axis=0)], images.fingerprint, {})
    for method, to in [("jule-sf", "first"), ("jule-rc", "last")]:
        assert exit_status(export, "--dataset", "d", "--method", f"images/jule/{method}", "--to", to) == 0
    other = "has other clusters than those of images/jule/jule-rc, such as that of '1.png'; make an export of "
    assert refusal("jule", "--into", "first").startswith(f"{project / 'first'} {other}")
    result = assign("jule", "--into", "last")
    assert result.stdout == "no-group: 2 new images\n3 images there already\nlast\n"
    assert result.stderr == "3 images in 3 of 3 clusters of images/jule, 2 fit none, 0 skipped\n"


def test_the_network_of_dec_sees_the_same_pixels_as_one_view(project: Path) -> None:
    views = [expected(GREY).reshape(5, -1) / np.float32(50)]
    labels, confidence = read_model(MODELS / "dec.safetensors").predict(views)
    assert (labels[0], labels[3]) == (0, 1)
    check(assign("dec"), labels, confidence)


def refusal(method: str, *options: str) -> str:
    return error_line(assign(method, *options))


def test_mistakes_are_one_line(project: Path) -> None:
    line = "data/models/d holds no model of the method 'images/jule-rc'; did you mean images/jule"
    assert refusal("jule-rc").startswith(line)
    for method in ("pixels", "transfer-e"):
        assert refusal(method) == (
            f"method 'images/{method}' trained no network on d; take one that did, such as images/jule"
        )
    for option in (("--preprocessing", "preset"), ("--precision", "fp32")):
        assert refusal("jule", *option) == (
            "images/jule sees no features; leave out --preprocessing and --precision"
        )


@pytest.mark.parametrize("shape", [None, "1x9", [1, 9], [1, 9, 13]])
def test_a_network_of_dec_that_does_not_name_its_images_is_refused(project: Path, shape: Any) -> None:
    write_dec(**({} if shape is None else {"image_shape": shape}))
    assert refusal("dec") == (
        f"{MODELS}/dec.safetensors does not say on which images it was trained; run `dvc repro` to train it again"
    )


def test_pixels_that_memory_would_not_hold_are_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.core.memory.available_memory", lambda: 100)
    assert refusal("jule").startswith("5 images of 12 x 9 pixels would take ")
