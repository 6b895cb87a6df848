"""DEC: the encoder alone learns, from the clustering loss alone; and what papers and code do differently."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from stages.core.errors import ParameterError
from stages.deep.dec.autoencoders import build_autoencoder
from stages.deep.dec.estimators import DEC, IDEC
from stages.deep.dec.pretraining import Pretraining
from stages.deep.view_encoding import trained_tensors

Blobs = tuple[list[np.ndarray], np.ndarray]
STACK = (16, 24, 4)


def small(n_clusters: int = 3, **changes: Any) -> DEC:
    return DEC(
        n_clusters, **{"network": STACK, "pretrain_epochs": 15, "batch_size": 16, "random_state": 0, **changes}
    )


@pytest.mark.parametrize("network", [STACK, "mlp", "mvnet"])
def test_separate_classes_are_found(blobs: Blobs, network: Any, device: str) -> None:
    views, labels = blobs
    model = small(network=network, width=8, device=device).fit(views)
    assert adjusted_rand_score(labels, model.labels_) == 1
    assert np.array_equal(model.predict(views), model.labels_)


def test_the_decoder_stays_as_pre_training_left_it(blobs: Blobs) -> None:
    views, _ = blobs
    before = small(refine_epochs=0).fit(views).network_.state_dict()
    model = small(refine_epochs=3, tolerance=0.0).fit(views)
    after = model.network_.state_dict()
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"encoder"}
    assert set(trained_tensors(model)) == {name for name in after if name.startswith("encoder.")} | {"centers"}, (
        "no decoder"
    )


def test_its_history_has_no_reconstruction_while_it_clusters(blobs: Blobs) -> None:
    history = small(refine_epochs=3, tolerance=0.0).fit(blobs[0]).history_
    assert [np.isnan(epoch.reconstruction) for epoch in history] == [False] * 15 + [True] * 3
    assert all(np.isnan(epoch.clustering) for epoch in history[:15])
    assert all(epoch.clustering > 0 for epoch in history[15:])


def test_one_step_is_the_papers(blobs: Blobs) -> None:
    """One batch of all images, plain gradient descent: the centers move by equation 5."""
    views, _ = blobs
    same = {"batch_size": 60, "momentum": 0.0, "learning_rate": 0.01, "reduction": "sum", "tolerance": 0.0}
    start = small(refine_epochs=0, **same).fit(views)
    one = small(refine_epochs=1, **same).fit(views)
    z, mu = start.embedding_.astype(float), start.cluster_centers_.astype(float)
    differences = z[:, None] - mu[None]
    kernel = 1 / (1 + (differences**2).sum(axis=2))
    q = kernel / kernel.sum(axis=1, keepdims=True)
    p = q**2 / q.sum(axis=0)
    p /= p.sum(axis=1, keepdims=True)
    gradient = -2 * ((kernel * (p - q))[:, :, None] * differences).sum(axis=0)
    moved = one.cluster_centers_ - start.cluster_centers_
    np.testing.assert_allclose(moved, -0.01 * gradient, rtol=1e-3, atol=1e-5)
    assert np.abs(moved).max() > 1e-3


def test_a_mean_of_a_batch_is_its_sum_with_a_smaller_step(blobs: Blobs) -> None:
    views, _ = blobs
    # Adam, which pre-trains, would hide the size of the loss but for its epsilon: there is no pre-training here.
    same = {"batch_size": 60, "pretrain_epochs": 0, "refine_epochs": 2, "tolerance": 0.0}
    mean = small(reduction="mean", learning_rate=0.03, **same).fit(views)
    total = small(reduction="sum", learning_rate=0.03 / 60, **same).fit(views)
    np.testing.assert_allclose(mean.embedding_, total.embedding_, rtol=1e-4, atol=1e-6)


def test_the_target_may_be_made_anew_between_batches_or_seldom(blobs: Blobs) -> None:
    views, _ = blobs  # 60 images, 4 batches of 16 a pass
    options = {"refine_epochs": 4, "tolerance": 0.0, "learning_rate": 0.05}
    seldom = small(update_interval=6, **options).fit(views).history_[15:]
    assert [np.isnan(epoch.changed) for epoch in seldom] == [True, False, False, True]  # after batches 6 and 12
    once = small(**options).fit(views)
    four = small(update_interval=4, **options).fit(views)
    two = small(update_interval=2, **options).fit(views)
    assert np.array_equal(once.embedding_, four.embedding_)
    assert not np.array_equal(once.embedding_, two.embedding_)


def test_rest_between_batches_ends_the_pass(blobs: Blobs) -> None:
    model = small(update_interval=1, tolerance=0.5, refine_epochs=9).fit(blobs[0])
    assert model.n_iter_ == 1
    assert model.history_[-1].changed < 0.5


def test_unshuffled_batches_come_in_order(blobs: Blobs) -> None:
    views, _ = blobs
    fixed = {"shuffle": False, "pretrain_epochs": 2, "refine_epochs": 0, "n_init": 1}
    first = small(**fixed).fit(views)
    # The last batch is the last to be learnt from: with the images turned round, the weights must be others.
    turned = small(**fixed).fit([view[::-1] for view in views])
    assert not np.allclose(first.embedding_, turned.embedding_[::-1], rtol=1e-3)
    shuffled = small(**{**fixed, "shuffle": True}).fit(views)
    assert not np.array_equal(first.embedding_, shuffled.embedding_)


def test_optimisers_differ_in_the_clustering_only(blobs: Blobs) -> None:
    adam, sgd = (small(optimiser=name, refine_epochs=2, tolerance=0.0).fit(blobs[0]) for name in ("adam", "sgd"))
    losses = [[epoch.reconstruction for epoch in model.history_[:15]] for model in (adam, sgd)]
    assert losses[0] == losses[1]
    assert not np.array_equal(adam.embedding_, sgd.embedding_)


@pytest.mark.parametrize("estimator", [DEC, IDEC])
def test_bfloat16_finds_the_same_clusters(blobs: Blobs, estimator: Any) -> None:
    views, labels = blobs
    model = estimator(
        3, network=STACK, pretrain_epochs=15, batch_size=16, random_state=0, precision="bfloat16"
    ).fit(views)
    assert adjusted_rand_score(labels, model.labels_) == 1
    assert model.embedding_.dtype == np.float32
    assert {value.dtype for value in trained_tensors(model).values()} == {torch.float32}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimiser": "lbfgs"}, "optimiser is 'lbfgs'; give one of adam, sgd"),
        ({"reduction": "max"}, "reduction is 'max'; give one of mean, sum"),
        ({"precision": "int8"}, "precision is 'int8'; give one of float32, bfloat16"),
        ({"pretrain_noise": 1.0}, "pretrain_noise is 1.0; give a share from 0 to below 1"),
        ({"momentum": -0.1}, "momentum is -0.1; give a number of at least 0"),
        ({"update_interval": 0}, "update_interval is 0; give a whole number of at least 1"),
        ({"network": "resnet"}, "network is 'resnet'"),
        ({"scaling": "max"}, "scaling is 'max'; give one of sqrt, l2, global, none"),
        ({"learning_rate": 1e30}, "the refine loss became nan in epoch .*; lower learning_rate, which is 1e[+]30"),
        ({"pretrain_learning_rate": 1e30}, "lower pretrain_learning_rate, which is 1e[+]30"),
    ],
)
def test_bad_parameters_are_named(blobs: Blobs, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        small(**change).fit(blobs[0])


@pytest.mark.parametrize("estimator", [DEC, IDEC])
@pytest.mark.parametrize("name", ["published", "released"])
def test_presets_are_arguments_that_work(blobs: Blobs, estimator: Any, name: str) -> None:
    views, labels = blobs
    few = {"layer_epochs": 10, "pretrain_epochs": 10, "batch_size": 30, "refine_epochs": 2, "update_interval": 2}
    given = {**estimator.PRESETS[name], **few}
    model = estimator(3, **given, random_state=0).fit([view / 2 for view in views])
    assert adjusted_rand_score(labels, model.labels_) == 1
    assert model.embedding_.shape == (60, 10)


def test_noise_drops_its_share_and_keeps_the_mean(blobs: Blobs) -> None:
    view = torch.ones(4000, 5)
    network = build_autoencoder("mlp", [5], 4)
    generator = torch.Generator().manual_seed(0)
    noisy = Pretraining(network, [view], DEC(pretrain_noise=0.2), generator, 0)._corrupted(view, 4000, 0.2)
    assert sorted(set(noisy.ravel().tolist())) == [0, 1.25]
    assert (noisy == 0).float().mean().item() == pytest.approx(0.2, abs=0.01)
    clean, dirty = (small(pretrain_noise=noise, refine_epochs=0).fit(blobs[0]) for noise in (0, 0.2))
    assert not np.array_equal(clean.embedding_, dirty.embedding_)
