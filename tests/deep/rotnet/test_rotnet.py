"""RotNet and K-means: rotations are learnt, the step size falls, features are clustered."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score
from torch import nn

from stages.core.errors import ParameterError
from stages.deep.augmentation import quarter_turns
from stages.deep.rotnet.rotnet import RotNet
from stages.deep.rotnet.training import RotationTraining
from tests.deep.drawn import bars, started


def corners(each: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Images whose upper left corner shows their rotation, and how bright the rest is, their class of three."""
    random = np.random.RandomState(0)
    classes = np.repeat(np.arange(3), each)
    images = random.randint(0, 20, (3 * each, 12, 12)) + 60 * classes[:, None, None]
    images[:, :4, :4] = 255
    return images.astype(np.uint8), classes


def small(**changes: Any) -> RotNet:
    options = {"network": "vgg", "epochs": 6, "crops": (12,), "input_size": 16, "batch_size": 15, "flip": False}
    return RotNet(3, **{**options, "learning_rate": 0.05, "decay_epochs": (4,), "random_state": 0, **changes})


def training(**changes: Any) -> RotationTraining:
    run: RotationTraining = started(small(**changes), corners(4)[0][:, None])
    return run


def test_rotations_are_learnt_and_the_features_clustered() -> None:
    images, classes = corners()
    model = small().fit(images)
    assert model.history_[-1].loss < 0.5 * np.log(4), "half of what guessing costs"
    assert adjusted_rand_score(classes, model.labels_) > 0.5, "far above chance, 0"
    assert np.array_equal(model.predict(images), model.labels_)
    assert model.embedding_.shape == (60, 1024) and model.cluster_centers_.shape == (3, 1024)
    np.testing.assert_allclose(np.linalg.norm(model.embedding_, axis=1), 1, rtol=1e-5)
    for label in range(3):
        mean = model.embedding_[model.labels_ == label].mean(axis=0)
        np.testing.assert_allclose(model.cluster_centers_[label], mean, atol=1e-4)


def test_the_loss_is_the_cross_entropy_of_all_four_rotations() -> None:
    run = training(learning_rate=0.0, batch_size=100, input_size=16)
    record = run.epoch()
    views = run.augmentation.views(run.images, torch.Generator())  # whole images: nothing is drawn
    with torch.no_grad():
        logits = run.network.train().output(run.network.features(quarter_turns(views))).double()
    turns = torch.arange(4).repeat_interleave(len(run.images))
    expected = -logits.log_softmax(dim=1)[torch.arange(len(turns)), turns].mean().item()
    assert record.loss == pytest.approx(expected, rel=1e-4)
    assert record.loss == pytest.approx(nn.functional.cross_entropy(logits, turns).item(), rel=1e-4)


def test_the_step_size_falls_again_and_again() -> None:
    run = training(decay=0.2, decay_epochs=(1, 2), epochs=4)
    rates = []
    for _ in range(4):
        run.epoch()
        rates += [group["lr"] for group in run._optimiser.param_groups][:1]
    assert rates == pytest.approx([0.05, 0.01, 0.002, 0.002])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"decay_epochs": 3}, "decay_epochs is 3; give a list of whole numbers"),
        ({"decay_epochs": (0.5,)}, "decay_epochs is 0.5; give a whole number of at least 0"),
        ({"n_init": 0}, "n_init is 0; give a whole number of at least 1"),
        ({"momentum": 1.0}, "momentum is 1.0; give a share from 0 to below 1"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        small(**changes).fit(bars()[0])
