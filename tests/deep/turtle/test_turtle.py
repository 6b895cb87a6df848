"""TURTLE as an estimator: drawn clusters, labels, files, resumption, and bad parameters."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import normalized_mutual_info_score

from stages.core.errors import ParameterError
from stages.deep.models import read_model, write_model
from stages.deep.turtle.estimators import TURTLE, TURTLEFix
from stages.tables.methods import FeatureMethod
from tests.deep.interruption import Killed, Memory, Mortal
from tests.deep.toy import outputs, refusal, trained

Blobs = tuple[list[np.ndarray], np.ndarray]
# Few features: the classifiers need longer steps than on the thousand of a network.
FAST: dict[str, Any] = {"iterations": 120, "learning_rate": 0.02, "inner_learning_rate": 0.1, "random_state": 0}


@pytest.mark.parametrize("given", [{}, {"joined": True}, {"batch_size": 30}, {"warm_start": True}])
def test_it_finds_the_drawn_clusters(blobs: Blobs, given: dict[str, Any]) -> None:
    views, classes = blobs
    model = TURTLE(3, **FAST, **given).fit(views)
    assert normalized_mutual_info_score(classes, model.labels_) == pytest.approx(1)
    assert [record.iterations for record in model.history_] == [50, 100, 120]
    assert 0 <= model.history_[-1].loss < model.history_[0].loss


def test_two_spaces_are_better_than_one_that_confuses_two_classes(blobs: Blobs) -> None:
    """The first view has classes 0 and 1 alike, the second 1 and 2: no view alone parts all three."""
    views, classes = blobs
    one, two = views[0].copy(), views[1].copy()
    one[classes == 1] = one[classes == 0]
    two[classes == 2] = two[classes == 1]
    model = TURTLE(3, **FAST).fit([one, two])
    assert normalized_mutual_info_score(classes, model.labels_) == pytest.approx(1)


def test_an_embedding_is_the_share_of_each_cluster_and_the_largest_is_the_label(blobs: Blobs) -> None:
    views, _ = blobs
    model = TURTLE(3, **FAST).fit(views)
    np.testing.assert_allclose(model.embedding_.sum(axis=1), 1, rtol=1e-5)
    assert np.array_equal(model.embedding_.argmax(axis=1), model.labels_)
    assert np.array_equal(model.predict([view[:5] for view in views]), model.labels_[:5])


@pytest.mark.parametrize("joined", [False, True])
def test_the_file_of_a_labeller_labels_as_it_does(blobs: Blobs, tmp_path: Path, joined: bool) -> None:
    views, _ = blobs
    model = TURTLE(3, **FAST, joined=joined).fit(views)
    write_model(tmp_path / "model.safetensors", model, {})
    read = read_model(tmp_path / "model.safetensors")
    np.testing.assert_allclose(read.transform(views), model.embedding_, atol=1e-6)
    assert np.array_equal(read.predict(views)[0], model.labels_)


@pytest.mark.parametrize("given", [{}, {"batch_size": 20}, {"warm_start": True}])
def test_killed_in_any_step_it_ends_with_the_same_bytes(blobs: Blobs, given: dict[str, Any]) -> None:
    views, _ = blobs
    whole = TURTLE(3, **FAST, **given).fit(views)
    held = None
    for lifetime in (7, 43, 1):  # within a record, at the end of one, and right after it
        checkpoint = Mortal(lifetime, held)
        with pytest.raises(Killed):
            TURTLE(3, **FAST, **given, checkpoint=checkpoint).fit(views)
        held = checkpoint.held
    rest = Memory(held)
    again = TURTLE(3, **FAST, **given, checkpoint=rest).fit(views)
    assert rest.saved == 120 - 51
    assert np.array_equal(again.embedding_, whole.embedding_)
    weights = whole.encoder_.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in again.encoder_.state_dict().items())
    assert str(again.history_) == str(whole.history_)
    assert TURTLE(3, **{**FAST, "random_state": 1}).fit(views).embedding_.tobytes() != whole.embedding_.tobytes()


def test_a_state_of_another_training_is_named(blobs: Blobs) -> None:
    checkpoint = Mortal(3)
    with pytest.raises(Killed):
        TURTLE(3, **FAST, checkpoint=checkpoint).fit(blobs[0])
    with pytest.raises(ParameterError, match=r"is the state of another training, .*; remove it"):
        TURTLE(4, **FAST, checkpoint=Memory(checkpoint.held)).fit(blobs[0])
    with pytest.raises(ParameterError, match="is the state of another training, it lacks "):
        TURTLE(3, **FAST, warm_start=True, checkpoint=Memory(checkpoint.held)).fit(blobs[0])


def test_the_fixed_one_matches_the_numbers_of_clusters_and_changes_no_labeller(blobs: Blobs) -> None:
    """The second labeller has the first's clusters under other numbers; put right, both say the same."""
    views, classes = blobs
    alone = [TURTLE(3, **FAST).fit([view]) for view in views]
    weights = [dict(model.encoder_.state_dict()) for model in alone]
    turned = [weights[0], {name: value[[2, 0, 1]] for name, value in weights[1].items()}]
    models = [TURTLEFix(3, random_state=0).fit(views, labellers=given) for given in (weights, turned)]
    assert np.array_equal(models[0].labels_, alone[0].labels_)
    assert normalized_mutual_info_score(classes, models[0].labels_) == pytest.approx(1)
    np.testing.assert_array_equal(models[0].embedding_, models[1].embedding_)
    kept = models[1].encoder_.state_dict()
    assert sorted(kept["spaces.1.bias"].tolist()) == sorted(weights[1]["spaces.0.bias"].tolist())
    assert torch.equal(kept["spaces.0.weight"], weights[0]["spaces.0.weight"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"iterations": 0}, "iterations is 0; give a whole number of at least 1"),
        ({"inner_steps": 1.5}, "inner_steps is 1.5; give a whole number of at least 1"),
        ({"gamma": -1}, "gamma is -1; give a number of at least 0"),
        ({"inner_learning_rate": float("nan")}, "inner_learning_rate is nan; give a number"),
    ],
)
def test_bad_parameters_are_named(blobs: Blobs, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as raised:
        TURTLE(3, **given).fit(blobs[0])
    assert str(raised.value).startswith(message)


def test_a_search_that_blows_up_says_which_steps_are_too_long(blobs: Blobs) -> None:
    with pytest.raises(ParameterError, match=r"the loss became \S+ in step \d+; lower learning_rate, which is 1e"):
        TURTLE(3, iterations=50, learning_rate=1e30, inner_learning_rate=1e30, random_state=0).fit(blobs[0])


def test_clusters_that_stay_empty_are_warned_of(blobs: Blobs) -> None:
    with pytest.warns(UserWarning, match=r"clusters are empty; ask for fewer clusters, or raise gamma"):
        TURTLE(20, **{**FAST, "gamma": 0.0}).fit(blobs[0])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("gama=1", "turtle has no parameter 'gama'; did you mean gamma"),
        ("joined=true", "turtle has no parameter 'joined'; did you mean"),
        ("iterations=many", "turtle.iterations is 'many'; give a whole number"),
        ("iterations=-1", "iterations is -1; give a whole number of at least 1"),
        ("preset=published", "turtle.preset is 'published'; give one of none, released"),
    ],
)
def test_bad_lines_of_parameters_are_refused(project: Path, line: str, message: str) -> None:
    assert refusal("turtle", FeatureMethod.DMVC, "--set", line).startswith(message)
    assert not outputs("turtle")


def test_the_fixed_one_needs_the_views_labellers(project: Path) -> None:
    assert "turtle/views/wide.safetensors does not exist" in refusal("turtle", "dmvc-fix")
    trained("turtle", "views")
    assert "was trained on other scaling than now" in refusal("turtle", "dmvc-fix", "--scaling", "l2")
