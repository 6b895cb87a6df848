"""Multi-modal deep clustering: what it finds, repeats and refuses, and how its epochs follow one another."""

import itertools
from typing import Any

import numpy as np
import pytest

from stages.core.errors import ParameterError
from stages.deep.mmdc.mmdc import MMDC
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


def test_empty_clusters_are_told() -> None:
    with pytest.warns(UserWarning, match=r"\d of 20 clusters are empty; ask for fewer clusters"):
        small(20, epochs=1).fit(bars()[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": 1e20, "epochs": 1, "batch_size": 100}, "the sum of the outputs became nan in epoch 1"),
        ({"momentum": 5.0}, r"momentum is 5\.0; give a share from 0 to below 1"),
        ({"means": "zero"}, "means is 'zero'; give one of one_hot, random"),
        ({"rotation_task": 1}, "rotation_task is 1; give true or false"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        small(**changes).fit(bars()[0])
