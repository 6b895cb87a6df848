"""The epochs of noise as targets: when targets are exchanged, and what is learnt of them."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from stages.core.errors import ParameterError
from stages.deep.nat.nat import NAT
from stages.deep.nat.training import NoiseTraining
from tests.deep.drawn import bars, started


def small(**changes: Any) -> NAT:
    options = {"network": "vgg", "crops": (12,), "input_size": 16, "batch_size": 12, "flip": False, "epochs": 4}
    return NAT(3, **{**options, "dimensions": 8, "random_state": 0, **changes})


def training(**changes: Any) -> NoiseTraining:
    run: NoiseTraining = started(small(**changes), bars(each=8)[0])
    return run


def test_separate_classes_are_found() -> None:
    images, classes = bars()
    model = small().fit(images)
    assert adjusted_rand_score(classes, model.labels_) > 0.5, "far above chance, 0"
    assert np.array_equal(model.predict(images), model.labels_)
    assert model.embedding_.shape == (60, 1024) and model.cluster_centers_.shape == (3, 1024)


def test_targets_are_exchanged_in_every_third_epoch_and_never_lost() -> None:
    run = training(permute_every=3)
    noise = run.noise.clone()
    records = [run.epoch() for _ in range(4)]
    assert [record.phase for record in records] == ["permute", "keep", "keep", "permute"]
    assert records[0].moved > 0.3 and records[1].moved == records[2].moved == 0
    assert sorted(run.owned.tolist()) == list(range(24)), "each point belongs to one image"
    assert torch.equal(run.noise, noise)


def test_images_exchange_targets_with_those_of_their_batch_alone() -> None:
    run = training(batch_size=12, epochs=1)
    batches = [set(batch.tolist()) for batch in run._batches()]
    run.order.manual_seed(1)  # as `training` did: the same batches again
    run.epoch()
    for batch in batches:
        assert {int(run.owned[image]) for image in batch} == batch


def test_the_loss_is_the_least_mean_squared_distance_in_the_batch() -> None:
    """Against float64 numpy and scipy, for the one batch of an epoch that changes nothing."""
    from scipy.optimize import linear_sum_assignment

    run = training(learning_rate=0.0, batch_size=100)
    record = run.epoch()
    views = run.augmentation.views(run.images, torch.Generator())  # whole images: nothing is drawn
    with torch.no_grad():
        outputs = run.network.train().output(run.network.features(views)).double().numpy()
    outputs /= np.linalg.norm(outputs, axis=1, keepdims=True)
    costs = ((outputs[:, None] - run.noise.double().numpy()) ** 2).sum(axis=2)
    rows, columns = linear_sum_assignment(costs)
    assert record.loss == pytest.approx(costs[rows, columns].mean(), rel=1e-4)
    assert record.moved == pytest.approx((columns != rows).mean())


def test_outputs_come_nearer_to_targets_that_they_keep() -> None:
    run = training(permute_every=100, learning_rate=0.1)
    _, first, *_, last = (run.epoch().loss for _ in range(12))
    assert last < first - 0.1 < 1.9, "2 is what an output far from all targets costs"


def test_a_step_goes_down_the_sum_over_the_batch() -> None:
    run = training(batch_size=100, learning_rate=0.01, permute_every=100)
    run.epochs = 1  # targets stay
    weight = run.network.output.weight
    before = weight.detach().clone()
    views = run.augmentation.views(run.images, torch.Generator())
    points = torch.nn.functional.normalize(run.network.train().output(run.network.features(views)))
    (gradient,) = torch.autograd.grad((points - run.noise).square().sum(), weight)
    run.epoch()
    torch.testing.assert_close(weight.detach(), before - 0.01 * gradient, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dimensions": 0}, "dimensions is 0; give a whole number of at least 1"),
        ({"permute_every": 0}, "permute_every is 0; give a whole number of at least 1"),
        ({"permute_every": 1.5}, "permute_every is 1.5; give a whole number of at least 1"),
        ({"n_init": 0}, "n_init is 0; give a whole number of at least 1"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        small(**changes).fit(bars()[0])
