"""The backbone `pixels`: no network and no weights, from the stage `weights` to clusters."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import torch
from sklearn.metrics import adjusted_rand_score
from typer.testing import CliRunner

from stages import baseline, extract, weights
from stages.backbones.card import EmptySource, Weights, read_card
from stages.backbones.network import load_network
from stages.backbones.weights import obtain_weights
from stages.core.errors import BackboneError
from stages.diagnosis.finding import Finding
from stages.diagnosis.inputs import check_weights
from stages.registry import REGISTRY
from stages.tables import read_images, read_partitions, read_vectors
from tests.drawings import CLASSES, write_drawings

CARD = Path("data/backbones/pixels.json")


@pytest.fixture
def project(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the image set `d` and the card, and nowhere to fetch anything from."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    write_drawings(Path("data/images/d.parquet"), side=40)
    run(weights, "--backbone", "pixels")
    return workdir


def run(stage: Any, *options: str) -> str:
    result = CliRunner().invoke(stage.app, options)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def features(*options: str, layer: str = "L3") -> np.ndarray:
    given = ("--dataset", "d", "--backbone", "pixels", "--layers", layer, "--device", "cpu")
    run(extract, *given, *options)
    return read_vectors(Path(f"data/features/d/pixels/{layer}.parquet"), "features").values


def expected() -> np.ndarray:
    images = (PIL.Image.open(io.BytesIO(data)) for data in read_images(Path("data/images/d.parquet")).read_bytes())
    small = [image.convert("RGB").resize((32, 32), PIL.Image.Resampling.BILINEAR) for image in images]
    return np.stack([np.asarray(image).transpose(2, 0, 1).ravel() for image in small]).astype(np.float32) / 255


def test_the_card_says_all_and_the_weights_are_an_empty_file(project: Path) -> None:
    assert read_card(CARD, ["L1", "L2", "L3"]) == REGISTRY["pixels"], "its digest is known"
    (file,) = (project / "cache/weights").iterdir()
    assert file.name == REGISTRY["pixels"].weights.file
    assert file.read_bytes() == b"\x08\0\0\0\0\0\0\0{}      "


def test_features_are_the_pixels_of_the_squashed_image(project: Path) -> None:
    found = features()
    assert found.shape == (30, 3072) and found.dtype == np.float32
    np.testing.assert_allclose(found, expected(), rtol=1e-6)
    np.testing.assert_array_equal(features(layer="L1"), found)


@pytest.mark.parametrize("compiler", ["none", "openvino"])
def test_bfloat16_rounds_no_more_than_the_resizing_and_the_format_do(project: Path, compiler: str) -> None:
    if compiler == "openvino":
        pytest.importorskip("openvino")
    found = features("--precision", "bf16", "--compiler", compiler)
    np.testing.assert_allclose(found, expected(), atol=2 / 255 + 2**-8)


def test_a_whole_run_without_any_pretrained_network(project: Path) -> None:
    features()
    run(baseline, "--dataset", "d", "--backbone", "pixels", "--n-clusters", "classes", "--overclustering", "1")
    found = read_partitions(Path("data/partitions/d/baseline/pixels.parquet")).labels
    assert adjusted_rand_score(CLASSES, found["ward/L3/x1/seed0"]) == 1


def test_the_doctor_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.diagnosis.inputs.answers", pytest.fail)
    (finding,) = check_weights("pixels", tmp_path, tmp_path, tmp_path, timeout=0.2)
    assert finding == Finding("ok", "pixels: has no weights to fetch")


def test_weights_that_are_not_empty_are_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(1)}, tmp_path / "w.pth")
    with pytest.raises(BackboneError, match=r"w\.pth does not fit identity: .*weight"):
        load_network(REGISTRY["pixels"], tmp_path / "w.pth")
    damaged = Weights("w.safetensors", "0" * 64, (EmptySource(),))
    with pytest.raises(BackboneError, match=r"cannot get w\.safetensors \(the empty file: it has sha256 "):
        obtain_weights(damaged, tmp_path / "none", tmp_path, report=lambda line: None)
