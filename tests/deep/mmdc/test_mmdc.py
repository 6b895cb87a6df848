"""Multi-modal deep clustering: what it finds, repeats and refuses, and how its epochs follow one another."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from stages.core.errors import ParameterError
from stages.deep.distributed import Group
from stages.deep.image_networks import initialise_cropped
from stages.deep.mmdc.mmdc import MMDC
from stages.deep.mmdc.network import MixtureEncoder
from tests.deep.drawn import bars

# Trained for so short, many an estimator leaves a cluster empty: that is said in a test of its own.
pytestmark = pytest.mark.filterwarnings("ignore:.* clusters are empty", "ignore:one cluster holds")


def small(n_clusters: int = 3, **changes: Any) -> MMDC:
    """A small network with few and large steps."""
    options: dict[str, Any] = {
        **{"network": "vgg", "epochs": 4, "refine_epoch": 2, "decay_epoch": 3, "batch_size": 15},
        **{"learning_rate": 0.5, "weight_decay": 5e-3, "random_state": 0, "crops": (12,), "input_size": 16},
        **{"flip": False, "jitter": False, "rotation_task": False},
    }
    return MMDC(n_clusters, **{**options, **changes})


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_separate_classes_are_found(channels: int, precision: str, device: str) -> None:
    images, classes = bars(channels=channels)
    long = {"epochs": 40, "refine_epoch": 30, "decay_epoch": 35}
    model = small(precision=precision, device=device, **long).fit(images)
    assert adjusted_rand_score(classes, model.labels_) > 0.5, "far above chance, 0"
    assert np.array_equal(model.predict(images), model.labels_)
    assert np.array_equal(model.embedding_.argmax(axis=1), model.labels_), "the nearest unit vector"
    np.testing.assert_allclose(model.transform(images), model.embedding_, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(model.embedding_, axis=1), 1, rtol=1e-5)
    assert (model.labels_.dtype, model.embedding_.shape) == (np.int32, (60, 3))
    assert np.array_equal(model.cluster_centers_, np.eye(3, dtype=np.float32))


def test_epochs_assign_and_then_refine() -> None:
    seen: list[Any] = []
    model = small(progress=seen.append).fit(bars()[0])
    assert seen == model.history_
    assert [epoch.phase for epoch in seen] == ["assign"] * 2 + ["refine"] * 2
    assert np.isnan(seen[0].changed) and np.isnan([epoch.rotation for epoch in seen]).all()
    for before, after in itertools.pairwise(seen):
        assert after.changed == np.mean(before.labels != after.labels)
    assert seen[-1].loss < seen[0].loss
    assert np.array_equal(seen[-1].labels, model.labels_)


def test_the_rotation_task_is_learnt_beside() -> None:
    images = np.random.RandomState(0).randint(0, 50, (24, 1, 12, 12)).astype(np.uint8)
    images[:, :, :5, :5] += 200  # the corner shows the rotation
    model = small(rotation_task=True, epochs=6, learning_rate=0.05).fit(images)
    losses = [epoch.rotation for epoch in model.history_]
    assert losses[-1] < 0.5 * np.log(4), "half of what guessing costs"
    assert not any(name.startswith("turns") for name in model.encoder_.state_dict())


@pytest.mark.parametrize("means", ["one_hot", "random"])
def test_targets_may_be_wide(means: str) -> None:
    model = small(means=means, sigma=0.02, epochs=3).fit(bars(each=8)[0])
    assert model.labels_.shape == (24,)
    assert np.isfinite(model.embedding_).all()


def test_the_defaults_are_those_of_cifar10_and_presets_those_of_the_table() -> None:
    model = MMDC()
    chosen = {**MMDC.PRESETS["cifar10"], "crops": None, "input_size": None}
    assert {name: getattr(model, name) for name in chosen} == chosen
    assert model._augmentation((32, 32)).crops == (20,) and model._augmentation((32, 32)).size == 32
    assert model._augmentation((64, 64)).crops == (40,) and model._augmentation((64, 64)).size == 64
    for preset in MMDC.PRESETS.values():
        MMDC(**preset).check_parameters()
    for name, rates in (("mnist", (0.05, 5e-4, 50, 20)), ("tiny_imagenet", (0.05, 1e-4, 400, 350))):
        preset = MMDC.PRESETS[name]
        found = (preset["learning_rate"], preset["weight_decay"], preset["epochs"], preset["refine_epoch"])
        assert found == rates


@pytest.mark.parametrize("network", ["vgg", "resnet18"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [16, 32, 64])
def test_networks_take_any_size(network: str, channels: int, size: int) -> None:
    before = torch.get_rng_state()
    with torch.device("meta"):
        encoder = MixtureEncoder(network, channels, 5, 20, size)
    encoder = encoder.to_empty(device="cpu")
    initialise_cropped(encoder, torch.Generator().manual_seed(0))
    assert torch.equal(before, torch.get_rng_state())
    views = torch.rand(2, channels, size, size)
    assert encoder.eval().features(views).shape == (2, 512 if network == "resnet18" else 1024)
    torch.testing.assert_close(encoder.outputs(views).norm(dim=1), torch.ones(2))
    again = MixtureEncoder(**encoder.facts).eval()
    again.load_state_dict(encoder.state_dict())
    images = torch.randint(0, 256, (2, channels, 24, 30), dtype=torch.uint8)
    assert torch.equal(again(images), encoder(images))


def test_the_same_seed_gives_the_same_bytes_and_leaves_the_global_state_alone() -> None:
    images, _ = bars(each=10)
    before = torch.get_rng_state()
    one, other = (small(epochs=3, rotation_task=True).fit(images) for _ in range(2))
    assert torch.equal(before, torch.get_rng_state())
    assert one.embedding_.tobytes() == other.embedding_.tobytes()
    assert str(one.history_) == str(other.history_)


@pytest.mark.parametrize(("each", "n_clusters", "batch_size"), [(2, 6, 100), (2, 1, 128), (7, 5, 4), (3, 3, 8)])
def test_few_images_and_small_batches(each: int, n_clusters: int, batch_size: int) -> None:
    """Fewer images than a batch, one cluster, fewer targets in a batch than clusters, a rest of one image."""
    model = small(n_clusters, batch_size=batch_size, epochs=2, refine_epoch=1).fit(bars(each=each)[0])
    assert model.labels_.shape == (3 * each,)
    np.testing.assert_allclose(np.linalg.norm(model.embedding_, axis=1), 1, rtol=1e-5)


def test_empty_clusters_are_told() -> None:
    with pytest.warns(UserWarning, match=r"\d of 20 clusters are empty; ask for fewer clusters"):
        small(20, epochs=1).fit(bars()[0])


def test_one_image_is_one_cluster() -> None:
    assert small(1, epochs=2).fit(bars(each=1)[0][:1]).labels_.tolist() == [0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "alexnet"}, "network is 'alexnet'; give one of vgg, resnet18"),
        ({"crops": (12, 13)}, "crops holds 13 but images are 12 x 12 pixels; give at most 12"),
        ({"crops": ()}, "crops is empty; give at least one size, or null for a choice by image size"),
        ({"flip": 1}, "flip is 1; give true or false"),
        ({"epochs": 0}, "epochs is 0; give a whole number of at least 1"),
        ({"input_size": 8}, "input_size is 8; give a whole number of at least 16"),
        ({"n_clusters": 61}, "n_clusters is 61 but there are 60 images"),
        ({"learning_rate": 1e38}, r"the \w+.* became nan in epoch 1; lower learning_rate, which is 1e\+38"),
        ({"learning_rate": 1e20, "epochs": 1, "batch_size": 100}, "the sum of the outputs became nan in epoch 1"),
        ({"crops": 12}, "crops is 12; give a list of whole numbers, or null"),
        ({"momentum": 5.0}, r"momentum is 5\.0; give a share from 0 to below 1"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        small(**changes).fit(bars()[0])


def test_several_processes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Group, "current", lambda: Group(0, 2))
    with pytest.raises(ParameterError, match="networks on images are trained by one process; start it without"):
        small().fit(bars()[0])
