"""Saved models on images: what is written comes back, new images find a cluster, other files are refused."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from stages.core.errors import ParameterError
from stages.deep import image_encoding
from stages.deep.dac.network import AdaptiveEncoder
from stages.deep.deepcluster.network import WhitenedEncoder
from stages.deep.image_encoding import ImageEncoder
from stages.deep.image_models import ENCODERS, ImageModel, read_image_model, write_image_model
from stages.deep.image_networks import FeatureEncoder, LabelEncoder
from stages.deep.jule.convolutions import ConvEncoder
from stages.deep.mmdc.network import MixtureEncoder
from tests.deep.modelfiles import AGAIN, check_damage_is_named, refusal, save_sealed

SHAPE = (3, 12, 10)
SETTINGS = {"objective": "images", "image_size": "auto", "seed": 3}


class Tiny(ImageEncoder):
    """One linear layer on images of so many numbers."""

    kind: ClassVar[str] = "tiny"

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(size, width)

    @property
    def facts(self) -> dict[str, Any]:
        return {"size": self.linear.in_features, "width": self.linear.out_features}

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.normalize(self.linear(images.flatten(1) / 255))


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files hold a `Tiny`."""
    monkeypatch.setitem(ENCODERS, "tiny", f"{__name__}:Tiny")


def encoder(kind: str) -> ImageEncoder:
    if kind == "tiny":
        return Tiny(int(np.prod(SHAPE)), 4)
    if kind == "mmdc":
        return MixtureEncoder("vgg", 3, 4, crop=8, size=32)
    if kind == "dac":
        return AdaptiveEncoder("vgg", 3, 4, crop=8, size=16)
    if kind == "deepcluster":
        return WhitenedEncoder("vgg", 3, 9, crop=8, size=16, dimensions=4)
    if kind == "features":
        return FeatureEncoder("vgg5x5", 3, 4, crop=8, size=16)
    if kind == "labels":
        return LabelEncoder("vgg5x5", 3, 4, crop=8, size=16, sobel=True)
    # As ImageJULE has it: filters in the order that is fastest.
    return ConvEncoder(SHAPE, [True], width=4).to(memory_format=torch.channels_last)


def estimator(kind: str = "tiny", seed: int = 0) -> Any:
    """What a fitted estimator has, with drawn weights, statistics and centers."""
    generator = torch.Generator().manual_seed(seed)
    network = encoder(kind)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                low = 0.5 if name.endswith("running_var") else -0.2
                tensor.uniform_(low, low + 1, generator=generator)
    width = 2048 if kind == "features" else 4
    centers = torch.randn(3, width, generator=generator).numpy()
    return SimpleNamespace(encoder_=network.eval(), cluster_centers_=centers, image_shape_=SHAPE)


def images(count: int = 7) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, *SHAPE), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["tiny", "conv", "mmdc", "labels", "dac", "features", "deepcluster"])
def test_what_is_written_comes_back(tmp_path: Path, kind: str, device: str) -> None:
    trained = estimator(kind)
    write_image_model(tmp_path / "a/m.safetensors", trained, SETTINGS)
    model = read_image_model(tmp_path / "a/m.safetensors", device)
    assert (model.settings, model.image_shape) == (SETTINGS, SHAPE)
    assert model.network.facts == trained.encoder_.facts
    assert not model.network.training
    assert model.centres.device.type == device
    assert all(tensor.device.type == device for tensor in model.network.state_dict().values())
    with torch.no_grad():
        expected = trained.encoder_(torch.from_numpy(images())).numpy()
    embedding = model.transform(images())
    assert embedding.dtype == np.float32
    np.testing.assert_allclose(embedding, expected, rtol=1e-5, atol=1e-6)
    distances = np.linalg.norm(expected[:, None].astype(np.float64) - trained.cluster_centers_, axis=2)
    labels, confidence = model.predict(images())
    assert labels.dtype == np.int32 and confidence.dtype == np.float64
    assert np.array_equal(labels, distances.argmin(axis=1))
    ordered = np.sort(distances, axis=1)
    np.testing.assert_allclose(confidence, 1 - ordered[:, 0] / ordered[:, 1], atol=1e-5)


def test_reading_leaves_the_global_random_state_alone(tmp_path: Path) -> None:
    write_image_model(tmp_path / "m.safetensors", estimator("conv"), {})
    before = torch.get_rng_state()
    read_image_model(tmp_path / "m.safetensors")
    assert torch.equal(torch.get_rng_state(), before)


def test_images_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image_model(tmp_path / "m.safetensors", estimator(), {})
    model = read_image_model(tmp_path / "m.safetensors")
    whole = model.transform(images())
    monkeypatch.setattr(image_encoding, "_IMAGES", 3)
    np.testing.assert_allclose(model.transform(images()), whole, rtol=1e-6)


@pytest.mark.parametrize("kind", ["tiny", "conv"])
def test_the_same_weights_give_the_same_bytes(tmp_path: Path, kind: str) -> None:
    def written(seed: int, **settings: Any) -> bytes:
        trained = estimator(kind, seed)
        trained.encoder_ = trained.encoder_.to(memory_format=next(formats))
        write_image_model(tmp_path / "m.safetensors", trained, settings)
        return (tmp_path / "m.safetensors").read_bytes()

    formats = iter([torch.channels_last, torch.contiguous_format] * 2)
    assert written(0, a=1, b=2) == written(0, b=2, a=1)
    assert written(0) != written(1)


def test_the_file_holds_encoder_and_centers_and_one_key_of_metadata(tmp_path: Path) -> None:
    write_image_model(tmp_path / "m.safetensors", estimator(), SETTINGS)
    with safe_open(tmp_path / "m.safetensors", "np") as content:
        (text,) = content.metadata().values()
        assert set(content.keys()) == {"centers", "encoder.linear.weight", "encoder.linear.bias"}
    facts = {"kind": "tiny", "arguments": {"size": 360, "width": 4}, "image_shape": list(SHAPE)}
    content = json.loads(text)
    assert content.pop("seal").startswith("sha256:")
    assert json.dumps(content) == json.dumps({**SETTINGS, "encoder": facts}, sort_keys=True)


def test_networks_that_nobody_could_read_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(ENCODERS, "tiny")
    with pytest.raises(
        TypeError,
        match="encoder_ is of the kind tiny; only conv, mmdc, dac, deepcluster, labels, features can be written",
    ):
        write_image_model(tmp_path / "m.safetensors", estimator(), {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (images()[:, :1], r"images are 1 x 12 x 10 \(channels x height x width\) but 3 x 12 x 10 were trained on"),
        (images()[:, :, :8], "images are 3 x 8 x 10 .* but 3 x 12 x 10 were trained on"),
        (images() / 255, "images have values of type float64; give bytes"),
    ],
)
def test_images_that_were_not_trained_on_are_refused(tmp_path: Path, given: Any, message: str) -> None:
    write_image_model(tmp_path / "m.safetensors", estimator(), {})
    with pytest.raises(ParameterError, match=message):
        read_image_model(tmp_path / "m.safetensors").predict(given)


def test_no_file_and_what_is_no_safetensors_file(tmp_path: Path) -> None:
    check_damage_is_named(
        tmp_path / "m.safetensors", lambda file: write_image_model(file, estimator(), {}), read_image_model
    )


@pytest.mark.parametrize("metadata", [None, {"manyviews": "{"}, {"manyviews": "[]"}, {"manyviews": '{"seed": 1}'}])
def test_tensors_of_another_kind_are_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_sealed({"centers": torch.ones(3, 4)}, tmp_path / "m.safetensors", metadata)
    assert refusal(tmp_path / "m.safetensors", read_image_model) == f"does not say how its network is built{AGAIN}"


@pytest.mark.parametrize(
    ("tensors", "facts"),
    [
        ({"encoder.linear.weight": torch.ones(4, 359)}, {}),
        ({"encoder.linear.weight": torch.ones(4, 360, dtype=torch.float64)}, {}),
        ({"encoder.linear.bias": torch.full((4,), float("inf"))}, {}),
        ({"encoder.more": torch.ones(1)}, {}),
        ({"centers": torch.ones(3, 5)}, {}),
        ({"centers": torch.ones(4)}, {}),
        ({"centers": torch.ones(0, 4)}, {}),
        ({"centers": torch.full((3, 4), float("nan"))}, {}),
        ({"centers": torch.ones(3, 4, dtype=torch.float64)}, {}),
        ({}, {"kind": "mlp"}),
        ({}, {"kind": ["tiny"]}),
        ({}, {"kind": "conv"}),
        ({}, {"kind": "conv", "arguments": {"image_shape": SHAPE, "pooled": [True] * 4}}),
        ({}, {"arguments": {"size": 360}}),
        ({}, {"arguments": {"size": 360, "width": 5}}),
        ({}, {"arguments": [360, 4]}),
        ({}, {"image_shape": [3, 12]}),
        ({}, {"image_shape": [3, 12, 11]}),
        ({}, {"image_shape": [3, 12, -10]}),
        ({}, {"image_shape": None}),
        ({}, None),
    ],
)
def test_weights_that_do_not_fit_their_description_are_refused(
    tmp_path: Path, tensors: dict[str, Tensor], facts: dict[str, Any] | None
) -> None:
    file = tmp_path / "m.safetensors"
    write_image_model(file, estimator(), {})
    with safe_open(file, "pt") as content:
        own = json.loads(content.metadata()["manyviews"])["encoder"]
    changed = None if facts is None else own | facts
    save_sealed(load_file(file) | tensors, file, {"manyviews": json.dumps({"encoder": changed})})
    assert refusal(file, read_image_model) == f"holds other weights than it says{AGAIN}"


def test_a_missing_tensor_and_a_model_of_features_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "m.safetensors"
    write_image_model(file, estimator(), {})
    with safe_open(file, "pt") as content:
        metadata = {"manyviews": re.sub("sha256:[0-9a-f]*", "", content.metadata()["manyviews"])}
    for missing in ("centers", "encoder.linear.bias"):
        tensors = load_file(file)
        del tensors[missing]
        save_sealed(tensors, tmp_path / "less.safetensors", metadata)
        assert (
            refusal(tmp_path / "less.safetensors", read_image_model) == f"holds other weights than it says{AGAIN}"
        )
    facts = {"kind": "mlp", "view_widths": [3], "width": 4, "unit_length": True, "scaling": "none"}
    save_sealed({"centers": torch.ones(3, 4)}, file, {"manyviews": json.dumps({"encoder": facts})})
    assert refusal(file, read_image_model) == f"holds other weights than it says{AGAIN}"


def test_the_confidence_by_hand() -> None:
    class Pixel(ImageEncoder):
        facts: dict[str, Any] = {}  # noqa: RUF012

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(1).float()

    model = ImageModel(Pixel(), torch.tensor([[0.0], [4], [100]]), {}, (1, 1, 1))
    labels, confidence = model.predict(np.array([1, 2, 4, 10], dtype=np.uint8).reshape(4, 1, 1, 1))
    assert labels.tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(confidence, [2 / 3, 0, 1, 1 - 6 / 10], rtol=1e-6)
