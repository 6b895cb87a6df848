"""Saved models: what is written comes back, new images find their cluster, and other files are refused."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from stages.core.errors import ParameterError
from stages.deep import IDEC, models
from stages.deep.jule.dmvc import DMVC
from stages.deep.jule.on_features import JULE
from stages.deep.models import Model, read_model, write_model
from stages.deep.networks import MLP, MVnet, Stack, initialise
from stages.deep.view_encoding import scale
from tests.deep.modelfiles import AGAIN, check_damage_is_named, refusal, save_sealed

WIDTHS = [12, 7]
SETTINGS = {"backbones": ["wide", "narrow"], "layer": "L3", "gamma": 0.5, "network": "mlp"}
ENCODERS = {
    "mvnet": lambda: MVnet(WIDTHS, 5),
    "mvnet of unit length": lambda: MVnet(WIDTHS, 5, unit_length=True),
    "mlp": lambda: MLP(WIDTHS, 5),
    "mlp of unit length": lambda: MLP(WIDTHS, 5, unit_length=True),
    "stack": lambda: Stack(WIDTHS, [9, 8, 5]),
}

Blobs = tuple[list[np.ndarray], np.ndarray]


def estimator(kind: str = "mvnet", scaling: str = "sqrt", n_clusters: int = 3, seed: int = 0) -> Any:
    """What a fitted estimator has, with drawn weights and centers."""
    generator = torch.Generator().manual_seed(seed)
    encoder = ENCODERS[kind]()
    initialise(encoder, generator)
    return SimpleNamespace(
        encoder_=encoder,
        cluster_centers_=torch.randn(n_clusters, 5, generator=generator).numpy(),
        scaling=scaling,
        scale_factors_=np.float32([0.5, 3]),
        n_features_in_=WIDTHS,
    )


def views(n_images: int = 20) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    return [random.random((n_images, width)).astype(np.float32) for width in WIDTHS]


class First(nn.Module):
    """An encoder that gives its first view back."""

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        return views[0]


def on_a_plane(centers: list[list[float]]) -> Model:
    return Model(First(), torch.tensor(centers, dtype=torch.float32), {}, "none", None, (2,))


def test_the_nearest_center_and_the_confidence_by_hand() -> None:
    images = np.array([[1.0, 0], [2, 0], [4, 0], [7, 4]])
    labels, confidence = on_a_plane([[0, 0], [4, 0], [100, 0]]).predict([images])
    assert labels.dtype == np.int32
    assert labels.tolist() == [0, 0, 1, 1]
    # 1 to 3; half-way; on a center; 5 to the root of 65.
    np.testing.assert_allclose(confidence, [2 / 3, 0, 1, 1 - 5 / np.sqrt(65)], rtol=1e-6)


def test_one_cluster_is_sure_and_two_in_one_place_are_not() -> None:
    images = np.array([[3.0, 4], [1, 1]])
    labels, confidence = on_a_plane([[1, 1]]).predict([images])
    assert labels.tolist() == [0, 0]
    assert confidence.tolist() == [1, 1]
    labels, confidence = on_a_plane([[1, 1], [1, 1]]).predict([images])
    assert labels.tolist() == [0, 0]
    assert confidence.tolist() == [0, 0]


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("scaling", ["sqrt", "global", "none"])
def test_what_is_written_comes_back(tmp_path: Path, kind: str, scaling: str, device: str) -> None:
    trained = estimator(kind, scaling)
    write_model(tmp_path / "a/model.safetensors", trained, SETTINGS)
    model = read_model(tmp_path / "a/model.safetensors", device)
    assert model.settings == SETTINGS
    assert model.scaling == scaling
    assert model.centres.device.type == device
    np.testing.assert_array_equal(model.centres.cpu().numpy(), trained.cluster_centers_)
    # The factors are those of the images that were trained on, not those of the new ones.
    scaled = [scale(v, scaling, f) for v, f in zip(views(), np.float32([0.5, 3]), strict=True)]
    with torch.no_grad():
        expected = trained.encoder_([torch.from_numpy(view) for view in scaled]).numpy()
    embedding = model.transform(views())
    assert embedding.dtype == np.float32
    np.testing.assert_allclose(embedding, expected, rtol=1e-5, atol=1e-6)
    distances = np.linalg.norm(expected[:, None].astype(np.float64) - trained.cluster_centers_, axis=2)
    labels, confidence = model.predict(views())
    assert np.array_equal(labels, distances.argmin(axis=1))
    ordered = np.sort(distances, axis=1)
    np.testing.assert_allclose(confidence, 1 - ordered[:, 0] / ordered[:, 1], atol=1e-5)


@pytest.mark.parametrize("make", [JULE, DMVC])
def test_the_clusters_of_the_training_images_are_those_of_the_training(
    tmp_path: Path, blobs: Blobs, make: Callable[..., Any]
) -> None:
    trained = make(3, width=8, random_state=0).fit(blobs[0])
    write_model(tmp_path / "model.safetensors", trained, {})
    labels, confidence = read_model(tmp_path / "model.safetensors").predict(blobs[0])
    assert np.array_equal(labels, trained.labels_)
    assert len(set(labels)) == 3
    assert (confidence > 0.5).all(), "the classes are far apart"


def test_the_stack_of_idec_with_one_factor_for_all_images(tmp_path: Path, blobs: Blobs) -> None:
    trained = IDEC(3, network=(9, 5), scaling="global", pretrain_epochs=20, random_state=0).fit(blobs[0])
    write_model(tmp_path / "model.safetensors", trained, {})
    model = read_model(tmp_path / "model.safetensors")
    assert np.array_equal(model.predict(blobs[0])[0], trained.labels_)
    few = [view[:2] for view in blobs[0]]
    np.testing.assert_allclose(model.transform(few), trained.embedding_[:2], rtol=1e-4, atol=1e-5)


def test_images_some_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(tmp_path / "m.safetensors", estimator(), {})
    model = read_model(tmp_path / "m.safetensors")
    whole, (labels, confidence) = model.transform(views()), model.predict(views())
    monkeypatch.setattr(models, "_ROWS", 7)
    np.testing.assert_allclose(model.transform(views()), whole, rtol=1e-5, atol=1e-6)
    parts, sure = model.predict(views())
    assert np.array_equal(parts, labels)
    np.testing.assert_allclose(sure, confidence, atol=1e-5)


def test_the_same_weights_give_the_same_bytes(tmp_path: Path) -> None:
    def written(seed: int, **settings: Any) -> bytes:
        write_model(tmp_path / "m.safetensors", estimator(seed=seed), settings)
        return (tmp_path / "m.safetensors").read_bytes()

    assert written(0, a=1, b=2) == written(0, b=2, a=1)
    assert written(0) != written(1)


def test_the_file_holds_encoder_and_centers_and_one_key_of_metadata(tmp_path: Path) -> None:
    write_model(tmp_path / "m.safetensors", estimator("mlp of unit length", "global"), SETTINGS)
    with safe_open(tmp_path / "m.safetensors", "np") as content:
        (text,) = content.metadata().values()
        assert {name.split(".")[0] for name in content.keys()} == {"encoder", "centers", "factors"}  # noqa: SIM118
    encoder = {"kind": "mlp", "view_widths": WIDTHS, "width": 5, "unit_length": True, "scaling": "global"}
    content = json.loads(text)
    assert content.pop("seal").startswith("sha256:")
    assert json.dumps(content) == json.dumps({**SETTINGS, "encoder": encoder}, sort_keys=True)


def test_the_views_of_an_mvnet_need_not_be_named(tmp_path: Path) -> None:
    trained = estimator("mvnet")
    del trained.n_features_in_
    write_model(tmp_path / "m.safetensors", trained, {})
    assert read_model(tmp_path / "m.safetensors").view_widths == (12, 7)


def test_what_cannot_be_written_leaves_the_last_file(tmp_path: Path) -> None:
    write_model(tmp_path / "m.safetensors", estimator(), {})
    before = (tmp_path / "m.safetensors").read_bytes()
    trained = estimator(seed=1)
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_model(tmp_path / "m.safetensors", trained, {"seed": object()})
    trained.encoder_ = nn.Linear(3, 5)
    with pytest.raises(TypeError, match=r"encoder_ is a Linear; only MVnet, .* and Head can be written"):
        write_model(tmp_path / "m.safetensors", trained, {})
    assert [file.name for file in tmp_path.iterdir()] == ["m.safetensors"]
    assert (tmp_path / "m.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "views is empty"),
        ([np.ones((2, 12))], r"the views have widths \[12\] but \[12, 7\] were trained on"),
        ([np.ones((2, 7)), np.ones((2, 12))], r"the views have widths \[7, 12\] but \[12, 7\] were trained on"),
        ([np.ones((2, 12)), np.ones((3, 7))], "view 1 has 3 rows but view 0 has 2"),
        ([np.ones((1, 12)), np.full((1, 7), np.nan)], "view 1 has NaN or infinite features"),
        (np.ones((2, 2, 2)), "views is one array; give a list of arrays"),
    ],
)
def test_views_that_were_not_trained_on_are_refused(tmp_path: Path, given: Any, message: str) -> None:
    write_model(tmp_path / "m.safetensors", estimator(), {})
    with pytest.raises(ParameterError, match=message):
        read_model(tmp_path / "m.safetensors").predict(given)


def test_no_file_and_what_is_no_safetensors_file(tmp_path: Path) -> None:
    check_damage_is_named(tmp_path / "m.safetensors", lambda file: write_model(file, estimator(), {}), read_model)


@pytest.mark.parametrize(
    "metadata",
    [None, {"manyviews": "{"}, {"manyviews": "[]"}, {"manyviews": '{"gamma": 1.0}'}],
    ids=["none", "damaged", "no settings", "weights alone"],
)
def test_tensors_of_another_kind_are_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    save_sealed({"centers": torch.ones(3, 5)}, tmp_path / "m.safetensors", metadata)
    assert refusal(tmp_path / "m.safetensors", read_model) == f"does not say how its network is built{AGAIN}"


@pytest.mark.parametrize(
    ("tensors", "facts"),
    [
        ({"encoder.output.0.weight": torch.ones(5, 4)}, {}),
        ({"encoder.more": torch.ones(1)}, {}),
        ({"centers": torch.ones(3, 4)}, {}),
        ({"centers": torch.ones(0, 5)}, {}),
        ({"centers": torch.full((3, 5), float("nan"))}, {}),
        ({"centers": torch.ones(3, 5, dtype=torch.float64)}, {}),
        ({}, {"kind": "resnet"}),
        ({}, {"kind": "mlp"}),
        ({}, {"view_widths": [12]}),
        ({}, {"view_widths": "many"}),
        ({}, {"width": 6}),
        ({}, {"scaling": "max"}),
        ({}, {"scaling": "global"}),
        ({"factors": torch.ones(3)}, {"scaling": "global"}),
    ],
)
def test_weights_that_do_not_fit_their_description_are_refused(
    tmp_path: Path, tensors: dict[str, Tensor], facts: dict[str, Any]
) -> None:
    file = tmp_path / "m.safetensors"
    write_model(file, estimator(), {})
    with safe_open(file, "pt") as content:
        encoder = json.loads(content.metadata()["manyviews"])["encoder"] | facts
    save_sealed(load_file(file) | tensors, file, {"manyviews": json.dumps({"encoder": encoder})})
    assert refusal(file, read_model) == f"holds other weights than it says{AGAIN}"
