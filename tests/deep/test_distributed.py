"""Two processes train as one does: the same steps but for rounding, and the same partition."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.core.errors import ParameterError
from stages.deep.dec.estimators import DEC, IDEC
from stages.deep.distributed import Group, joined_group
from stages.deep.jule.dmvc import DMVC

ROOT = Path(__file__).parents[2]

TOGETHER = """
import os, sys
from pathlib import Path
import numpy as np, torch
from stages.deep.dec.estimators import DEC, IDEC
from stages.deep.distributed import joined_group
from stages.deep.jule.dmvc import DMVC
from tests.deep.test_distributed import OPTIONS, RECURRENT, pair_loss
torch.set_num_threads(1)
folder = Path(sys.argv[1])
child = os.fork()  # what takes time is to import torch
os.environ["RANK"] = os.environ["LOCAL_RANK"] = str(int(child == 0))
views = [np.load(folder / "0.npy"), np.load(folder / "1.npy")]
with joined_group("cpu") as (group, device):
    results = {}
    for estimator in (IDEC, DEC):
        model = estimator(3, **OPTIONS, device=device).fit(views)
        results[estimator.__name__] = model.labels_
        results[estimator.__name__ + "embedding"] = model.embedding_
        results[estimator.__name__ + "losses"] = [epoch.clustering for epoch in model.history_[16:]]
    model = DMVC(3, **RECURRENT, device=device).fit(views)
    results["DMVC"] = model.labels_
    results["DMVClosses"] = [period.loss for period in model.history_]
    weight = torch.tensor(np.load(folder / "weight.npy"), requires_grad=True)
    rows = torch.tensor(np.load(folder / "rows.npy"))
    whole = group.gather(group.share(rows) @ weight, len(rows))
    pair_loss(whole).backward()
    group.sum_gradients([weight])
    results["gradient"] = weight.grad
    results["whole"] = whole.detach()
    results["empty"] = group.gather(group.share(rows[:1]) @ weight, 1).detach()
    results["one"] = group.first(np.full(2, group.rank, np.int64))
    np.savez(folder / f"rank{group.rank}.npz", **results)
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

OPTIONS = {
    "width": 8,
    "layer_epochs": 1,
    "pretrain_epochs": 10,
    "pretrain_noise": 0.1,
    "anchor_epochs": 4,
    "refine_epochs": 3,
    "tolerance": 0.0,
    "batch_size": 17,  # slices of unequal sizes, and a last batch of 9
    "random_state": 0,
}

RECURRENT = {"width": 8, "steps": 6, "batch_size": 17, "n_neighbors": 4, "random_state": 0}


def pair_loss(embedding: torch.Tensor) -> torch.Tensor:
    """A loss that needs the whole batch: every row meets another."""
    return (embedding - embedding.flip(0)).square().sum(dim=1).add(1).log().sum()


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, np.ndarray]]]:
    """What two processes found, and the folder of their input."""
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot fork")
    folder = tmp_path_factory.mktemp("together")
    random = np.random.default_rng(7)
    labels = np.repeat(np.arange(3), 20)
    for number, width in enumerate((12, 7)):
        means = np.zeros((3, width))
        means[np.arange(3), 2 * np.arange(3)] = 4
        view = np.abs(means[labels] + 0.2 * random.normal(size=(60, width)))
        np.save(folder / f"{number}.npy", view.astype(np.float32))
    np.save(folder / "rows.npy", random.normal(size=(7, 3)))
    np.save(folder / "weight.npy", random.normal(size=(3, 2)))
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_port()), "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", TOGETHER, str(folder)],
        cwd=ROOT,
        env={**os.environ, **shared},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    results = []
    for rank in range(2):
        with np.load(folder / f"rank{rank}.npz") as found:
            results.append(dict(found))
    return folder, results


@pytest.mark.parametrize("estimator", [IDEC, DEC])
def test_two_processes_find_the_partition_of_one(
    together: tuple[Path, list[dict[str, np.ndarray]]], estimator: type
) -> None:
    folder, results = together
    alone = estimator(3, **OPTIONS).fit([np.load(folder / "0.npy"), np.load(folder / "1.npy")])
    name = estimator.__name__
    for found in results:
        assert np.array_equal(found[name], alone.labels_)
        np.testing.assert_allclose(found[name + "embedding"], alone.embedding_, atol=2e-3)
        np.testing.assert_allclose(
            found[name + "losses"], [epoch.clustering for epoch in alone.history_[16:]], rtol=1e-3
        )
    assert np.array_equal(results[0][name + "embedding"], results[1][name + "embedding"])


def test_triplets_are_formed_across_the_processes(
    together: tuple[Path, list[dict[str, np.ndarray]]],
) -> None:
    folder, results = together
    alone = DMVC(3, **RECURRENT).fit([np.load(folder / "0.npy"), np.load(folder / "1.npy")])
    for found in results:
        assert np.array_equal(found["DMVC"], alone.labels_)
        np.testing.assert_allclose(found["DMVClosses"], [period.loss for period in alone.history_], rtol=1e-3)


def test_gathered_gradients_are_those_of_one_process(
    together: tuple[Path, list[dict[str, np.ndarray]]],
) -> None:
    folder, results = together
    rows = torch.tensor(np.load(folder / "rows.npy"))
    weight = torch.tensor(np.load(folder / "weight.npy"), requires_grad=True)
    pair_loss(rows @ weight).backward()
    for found in results:
        np.testing.assert_allclose(found["whole"], (rows @ weight).detach(), rtol=1e-12)
        np.testing.assert_allclose(found["gradient"], weight.grad, rtol=1e-10)
        np.testing.assert_allclose(found["empty"], (rows[:1] @ weight).detach(), rtol=1e-12)
        assert found["one"].tolist() == [0, 0]


def test_slices_cover_the_batch_once() -> None:
    rows = torch.arange(7)
    assert [Group(rank, 3).share(rows).tolist() for rank in range(3)] == [[0, 1], [2, 3], [4, 5, 6]]
    assert [Group(rank, 3).share(rows[:1]).tolist() for rank in range(3)] == [[], [], [0]]


def test_without_torchrun_there_is_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    with joined_group("cpu") as (group, device):
        assert group == Group(0, 1)
        assert device == torch.device("cpu")
        assert group == Group.current()


@pytest.mark.parametrize(("rank", "size"), [("x", "2"), ("2", "2"), ("-1", "2"), ("0", "0")])
def test_an_environment_that_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, rank: str, size: str
) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", size)
    monkeypatch.setenv("LOCAL_RANK", "0")
    message = f"the environment has RANK={rank}, WORLD_SIZE={size}, LOCAL_RANK=0; unset them, or start this"
    with pytest.raises(ParameterError, match=message), joined_group("cpu"):
        pass
