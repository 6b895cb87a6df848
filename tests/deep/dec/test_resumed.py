"""A training that was killed goes on from its checkpoint and ends with the same bytes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.core.errors import ParameterError
from stages.deep.checkpoint import FileCheckpoint
from stages.deep.dec.estimators import DEC, IDEC
from stages.deep.dec.parameters import Epoch
from stages.deep.view_encoding import trained_tensors
from tests.deep.interruption import Killed, Memory

Blobs = tuple[list[np.ndarray], np.ndarray]
OPTIONS: dict[str, Any] = {
    "width": 6,
    "pretrain_epochs": 4,
    "pretrain_noise": 0.1,
    "anchor_epochs": 3,
    "refine_epochs": 4,
    "tolerance": 0.0,
    "batch_size": 16,
    "update_interval": 3,  # 4 batches a pass: the target is older than the pass
    "random_state": 3,
}


def killed_after(epochs: int) -> Callable[[Epoch], None]:
    seen: list[Epoch] = []

    def progress(epoch: Epoch) -> None:
        seen.append(epoch)
        if len(seen) == epochs:
            raise Killed

    return progress


def assert_same(one: Any, other: Any) -> None:
    assert np.array_equal(one.labels_, other.labels_)
    assert np.array_equal(one.initial_labels_, other.initial_labels_)
    assert np.array_equal(one.embedding_, other.embedding_)
    assert {name: value.numpy().tobytes() for name, value in trained_tensors(one).items()} == {
        name: value.numpy().tobytes() for name, value in trained_tensors(other).items()
    }
    assert str(one.history_) == str(other.history_)
    for epoch, same in zip(one.history_, other.history_, strict=True):
        assert np.array_equal(epoch.labels, same.labels)
    assert one.n_iter_ == other.n_iter_


@pytest.mark.parametrize("estimator", [IDEC, DEC])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_killed_after_any_epoch_it_ends_with_the_same_bytes(blobs: Blobs, estimator: Any, optimiser: str) -> None:
    views, _ = blobs
    options = {**OPTIONS, "optimiser": optimiser, "learning_rate": 1e-2}
    whole = estimator(3, **options).fit(views)
    assert len(whole.history_) == 11
    for epochs in (1, 4, 5, 7, 8, 10, 11):
        checkpoint = Memory()
        with pytest.raises(Killed):
            estimator(3, **options, checkpoint=checkpoint, progress=killed_after(epochs)).fit(views)
        assert checkpoint.saved == epochs
        resumed = estimator(3, **options, checkpoint=checkpoint).fit(views)
        assert checkpoint.saved == 11  # what was done is not done again
        assert_same(resumed, whole)


@pytest.mark.parametrize("network", ["mvnet", (6, 4)])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_killed_while_it_learns_layer_by_layer(blobs: Blobs, network: Any, precision: str) -> None:
    """Two passes for each layer: a kill may come within one, between two, and before the whole network learns."""
    views, _ = blobs
    layers = 6 if network == "mvnet" else 2
    options = {**OPTIONS, "network": network, "precision": precision, "layer_epochs": 2, "refine_epochs": 1}
    whole = DEC(3, **options).fit(views)
    assert [epoch.phase for epoch in whole.history_].count("layer") == 2 * layers
    for epochs in (1, 2, 3, 2 * layers - 1, 2 * layers, 2 * layers + 1, 2 * layers + 5):
        checkpoint = Memory()
        with pytest.raises(Killed):
            DEC(3, **options, checkpoint=checkpoint, progress=killed_after(epochs)).fit(views)
        assert_same(DEC(3, **options, checkpoint=checkpoint).fit(views), whole)
        assert checkpoint.saved == len(whole.history_)


def test_killed_again_and_again(blobs: Blobs) -> None:
    views, _ = blobs
    checkpoint = Memory()
    for epochs in range(1, 12, 2):
        with pytest.raises(Killed):
            IDEC(3, **OPTIONS, checkpoint=checkpoint, progress=killed_after(epochs)).fit(views)
    assert_same(IDEC(3, **OPTIONS, checkpoint=checkpoint).fit(views), IDEC(3, **OPTIONS).fit(views))


def test_first_clusters_of_a_function_are_not_computed_again(blobs: Blobs) -> None:
    views, labels = blobs
    calls = []

    def init(*_: Any) -> np.ndarray:
        calls.append(1)
        return labels

    checkpoint = Memory()
    with pytest.raises(Killed):
        IDEC(3, **OPTIONS, init=init, checkpoint=checkpoint, progress=killed_after(2)).fit(views)
    model = IDEC(3, **OPTIONS, init=init, checkpoint=checkpoint).fit(views)
    assert len(calls) == 1
    assert_same(model, IDEC(3, **OPTIONS, init=init).fit(views))


def test_progress_is_told_of_the_epochs_before(blobs: Blobs) -> None:
    views, _ = blobs
    checkpoint, seen = Memory(), []
    with pytest.raises(Killed):
        IDEC(3, **OPTIONS, checkpoint=checkpoint, progress=killed_after(6)).fit(views)
    model = IDEC(3, **OPTIONS, checkpoint=checkpoint, progress=seen.append).fit(views)
    assert seen == model.history_


def test_a_training_that_came_to_rest_stays_so(blobs: Blobs) -> None:
    views, _ = blobs
    options = {**OPTIONS, "tolerance": 0.5, "update_interval": 2}
    checkpoint = Memory()
    whole = IDEC(3, **options, checkpoint=checkpoint).fit(views)
    saved = checkpoint.saved
    assert_same(IDEC(3, **options, checkpoint=checkpoint).fit(views), whole)
    assert checkpoint.saved == saved


PROGRAM = """
import os, signal, sys
from pathlib import Path
import numpy as np, torch
from stages.deep.checkpoint import FileCheckpoint
from stages.deep.dec.estimators import IDEC
from tests.deep.dec.test_resumed import OPTIONS
torch.set_num_threads(1)
folder = Path(sys.argv[1])
seen = []
def progress(epoch):
    seen.append(epoch)
    if len(seen) == 9:
        os.kill(os.getpid(), signal.SIGKILL)
views = [np.load(folder / "0.npy"), np.load(folder / "1.npy")]
checkpoint = FileCheckpoint(folder / "checkpoint.safetensors", "these", seconds=0)
IDEC(3, **OPTIONS, checkpoint=checkpoint, progress=progress).fit(views)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_killed_by_the_system_it_ends_with_the_same_bytes(blobs: Blobs, tmp_path: Path) -> None:
    views, _ = blobs
    for number, view in enumerate(views):
        np.save(tmp_path / f"{number}.npy", view)
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        cwd=root,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    checkpoint = FileCheckpoint(tmp_path / "checkpoint.safetensors", "these", seconds=0)
    assert len((checkpoint.load() or {})["history"]) == 9
    assert_same(IDEC(3, **OPTIONS, checkpoint=checkpoint).fit(views), IDEC(3, **OPTIONS).fit(views))


def test_a_checkpoint_of_other_parameters_counts_as_none(blobs: Blobs, tmp_path: Path) -> None:
    views, _ = blobs
    file = tmp_path / "checkpoint.safetensors"
    with pytest.raises(Killed):
        kept = FileCheckpoint(file, "gamma 1", seconds=0)
        IDEC(3, **OPTIONS, checkpoint=kept, progress=killed_after(6)).fit(views)
    model = IDEC(3, **OPTIONS, gamma=0.5, checkpoint=FileCheckpoint(file, "gamma 0.5", seconds=0)).fit(views)
    assert_same(model, IDEC(3, **OPTIONS, gamma=0.5).fit(views))


@pytest.mark.parametrize("epochs", [2, 6])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 7}, r"its network\S* is \(6, 12\) torch.float32 instead of \(7, 12\)|its \S+ is \(6, 12\)"),
        ({"network": (5, 5)}, r"it lacks \S+weight"),
    ],
)
def test_a_state_of_another_network_is_named(
    blobs: Blobs, epochs: int, change: dict[str, Any], message: str
) -> None:
    views, _ = blobs
    checkpoint = Memory()
    with pytest.raises(Killed):
        IDEC(3, **OPTIONS, checkpoint=checkpoint, progress=killed_after(epochs)).fit(views)
    with pytest.raises(ParameterError, match=r"is the state of another training, .*; remove it") as raised:
        IDEC(3, **{**OPTIONS, **change}, checkpoint=checkpoint).fit(views)
    assert raised.match(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_clusters": 4}, r"its \S+ is \(3, 6\) torch.float32 instead of \(4, 6\)"),
        ({"optimiser": "sgd"}, "its optimiser keeps exp_avg, exp_avg_sq, step of"),
    ],
)
def test_a_state_of_other_parameters_is_named(blobs: Blobs, change: dict[str, Any], message: str) -> None:
    views, _ = blobs
    checkpoint = Memory()
    with pytest.raises(Killed):
        IDEC(3, **OPTIONS, checkpoint=checkpoint, progress=killed_after(6)).fit(views)
    with pytest.raises(ParameterError, match=message):
        IDEC(**{"n_clusters": 3, **OPTIONS, **change}, checkpoint=checkpoint).fit(views)


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        ("first", torch.zeros(9, dtype=torch.int64), r"its first is \(9,\) torch.int64 instead of \(60,\)"),
        ("training.generator", torch.zeros(3), "its generator is"),
        ("training.epochs", None, "it lacks epochs"),
        ("phase", None, "it lacks phase"),
        ("history", torch.zeros(2), "its history is"),
        ("training.target", torch.zeros(60, 2), r"its target is \(60, 2\)"),
        ("training.optimiser.99.step", torch.zeros(()), "it has optimiser.99.step"),
    ],
)
def test_a_damaged_state_is_named(blobs: Blobs, name: str, tensor: Tensor | None, message: str) -> None:
    views, _ = blobs
    checkpoint = Memory()
    with pytest.raises(Killed):
        IDEC(3, **OPTIONS, checkpoint=checkpoint, progress=killed_after(9)).fit(views)
    held = {**(checkpoint.held or {}), name: tensor}
    checkpoint.held = {key: value for key, value in held.items() if value is not None}
    with pytest.raises(ParameterError, match=message):
        IDEC(3, **OPTIONS, checkpoint=checkpoint).fit(views)
