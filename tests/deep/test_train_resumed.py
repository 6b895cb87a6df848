"""The train stage run twice, killed and run again, or twice at once."""

import multiprocessing
import os
import re
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages import train as stage
from stages.tables.methods import FeatureMethod
from tests.deep.toy import arguments, outputs, refusal, train, trained


@pytest.mark.parametrize(("objective", "init"), [("jule", None), ("idec", "consensus"), ("idec", "kmeans")])
def test_the_same_seed_gives_the_same_bytes(project: Path, objective: str, init: str | None) -> None:
    options = [] if init is None else ["--set", f"init={init}"]

    def of_seed(seed: str) -> dict[str, bytes]:
        for method in ("views", "dmvc-fix", "dmvc"):
            assert train(objective, method, "--seed", seed, *options).exit_code == 0
        return outputs(objective)

    first = of_seed("1")
    assert of_seed("1") == first
    other = of_seed("2")
    networks = [name for name in first if "/models/" in name]
    assert all(other[name] != first[name] for name in networks)


def _train_until_killed(folder: Path, given: list[str], saves: int, after: bool, resumed: Any) -> None:
    """In a process of its own: train, and die at the given save of a state, before or after it is written."""
    import torch

    from stages.deep.checkpoint import FileCheckpoint

    os.chdir(folder)
    torch.set_num_threads(1)
    save, load, left = FileCheckpoint.save, FileCheckpoint.load, iter(range(saves - 1, -1, -1))

    def saving(self: FileCheckpoint, state: Any) -> None:
        last = next(left, None) == 0
        if not last or after:
            save(self, state)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)

    def loading(self: FileCheckpoint) -> Any:
        state = load(self)
        resumed.value += state is not None
        return state

    FileCheckpoint.save, FileCheckpoint.load = saving, loading  # type: ignore[method-assign, assignment]
    stage.app(given)


@pytest.mark.parametrize(
    ("objective", "method", "kills"),
    [
        ("idec", "views", [(3, False), (12, True)]),
        ("jule", "dmvc", [(2, True)]),
        ("turtle", "dmvc", [(3, False), (60, True)]),
        ("temi", "dmvc", [(3, False), (60, True)]),
    ],
)
def test_killed_anywhere_and_run_again_it_ends_with_the_same_bytes(
    project: Path, objective: str, method: str, kills: list[tuple[int, bool]]
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [__name__, "stages.deep.jule.dmvc", "stages.deep.dec.estimators", "stages.deep.distributed"]
    )
    resumed = context.Value("i", 0)

    def run(saves: int, after: bool) -> int | None:
        given = [*arguments(objective, method), "--checkpoint-seconds", "0"]
        process = context.Process(target=_train_until_killed, args=(project, given, saves, after, resumed))
        process.start()
        process.join()
        return process.exitcode

    methods = list(FeatureMethod)
    trained(objective, *methods[: methods.index(FeatureMethod(method)) + 1])
    expected = outputs(objective)
    own = {file for file in expected if re.search(rf"[/-]{method}[./]", file)}
    assert len(own) > 3
    for file in own:
        Path(file).unlink()
    for saves, after in kills:
        assert run(saves, after) == -signal.SIGKILL
        assert list(Path("data/scratch/train").rglob("*.safetensors"))
    assert run(10**6, True) == 0
    assert resumed.value >= len(kills)
    assert outputs(objective) == expected
    assert not list(Path("data/scratch/train").rglob("*.safetensors"))


def test_a_state_of_other_features_or_parameters_is_not_gone_on_from(project: Path) -> None:
    from stages.training.job import training_fingerprint

    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    known = training_fingerprint([values], {"gamma": 1.0})
    assert training_fingerprint([values.copy()], {"gamma": 1.0}) == known
    assert training_fingerprint([values.reshape(3, 2)], {"gamma": 1.0}) != known
    assert training_fingerprint([values + 1], {"gamma": 1.0}) != known
    assert training_fingerprint([values], {"gamma": 0.5}) != known


def test_two_runs_of_one_method_at_once_are_refused(project: Path) -> None:
    from stages.core.lock import locked

    with locked(Path("data/scratch/train/toy/idec/cc.lock"), "it"):
        assert refusal("idec", "cc").startswith("another process is at work on toy: idec/cc")
        trained("idec", "views")
