"""TEMI as an estimator: drawn clusters, labels, files, resumption, and bad parameters."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import normalized_mutual_info_score

from stages.core.errors import ParameterError
from stages.deep.models import read_model, write_model
from stages.deep.temi.estimators import TEMI, TEMIFix
from stages.tables.methods import FeatureMethod
from tests.deep.interruption import Killed, Memory, Mortal
from tests.deep.toy import outputs, refusal, trained

Blobs = tuple[list[np.ndarray], np.ndarray]
FAST: dict[str, Any] = {
    "iterations": 120,
    "learning_rate": 0.005,
    "teacher_momentum": 0.9,
    "n_heads": 3,
    "width": 16,
    "random_state": 0,
}


@pytest.mark.parametrize("given", [{}, {"joined": True}, {"batch_size": 30}])
def test_the_defaults_find_the_drawn_clusters(blobs: Blobs, given: dict[str, Any]) -> None:
    views, classes = blobs
    model = TEMI(3, random_state=0, **given).fit(views)
    assert normalized_mutual_info_score(classes, model.labels_) == pytest.approx(1)
    assert model.history_[-1].loss < model.history_[0].loss
    assert len(model.history_) == TEMI().iterations / 50


@pytest.mark.parametrize("given", [{}, {"n_neighbors": 3}, {"bottleneck": 5}, {"n_heads": 1}, {"centre": False}])
def test_other_settings_find_them_too(blobs: Blobs, given: dict[str, Any]) -> None:
    views, classes = blobs
    model = TEMI(3, **{**FAST, **given}).fit(views)
    assert normalized_mutual_info_score(classes, model.labels_) == pytest.approx(1)
    assert [record.iterations for record in model.history_] == [50, 100, 120]


def test_two_views_are_better_than_one_that_confuses_two_classes(blobs: Blobs) -> None:
    """The first view has classes 0 and 1 alike, the second 1 and 2: no view alone parts all three."""
    views, classes = blobs
    one, two = views[0].copy(), views[1].copy()
    one[classes == 1] = one[classes == 0]
    two[classes == 2] = two[classes == 1]
    model = TEMI(3, **FAST).fit([one, two])
    assert normalized_mutual_info_score(classes, model.labels_) == pytest.approx(1)


def test_an_embedding_is_the_share_of_each_cluster_and_the_largest_is_the_label(blobs: Blobs) -> None:
    views, _ = blobs
    model = TEMI(3, **FAST).fit(views)
    np.testing.assert_allclose(model.embedding_.sum(axis=1), 1, rtol=1e-5)
    assert np.array_equal(model.embedding_.argmax(axis=1), model.labels_)
    assert np.array_equal(model.labels_, model.history_[-1].labels)
    assert np.array_equal(model.predict([view[:5] for view in views]), model.labels_[:5])


@pytest.mark.parametrize("given", [{}, {"joined": True}, {"scaling": "global", "bottleneck": 5}])
def test_the_file_of_a_head_labels_as_it_does(blobs: Blobs, tmp_path: Path, given: dict[str, Any]) -> None:
    views, _ = blobs
    model = TEMI(3, **FAST, **given).fit(views)
    write_model(tmp_path / "model.safetensors", model, {})
    read = read_model(tmp_path / "model.safetensors")
    np.testing.assert_allclose(read.transform(views), model.embedding_, atol=1e-6)
    assert np.array_equal(read.predict(views)[0], model.labels_)


@pytest.mark.parametrize("given", [{}, {"batch_size": 20}])
def test_killed_in_any_step_it_ends_with_the_same_bytes(blobs: Blobs, given: dict[str, Any]) -> None:
    views, _ = blobs
    whole = TEMI(3, **FAST, **given).fit(views)
    held = None
    for lifetime in (7, 43, 1):  # within a record, at the end of one, and right after it
        checkpoint = Mortal(lifetime, held)
        with pytest.raises(Killed):
            TEMI(3, **FAST, **given, checkpoint=checkpoint).fit(views)
        held = {name: value.clone() for name, value in (checkpoint.held or {}).items()}
    rest = Memory(held)
    again = TEMI(3, **FAST, **given, checkpoint=rest).fit(views)
    assert rest.saved == 120 - 51
    assert np.array_equal(again.embedding_, whole.embedding_)
    weights = whole.encoder_.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in again.encoder_.state_dict().items())
    assert str(again.history_) == str(whole.history_)
    assert TEMI(3, **{**FAST, "random_state": 1}).fit(views).embedding_.tobytes() != whole.embedding_.tobytes()


def test_a_state_of_another_training_is_named(blobs: Blobs) -> None:
    checkpoint = Mortal(3)
    with pytest.raises(Killed):
        TEMI(3, **FAST, checkpoint=checkpoint).fit(blobs[0])
    for other in ({"n_heads": 4}, {"width": 8}, {"joined": True}):
        with pytest.raises(ParameterError, match=r"is the state of another training, .*; remove it"):
            TEMI(3, **{**FAST, **other}, checkpoint=Memory(checkpoint.held)).fit(blobs[0])


def test_half_precision_finds_them_and_embeds_in_full(blobs: Blobs) -> None:
    views, classes = blobs
    model = TEMI(3, **FAST, precision="bfloat16").fit(views)
    assert normalized_mutual_info_score(classes, model.labels_) == pytest.approx(1)
    assert model.embedding_.dtype == np.float32


def test_the_fixed_one_matches_the_numbers_of_clusters_and_changes_no_head(blobs: Blobs) -> None:
    """The second head has the first's clusters under other numbers; put right, both say the same."""
    views, classes = blobs
    alone = [TEMI(3, **FAST).fit([view]) for view in views]
    weights = [dict(model.encoder_.state_dict()) for model in alone]
    last = "spaces.0.4.weight"
    turned = [weights[0], {**weights[1], last: weights[1][last][[2, 0, 1]]}]
    models = [TEMIFix(3, width=16, random_state=0).fit(views, heads=given) for given in (weights, turned)]
    assert np.array_equal(models[0].labels_, alone[0].labels_)
    assert normalized_mutual_info_score(classes, models[0].labels_) == pytest.approx(1)
    np.testing.assert_array_equal(models[0].embedding_, models[1].embedding_)
    kept = models[1].encoder_.state_dict()
    assert torch.equal(kept["spaces.0.0.weight"], weights[0]["spaces.0.0.weight"])
    assert torch.equal(kept["spaces.1.2.bias"], weights[1]["spaces.0.2.bias"])
    assert sorted(kept["spaces.1.4.weight"].tolist()) == sorted(weights[1][last].tolist())


@pytest.mark.filterwarnings("ignore:.*clusters are empty:UserWarning")
def test_one_cluster_and_as_many_as_images() -> None:
    view = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    assert TEMI(1, **FAST).fit([view]).labels_.tolist() == [0, 0, 0, 0]
    assert TEMI(1, **FAST).fit([view[:1]]).labels_.tolist() == [0]
    assert len(TEMI(4, **FAST).fit([view]).embedding_) == 4


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"iterations": 0}, "iterations is 0; give a whole number of at least 1"),
        ({"n_heads": 1.5}, "n_heads is 1.5; give a whole number of at least 1"),
        ({"n_neighbors": 0}, "n_neighbors is 0; give a whole number of at least 1"),
        ({"bottleneck": 0}, "bottleneck is 0; give a whole number of at least 1"),
        ({"beta": 0}, "beta is 0; give a number above 0"),
        ({"temperature": float("nan")}, "temperature is nan; give a number"),
        ({"teacher_momentum": 1}, "teacher_momentum is 1; give a share from 0 to below 1"),
        ({"centre": 1}, "centre is 1; give true or false"),
        ({"warm_up": 1.5}, "warm_up is 1.5; give a share from 0 to below 1"),
        ({"weight_decay": -1}, "weight_decay is -1; give a number of at least 0"),
    ],
)
def test_bad_parameters_are_named(blobs: Blobs, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as raised:
        TEMI(3, **given).fit(blobs[0])
    assert str(raised.value).startswith(message)


def test_a_training_that_blows_up_says_which_steps_are_too_long(blobs: Blobs) -> None:
    with pytest.raises(ParameterError, match=r"the loss became \S+ in step \d+; lower learning_rate, which is 1e"):
        TEMI(3, **{**FAST, "learning_rate": 1e38}).fit(blobs[0])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("head=1", "temi has no parameter 'head'; did you mean n_heads"),
        ("joined=true", "temi has no parameter 'joined'; did you mean"),
        ("iterations=many", "temi.iterations is 'many'; give a whole number"),
        ("n_neighbors=few", "temi.n_neighbors is 'few'; give a whole number or null"),
        ("iterations=-1", "iterations is -1; give a whole number of at least 1"),
        ("preset=published", "temi.preset is 'published'; give one of none, released"),
    ],
)
def test_bad_lines_of_parameters_are_refused(project: Path, line: str, message: str) -> None:
    assert refusal("temi", FeatureMethod.DMVC, "--set", line).startswith(message)
    assert not outputs("temi")


def test_more_heads_than_memory_holds_are_refused(project: Path) -> None:
    message = refusal("temi", "cc", "--set", "n_heads=1000000", "--width", "65536")
    assert message.startswith("1000000 heads with a width of 65536 on 2 views would take ")
    assert message.endswith("; give fewer heads, or smaller widths or batches")


def test_the_fixed_one_needs_the_views_heads(project: Path) -> None:
    assert "temi/views/wide.safetensors does not exist" in refusal("temi", "dmvc-fix")
    trained("temi", "views")
    assert "was trained on other scaling than now" in refusal("temi", "dmvc-fix", "--scaling", "l2")
