"""IDEC as an estimator: what it finds, repeats, refuses and warns of."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from numpy.random import RandomState
from sklearn.metrics import adjusted_rand_score

from stages.core.errors import ParameterError
from stages.deep import IDEC
from stages.deep.dec.parameters import Epoch
from stages.deep.view_encoding import trained_tensors

Blobs = tuple[list[np.ndarray], np.ndarray]


def small(n_clusters: int = 3, **changes: Any) -> IDEC:
    return IDEC(n_clusters, **{"width": 8, "pretrain_epochs": 10, "batch_size": 16, "random_state": 0, **changes})


@pytest.mark.parametrize("scaling", ["sqrt", "l2"])
def test_separate_classes_are_found(blobs: Blobs, scaling: str, device: str) -> None:
    views, labels = blobs
    model = small(scaling=scaling, device=device).fit(views)
    assert adjusted_rand_score(labels, model.labels_) == 1


def test_one_view_is_enough(blobs: Blobs) -> None:
    views, labels = blobs
    assert adjusted_rand_score(labels, small().fit_predict(views[1:])) == 1


def test_what_is_learnt_has_the_promised_shapes(blobs: Blobs) -> None:
    views, _ = blobs
    model = small().fit(views)
    assert (model.labels_.shape, model.labels_.dtype) == ((60,), np.int32)
    assert (model.embedding_.shape, model.embedding_.dtype) == ((60, 8), np.float32)
    assert (model.cluster_centers_.shape, model.cluster_centers_.dtype) == ((3, 8), np.float32)
    assert model.n_features_in_ == [12, 7]
    assert trained_tensors(model)["centers"].shape == (3, 8)


def test_labels_are_the_nearest_centers(blobs: Blobs) -> None:
    model = small().fit(blobs[0])
    distances = ((model.embedding_[:, None] - model.cluster_centers_[None]) ** 2).sum(axis=2)
    assert np.array_equal(model.labels_, distances.argmin(axis=1))


def test_images_can_be_clustered_later_and_alone(blobs: Blobs) -> None:
    views, _ = blobs
    model = small().fit(views)
    assert np.array_equal(model.predict(views), model.labels_)
    np.testing.assert_allclose(model.transform([view[5:6] for view in views]), model.embedding_[5:6], rtol=1e-4)
    with pytest.raises(ParameterError, match=r"the views have widths \[12\] but \[12, 7\] were trained on"):
        model.predict(views[:1])


def test_the_same_seed_gives_the_same_arrays(blobs: Blobs, device: str) -> None:
    first, same, other = (small(random_state=seed, device=device).fit(blobs[0]) for seed in (1, 1, 2))
    assert np.array_equal(first.labels_, same.labels_)
    assert np.array_equal(first.embedding_, same.embedding_)
    before, after = trained_tensors(first), trained_tensors(same)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert first.history_[10:] == same.history_[10:]
    assert not np.array_equal(first.embedding_, other.embedding_)


def test_global_random_states_are_neither_used_nor_changed(blobs: Blobs) -> None:
    torch.manual_seed(5)
    np.random.seed(5)
    before = torch.random.get_rng_state(), np.random.get_state()[1]
    small().fit(blobs[0])
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


def test_history_follows_the_phases(blobs: Blobs) -> None:
    seen: list[Epoch] = []
    model = small(anchor_epochs=4, refine_epochs=3, tolerance=0.0, progress=seen.append).fit(blobs[0])
    assert [epoch.phase for epoch in model.history_] == ["pretrain"] * 10 + ["anchor"] * 4 + ["refine"] * 3
    assert seen == model.history_
    assert model.n_iter_ == 3
    assert model.history_[9].reconstruction < model.history_[0].reconstruction
    assert model.history_[13].clustering < model.history_[10].clustering
    assert np.isnan(model.history_[0].changed)
    assert [epoch.labels is None for epoch in model.history_] == [True] * 10 + [False] * 7
    before, after = (model.history_[place].labels for place in (-2, -1))
    assert model.history_[-1].changed == np.mean(before != after)


def test_refinement_stops_when_no_cluster_changes(blobs: Blobs) -> None:
    model = small(refine_epochs=50, tolerance=0.001).fit(blobs[0])
    assert model.n_iter_ < 50
    assert model.history_[-1].changed == 0


def test_given_labels_are_learnt_by_anchoring(blobs: Blobs) -> None:
    # Every class is halved between two clusters, so that the centers at first stand for no cluster.
    views, labels = blobs
    given = np.where(np.arange(60) % 2 == 0, labels, (labels + 1) % 3)
    changes = {"init": given, "refine_epochs": 0, "width": 32, "learning_rate": 5e-3}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loose = small(anchor_epochs=0, **changes).fit(views)
    anchored = small(anchor_epochs=60, **changes).fit(views)
    assert (loose.labels_ == given).mean() < 0.7
    assert (anchored.labels_ == given).mean() > 0.9
    assert np.array_equal(anchored.initial_labels_, given)


def test_the_first_clusters_may_come_from_a_function_of_the_scaled_views(blobs: Blobs) -> None:
    views, labels = blobs

    def init(scaled: list[np.ndarray], n_clusters: int, random: RandomState) -> np.ndarray:
        assert [view.shape for view in scaled] == [view.shape for view in views]
        np.testing.assert_allclose((scaled[0] ** 2).mean(axis=1), 1, rtol=1e-5)
        return labels

    assert np.array_equal(small(init=init).fit(views).initial_labels_, labels)


def test_fewer_images_than_a_batch() -> None:
    views = [np.float32([[1, 0], [0, 1], [0, 1.1]])]
    labels = small(2, batch_size=256).fit_predict(views)
    assert labels[0] != labels[1] == labels[2]


def test_one_cluster(blobs: Blobs) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not small(1).fit(blobs[0]).labels_.any()


def test_a_constant_view_beside_others_does_no_harm(blobs: Blobs) -> None:
    views, labels = blobs
    model = small().fit([*views, np.full((60, 4), 7.0), np.zeros((60, 2))])
    assert adjusted_rand_score(labels, model.labels_) == 1


@pytest.mark.parametrize(
    ("n_clusters", "views", "message"),
    [
        (5, [np.eye(4)], "n_clusters is 5 but there are 4 images; give a number from 1 to 4"),
        (2, [np.ones((4, 3))], "n_clusters is 2 but only 1 of the 4 images differ in any view; give at most 1"),
        (2, [np.full((4, 3), np.nan)], "view 0 has NaN"),
        (0, [np.eye(4)], "n_clusters is 0; give a whole number of at least 1"),
        (2.5, [np.eye(4)], "n_clusters is 2.5; give a whole number"),
    ],
)
def test_what_cannot_be_clustered_is_named(n_clusters: Any, views: list[np.ndarray], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        small(n_clusters).fit(views)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "width is 0; give a whole number of at least 1"),
        ({"batch_size": True}, "batch_size is True"),
        ({"gamma": -1.0}, "gamma is -1.0; give a number of at least 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"scaling": "max"}, "scaling is 'max'; give one of sqrt, l2"),
        ({"init": "ward"}, "init is 'ward'"),
        ({"learning_rate": 1e30}, "loss became (nan|inf) in epoch .*; lower learning_rate, which is 1e[+]30"),
    ],
)
def test_bad_parameters_are_named(blobs: Blobs, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        small(**change).fit(blobs[0])


def test_a_cluster_with_most_images_is_warned_of(blobs: Blobs) -> None:
    views, labels = blobs
    rows = np.flatnonzero((labels == 0) | (np.arange(60) % 10 == 0))
    with pytest.warns(UserWarning, match="one cluster holds 20 of 24 images"):
        small(init=labels[rows]).fit([view[rows] for view in views])


def test_empty_clusters_are_warned_of(blobs: Blobs) -> None:
    views, labels = blobs
    # Cluster 3 is one image of every class: its center lies between them, nearest to none.
    given = labels.copy()
    given[[0, 20, 40]] = 3
    with pytest.warns(UserWarning, match="1 of 4 clusters are empty; ask for fewer clusters"):
        small(4, init=given, anchor_epochs=0, refine_epochs=0).fit(views)
