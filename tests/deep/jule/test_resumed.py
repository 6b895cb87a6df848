"""JULE, DMVC and JULE on images killed at any state that was saved end with the same bytes."""

from typing import Any

import numpy as np
import pytest

from stages.clustering import candidates
from stages.core.errors import ParameterError
from stages.deep.jule.dmvc import DMVC
from stages.deep.jule.on_features import JULE
from stages.deep.jule.on_images import ImageJULE
from stages.deep.view_encoding import trained_tensors
from tests.deep.drawn import bars
from tests.deep.interruption import Killed, Memory, Mortal

Blobs = tuple[list[np.ndarray], np.ndarray]
OPTIONS: dict[str, Any] = {"width": 6, "steps": 5, "batch_size": 20, "n_neighbors": 4, "random_state": 2}


def assert_same(one: Any, other: Any) -> None:
    for name in ("labels_", "forward_labels_", "initial_labels_", "embedding_", "cluster_centers_"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert {name: value.numpy().tobytes() for name, value in trained_tensors(one).items()} == {
        name: value.numpy().tobytes() for name, value in trained_tensors(other).items()
    }
    assert str(one.history_) == str(other.history_)


@pytest.mark.parametrize("estimator", [JULE, DMVC])
@pytest.mark.parametrize(("optimiser", "negatives"), [("adam", "all"), ("sgd", "nearest")])
def test_killed_at_any_state(blobs: Blobs, estimator: Any, optimiser: str, negatives: str) -> None:
    views, _ = blobs
    options = {**OPTIONS, "optimiser": optimiser, "learning_rate": 0.01, "negatives": negatives}
    counted = Memory()
    whole = estimator(3, **options, checkpoint=counted).fit(views)
    assert counted.saved > 2 * len(whole.history_), "there are states within a period"
    for lifetime in range(1, counted.saved + 1, 1 if estimator is JULE else 4):
        first = Mortal(lifetime)
        with pytest.raises(Killed):
            estimator(3, **options, checkpoint=first).fit(views)
        second = Memory(first.held)
        assert_same(estimator(3, **options, checkpoint=second).fit(views), whole)
        assert second.saved == counted.saved - lifetime, "what was done is not done again"


@pytest.mark.parametrize("recall", [1.0, 0.5])  # candidates stay as they were first found, or are found again
def test_candidates_that_are_kept_survive(blobs: Blobs, recall: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "SHARED", 10)
    monkeypatch.setattr(candidates, "CANDIDATES", (16, 32))
    monkeypatch.setattr(candidates, "measure_recall", lambda *_: recall)
    views, _ = blobs
    counted = Memory()
    options = {**OPTIONS, "learning_rate": 0.01}
    whole = DMVC(3, **options, checkpoint=counted).fit(views)
    for lifetime in (1, 2 * counted.saved // 3, counted.saved - 1):
        first = Mortal(lifetime)
        with pytest.raises(Killed):
            DMVC(3, **options, checkpoint=first).fit(views)
        assert "training.candidates.0" in first.held
        assert_same(DMVC(3, **options, checkpoint=Memory(first.held)).fit(views), whole)
    assert {f"training.candidates.{number}" for number in range(len(views) + 1)} <= first.held.keys(), "all views'"


def test_killed_again_and_again(blobs: Blobs) -> None:
    views, _ = blobs
    held = None
    for _ in range(6):
        mortal = Mortal(7, held)
        with pytest.raises(Killed):
            DMVC(3, **OPTIONS, checkpoint=mortal).fit(views)
        held = mortal.held
    assert_same(DMVC(3, **OPTIONS, checkpoint=Memory(held)).fit(views), DMVC(3, **OPTIONS).fit(views))


def test_progress_is_told_of_the_periods_before(blobs: Blobs) -> None:
    views, _ = blobs
    first, seen = Mortal(8), []
    with pytest.raises(Killed):
        JULE(3, **OPTIONS, checkpoint=first).fit(views)
    model = JULE(3, **OPTIONS, checkpoint=Memory(first.held), progress=seen.append).fit(views)
    assert seen == model.history_


@pytest.mark.parametrize(
    ("change", "message"), [({"width": 7}, r"its \S+ is \(6, 19\)"), ({"optimiser": "sgd"}, "")]
)
def test_a_state_of_another_training_is_named(blobs: Blobs, change: dict[str, Any], message: str) -> None:
    views, _ = blobs
    first = Mortal(2)
    with pytest.raises(Killed):
        JULE(3, **OPTIONS, checkpoint=first).fit(views)
    with pytest.raises(ParameterError, match=f"is the state of another training, .*{message}"):
        JULE(3, **{**OPTIONS, **change}, checkpoint=Memory(first.held)).fit(views)


@pytest.mark.parametrize("changes", [{}, {"optimiser": "adam", "negatives": "all", "train_again": True}])
def test_images_killed_at_any_state(changes: dict[str, Any]) -> None:
    images, _ = bars(each=10)
    options: dict[str, Any] = {"width": 4, "epochs": 2, "n_neighbors": 4, "batch_size": 8, "eta": 0.5} | changes
    counted = Memory()
    whole = ImageJULE(3, **options, random_state=2, checkpoint=counted).fit(images)
    assert counted.saved > 2 * len([period for period in whole.history_ if period.steps])
    for lifetime in range(1, counted.saved + 1):
        first = Mortal(lifetime)
        with pytest.raises(Killed):
            ImageJULE(3, **options, random_state=2, checkpoint=first).fit(images)
        again = ImageJULE(3, **options, random_state=2, checkpoint=Memory(first.held)).fit(images)
        for name in ("labels_", "forward_labels_", "initial_labels_", "embedding_", "cluster_centers_"):
            assert np.array_equal(getattr(again, name), getattr(whole, name)), (lifetime, name)
        assert str(again.history_) == str(whole.history_)
