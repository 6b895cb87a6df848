"""JULE and DMVC as estimators: what they find, repeat, refuse and take over."""

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from stages.core.errors import ParameterError
from stages.deep.clusters import share_changed
from stages.deep.jule.dmvc import DMVC, DMVCFix
from stages.deep.jule.on_features import JULE
from stages.deep.jule.parameters import Period

Blobs = tuple[list[np.ndarray], np.ndarray]
ALL = [JULE, DMVCFix, DMVC]


def small(estimator: type = JULE, n_clusters: int = 3, **changes: Any) -> Any:
    options = {"width": 16, "steps": 5, "n_neighbors": 5, "batch_size": 32, "random_state": 0}
    return estimator(n_clusters, **{**options, **changes})


@pytest.mark.parametrize("estimator", ALL)
def test_separate_classes_are_found(blobs: Blobs, estimator: type, device: str) -> None:
    views, labels = blobs
    model = small(estimator, device=device).fit(views)
    assert adjusted_rand_score(labels, model.labels_) == 1
    assert np.array_equal(model.predict(views), model.labels_)


@pytest.mark.parametrize("estimator", ALL)
@pytest.mark.parametrize("preset", JULE.PRESETS)
def test_paper_and_released_code_are_presets(blobs: Blobs, estimator: type, preset: str) -> None:
    views, labels = blobs
    model = small(estimator, **{**estimator.PRESETS[preset], "epochs": 2, "n_neighbors": 5}).fit(views)
    assert adjusted_rand_score(labels, model.labels_) > 0.9
    assert [period.phase for period in model.history_][-1] == "again"
    assert model.history_[-1].steps == 0, "the rerun is with the network fixed"


@pytest.mark.parametrize("length", [{"steps": 0}, {"epochs": 0}])
def test_without_any_steps_the_network_stays_as_it_begins(blobs: Blobs, length: dict[str, int]) -> None:
    views, labels = blobs
    model = small(learning_rate=1.0, **length).fit(views)
    still = small(learning_rate=0.0).fit(views)
    np.testing.assert_array_equal(model.embedding_, still.embedding_)
    assert {period.steps for period in model.history_} == {0} and np.isnan(model.history_[0].loss)
    assert adjusted_rand_score(labels, model.labels_) == 1


@pytest.mark.parametrize("estimator", ALL)
def test_one_view_is_enough(blobs: Blobs, estimator: type) -> None:
    views, labels = blobs
    assert adjusted_rand_score(labels, small(estimator).fit_predict(views[1:])) == 1


@pytest.mark.parametrize("estimator", ALL)
def test_what_is_learnt_has_the_promised_shapes(blobs: Blobs, estimator: type) -> None:
    model = small(estimator).fit(blobs[0])
    for labels in (model.labels_, model.forward_labels_, model.initial_labels_):
        assert (labels.shape, labels.dtype) == ((60,), np.int32)
    assert model.initial_labels_.max() > 2
    assert (model.embedding_.shape, model.embedding_.dtype) == ((60, 16), np.float32)
    np.testing.assert_allclose(np.linalg.norm(model.embedding_, axis=1), 1, rtol=1e-5)
    means = [model.embedding_[model.labels_ == label].mean(axis=0) for label in range(3)]
    np.testing.assert_allclose(model.cluster_centers_, means, rtol=1e-4, atol=1e-6)
    assert model.n_features_in_ == [12, 7]


def test_periods_merge_by_halves_and_then_start_again(blobs: Blobs) -> None:
    seen: list[Period] = []
    model = small(eta=0.5, reruns=2, progress=seen.append).fit(blobs[0])
    assert seen == model.history_
    counts = [model.initial_labels_.max() + 1] + [period.clusters for period in model.history_]
    merging = [period for period in model.history_ if period.phase == "merge"]
    for before, after in itertools.pairwise(counts[: len(merging) + 1]):
        assert after == max(3, before // 2)
    assert [period.phase for period in model.history_[len(merging) :]] == ["again", "again"]
    assert [period.clusters for period in model.history_[len(merging) :]] == [3, 3]
    assert all(period.steps == 5 for period in model.history_)
    assert np.array_equal(model.history_[len(merging) - 1].labels, model.forward_labels_)
    assert np.array_equal(model.history_[-1].labels, model.labels_)
    assert model.history_[-1].changed == 0


def test_training_lowers_the_loss(blobs: Blobs) -> None:
    model = small(start="xavier", steps=40, learning_rate=1e-3, reruns=3).fit(blobs[0])
    assert model.history_[-1].loss < 0.5 * model.history_[0].loss


def test_dmvc_takes_over_what_is_trained(blobs: Blobs) -> None:
    views, _ = blobs
    singles = [small(random_state=seed).fit([view]) for seed, view in enumerate(views)]
    fix = small(DMVCFix).fit(views, perceptrons=[single.encoder_.state_dict() for single in singles])
    for own, single in zip(fix.encoder_.views, singles, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(own.parameters(), single.encoder_.parameters(), strict=True))
    joint = small(DMVC, learning_rate=1e-2).fit(views, network=fix.encoder_.state_dict())
    pairs = zip(joint.encoder_.parameters(), fix.encoder_.parameters(), strict=True)
    assert all(not torch.equal(new, old) for new, old in pairs), "all perceptrons are trained"
    with pytest.raises(ParameterError, match="there are 1 perceptrons for 2 views"):
        small(DMVCFix).fit(views, perceptrons=[singles[0].encoder_.state_dict()])
    with pytest.raises(ParameterError, match=r"is the state of another training, its 0\.weight is"):
        small(DMVCFix, width=8).fit(views, perceptrons=[single.encoder_.state_dict() for single in singles])


def test_step_by_step_is_as_at_once(blobs: Blobs) -> None:
    views, _ = blobs
    whole, fix = small(DMVC).fit(views), small(DMVCFix).fit(views)
    again = small(DMVC).fit(views, network=fix.encoder_.state_dict())
    assert np.array_equal(whole.embedding_, again.embedding_)
    assert len(whole.history_) == len(fix.history_) + len(again.history_)


@pytest.mark.parametrize("estimator", ALL)
def test_the_same_seed_gives_the_same_arrays(blobs: Blobs, estimator: type, device: str) -> None:
    first, same, other = (
        small(estimator, random_state=seed, learning_rate=1e-2, device=device).fit(blobs[0]) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.embedding_, same.embedding_)
    assert str(first.history_) == str(same.history_)
    assert not np.array_equal(first.embedding_, other.embedding_)


def test_global_random_states_are_neither_used_nor_changed(blobs: Blobs) -> None:
    torch.manual_seed(5)
    np.random.seed(5)
    before = torch.random.get_rng_state(), np.random.get_state()[1]
    small(DMVC).fit(blobs[0])
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


@pytest.mark.parametrize("estimator", ALL)
def test_products_in_bfloat16_are_noise(blobs: Blobs, estimator: type, device: str) -> None:
    views, labels = blobs
    exact, rough = (
        small(estimator, precision=precision, device=device).fit(views) for precision in ("float32", "bfloat16")
    )
    assert adjusted_rand_score(labels, rough.labels_) == 1
    assert rough.embedding_.dtype == np.float32
    losses = [[period.loss for period in model.history_] for model in (exact, rough)]
    assert losses[0] != losses[1]
    np.testing.assert_allclose(*losses, rtol=0.05)
    np.testing.assert_allclose(np.linalg.norm(rough.embedding_, axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("estimator", ALL)
@pytest.mark.parametrize("n_clusters", [1, 2, 30, 59, 60])
def test_any_number_of_clusters(blobs: Blobs, estimator: type, n_clusters: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labels = small(estimator, n_clusters).fit_predict(blobs[0])
    assert sorted(set(labels.tolist())) == list(range(n_clusters))


@pytest.mark.parametrize("estimator", ALL)
def test_constant_views_beside_others_do_no_harm(blobs: Blobs, estimator: type) -> None:
    views, labels = blobs
    model = small(estimator).fit([*views, np.full((60, 4), 7.0), np.zeros((60, 2))])
    assert adjusted_rand_score(labels, model.labels_) > 0.9


@pytest.mark.parametrize("estimator", ALL)
def test_copies_of_images(blobs: Blobs, estimator: type) -> None:
    views = [np.repeat(view[::6], 5, axis=0) for view in blobs[0]]
    labels = small(estimator).fit_predict(views)
    assert adjusted_rand_score(np.repeat(blobs[1][::6], 5), labels) == 1


def test_two_images() -> None:
    assert sorted(small(DMVC, 2).fit_predict([np.float32([[1, 0], [0, 1]])]).tolist()) == [0, 1]


@pytest.mark.parametrize(
    ("n_clusters", "views", "message"),
    [
        (5, [np.eye(4)], "n_clusters is 5 but there are 4 images; give a number from 1 to 4"),
        (2, [np.ones((4, 3))], "n_clusters is 2 but only 1 of the 4 images differ in any view"),
        (2, [np.full((4, 3), np.nan)], "view 0 has NaN"),
        (0, [np.eye(4)], "n_clusters is 0; give a whole number of at least 1"),
        (2, np.eye(4), "views is one array; give a list of arrays"),
        (2, [np.eye(4), np.eye(3)], "view 1 has 3 rows but view 0 has 4"),
    ],
)
def test_what_cannot_be_clustered_is_named(n_clusters: Any, views: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        small(JULE, n_clusters).fit(views)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 0}, "width is 0; give a whole number of at least 1"),
        ({"steps": 2.5}, "steps is 2.5; give a whole number"),
        ({"epochs": -1}, "epochs is -1"),
        ({"gamma": -1.0}, "gamma is -1.0; give a number of at least 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"eta": 1.0}, "eta is 1.0; give a share from 0 to below 1"),
        ({"eta": 0}, "eta is 0, and no cluster would ever be merged"),
        ({"scaling": "max"}, "scaling is 'max'; give one of"),
        ({"start": "zero"}, "start is 'zero'; give one of projection, xavier"),
        ({"negatives": "few"}, "negatives is 'few'; give one of all, nearest"),
        ({"update": "fast"}, "update is 'fast'; give one of exact, weighted, summed"),
        ({"one_sided": "no"}, "one_sided is 'no'; give true or false"),
        ({"learning_rate": 1e30}, "training ran away to a loss of .*; lower learning_rate, which is 1e[+]30"),
    ],
)
def test_bad_parameters_are_named(blobs: Blobs, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        small(JULE, **change).fit(blobs[0])


def test_new_images_must_have_the_views_of_the_training(blobs: Blobs) -> None:
    model = small(DMVC).fit(blobs[0])
    np.testing.assert_allclose(model.transform([view[5:6] for view in blobs[0]]), model.embedding_[5:6], atol=1e-5)
    with pytest.raises(ParameterError, match=r"the views have widths \[12\] but \[12, 7\] were trained on"):
        model.predict(blobs[0][:1])


def test_a_cluster_with_most_images_is_warned_of(blobs: Blobs) -> None:
    views, labels = blobs
    rows = np.flatnonzero((labels == 0) | (np.arange(60) % 5 == 0))
    with pytest.warns(UserWarning, match="one cluster holds 20 of 28 images"):
        small().fit([view[rows] for view in views])


def test_presets_name_parameters() -> None:
    for preset in JULE.PRESETS.values():
        assert preset.keys() <= JULE().get_params().keys()


def test_the_share_of_images_that_changed() -> None:
    # Clusters 0 and 1 have swapped their numbers, and one image of six has gone from one to the other.
    assert share_changed(np.array([0, 0, 0, 1, 1, 1]), np.array([1, 1, 0, 0, 0, 0])) == pytest.approx(1 / 6)
