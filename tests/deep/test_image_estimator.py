"""The frame of networks on crops, by each method: what is found, repeated, resumed and refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from stages.core.errors import ParameterError
from stages.deep.dac.dac import DAC
from stages.deep.deepcluster.deepcluster import DeepCluster
from stages.deep.distributed import Group
from stages.deep.iic.iic import IIC
from stages.deep.image_estimator import CroppedClustering
from stages.deep.mmdc.mmdc import MMDC
from stages.deep.nat.nat import NAT
from stages.deep.rotnet.rotnet import RotNet
from tests.deep.drawn import bars
from tests.deep.interruption import Killed, Memory, Mortal

# Trained for so short, many an estimator leaves a cluster empty: that is warned of, see the tests of MMDC.
pytestmark = pytest.mark.filterwarnings("ignore:.* clusters are empty", "ignore:one cluster holds")

SMALL: dict[str, tuple[Callable[..., CroppedClustering[Any]], dict[str, Any]]] = {
    "mmdc": (MMDC, {"refine_epoch": 2, "decay_epoch": 2, "sigma": 0.05}),
    "iic": (IIC, {"repeats": 2, "sub_heads": 2, "overclustering": 2, "learning_rate": 1e-3, "centred": 0.5}),
    "dac": (DAC, {"block_size": 12, "passes": 2, "loss": "squared", "upper": 0.9, "lower": 0.9}),
    "deepcluster": (DeepCluster, {"overclustering": 3, "dimensions": 8}),
    "nat": (NAT, {"dimensions": 8, "permute_every": 2}),
    "rotnet": (RotNet, {"decay_epochs": (2,), "learning_rate": 0.05}),
}
# Enough to find three classes.
LONG: dict[str, dict[str, Any]] = {
    "mmdc": {"epochs": 40, "refine_epoch": 30, "decay_epoch": 35, "learning_rate": 0.5, "weight_decay": 5e-3},
    "iic": {"epochs": 8, "batch_size": 20, "centred": 0.0},
    "dac": {"epochs": 12, "batch_size": 20, "block_size": 60, "passes": 2},
}
LABELLERS = list(LONG)  # whose clusters are labels that the network gives, not those of K-means
PLAIN = {"crops": (12,), "flip": False, "jitter": False, "rotation_task": False, "sobel": False, "sigma": 0.0}


def small(method: str, n_clusters: int = 3, **changes: Any) -> CroppedClustering[Any]:
    """A small network with few steps."""
    kind, options = SMALL[method]
    frame = {"network": "vgg", "epochs": 4, "batch_size": 8, "random_state": 2, "crops": (10,), "input_size": 16}
    chosen = {**frame, "degrees": 10.0, **options, **changes}
    known = kind().get_params()
    return kind(n_clusters, **{name: value for name, value in chosen.items() if name in known})


@pytest.mark.parametrize("method", LABELLERS)
@pytest.mark.parametrize(("channels", "precision"), [(1, "float32"), (3, "bfloat16")])
def test_separate_classes_are_found(method: str, channels: int, precision: str, device: str) -> None:
    images, classes = bars(channels=channels)
    long = {**PLAIN, **LONG[method], "precision": precision, "device": device}
    model = small(method, **{"batch_size": 15, "random_state": 0, "degrees": 0.0, **long}).fit(images)
    assert adjusted_rand_score(classes, model.labels_) > 0.5, "far above chance, 0"
    assert np.array_equal(model.predict(images), model.labels_)
    assert np.array_equal(model.embedding_.argmax(axis=1), model.labels_), "the nearest unit vector"
    np.testing.assert_allclose(model.transform(images), model.embedding_, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(model.embedding_, axis=1), 1, rtol=1e-5)
    assert (model.labels_.dtype, model.embedding_.shape) == (np.int32, (60, 3))
    assert np.array_equal(model.cluster_centers_, np.eye(3, dtype=np.float32))
    # The record is of the training's precision, the labels are of float32: an image between two may differ.
    agreeing = (model.history_[-1].labels == model.labels_).mean()
    assert agreeing == 1 if precision == "float32" else agreeing > 0.9


@pytest.mark.parametrize("method", SMALL)
def test_the_same_seed_gives_the_same_bytes_and_leaves_the_global_state_alone(method: str) -> None:
    images, _ = bars(each=8)
    before = torch.get_rng_state()
    one, other, third = (small(method, epochs=2, random_state=seed).fit(images) for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert one.embedding_.tobytes() == other.embedding_.tobytes() != third.embedding_.tobytes()
    assert str(one.history_) == str(other.history_)


@pytest.mark.parametrize("method", SMALL)
def test_killed_after_any_epoch_it_ends_with_the_same_bytes(method: str) -> None:
    images, _ = bars(each=8, channels=3)
    epochs = 3
    counted = Memory()
    whole = small(method, epochs=epochs, checkpoint=counted).fit(images)
    assert counted.saved == epochs
    for lifetime in range(1, epochs + 1):
        first, seen = Mortal(lifetime), []
        with pytest.raises(Killed):
            small(method, epochs=epochs, checkpoint=first).fit(images)
        second = Memory(first.held)
        again = small(method, epochs=epochs, checkpoint=second, progress=seen.append).fit(images)
        assert second.saved == epochs - lifetime, "what was done is not done again"
        assert str(seen) == str(again.history_) == str(whole.history_)
        for name in ("labels_", "embedding_", "cluster_centers_"):
            assert np.array_equal(getattr(again, name), getattr(whole, name)), (lifetime, name)
        ours, theirs = (model.encoder_.state_dict() for model in (again, whole))
        assert all(ours[name].numpy().tobytes() == theirs[name].numpy().tobytes() for name in theirs)


@pytest.mark.parametrize("method", SMALL)
def test_a_state_of_another_training_is_named(method: str) -> None:
    images, _ = bars(each=8, channels=3)
    first = Mortal(2)
    with pytest.raises(Killed):
        small(method, checkpoint=first).fit(images)
    with pytest.raises(ParameterError, match=r"is the state of another training, its .*(weight|mean) is"):
        small(method, network="vgg5x5", checkpoint=Memory(first.held)).fit(images)


@pytest.mark.parametrize("method", SMALL)
@pytest.mark.parametrize(("each", "n_clusters", "batch_size"), [(2, 6, 100), (2, 1, 128), (7, 5, 4), (3, 3, 8)])
def test_few_images_and_small_batches(method: str, each: int, n_clusters: int, batch_size: int) -> None:
    """Fewer images than a batch, one cluster, fewer images in a batch than clusters, a rest of one image."""
    options = {"batch_size": batch_size, "epochs": 2, "refine_epoch": 1}
    model = small(method, n_clusters, **options).fit(bars(each=each)[0])
    assert model.labels_.shape == (3 * each,)
    np.testing.assert_allclose(np.linalg.norm(model.embedding_, axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("method", SMALL)
def test_one_image_is_one_cluster(method: str) -> None:
    assert small(method, 1, epochs=2).fit(bars(each=1)[0][:1]).labels_.tolist() == [0]


@pytest.mark.parametrize("method", SMALL)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "alexnet"}, "network is 'alexnet'; give one of vgg, resnet18, resnet34, vgg5x5, allconv"),
        ({"crops": (12, 13)}, "crops holds 13 but images are 12 x 12 pixels; give at most 12"),
        ({"crops": ()}, "crops is empty; give at least one size, or null for a choice by image size"),
        ({"crops": 12}, "crops is 12; give a list of whole numbers, or null"),
        ({"flip": 1}, "flip is 1; give true or false"),
        ({"epochs": 0}, "epochs is 0; give a whole number of at least 1"),
        ({"input_size": 8}, "input_size is 8; give a whole number of at least 16"),
        ({"n_clusters": 61}, "n_clusters is 61 but there are 60 images"),
        ({"learning_rate": 1e38}, r"the \w+.* became (nan|inf) in epoch 1; lower learning_rate, which is 1e\+38"),
    ],
)
def test_what_cannot_be_is_refused(method: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        small(method, **changes).fit(bars()[0])


@pytest.mark.parametrize("method", SMALL)
def test_several_processes_are_refused(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Group, "current", lambda: Group(0, 2))
    with pytest.raises(ParameterError, match="networks on images are trained by one process; start it without"):
        small(method).fit(bars()[0])


@pytest.mark.parametrize("method", SMALL)
def test_presets_are_settings_that_can_be_trained(method: str) -> None:
    kind, _ = SMALL[method]
    for preset in kind.PRESETS.values():  # type: ignore[attr-defined]
        kind(**preset).check_parameters()
