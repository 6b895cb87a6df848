"""The stage `train_sweep`: its clusters are those of stage `train`, also after a kill; what it refuses."""

import multiprocessing
import os
import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from stages import train_sweep as stage
from stages.tables import read_partitions
from stages.training import repeated
from tests.deep.toy import FAST, train, write_parameters
from tests.shell import error_line

GRID = {"values": {"eta": [0.3, 0.9], "n_neighbors": [4, 8]}, "seeds": 2}
VARIANTS = {"variants": {"defaults": {}, "no lead": {"lead_weight": 0}, "no training": {"steps": 0}}, "seeds": 1}


def given(name: str, objective: str = "jule", method: str = "cc", *options: str) -> list[str]:
    which = ["--dataset", "toy", "--objective", objective, "--method", method, "--name", name]
    return [*which, "--n-clusters", "classes", "--width", "8", "--device", "cpu", *options]


def sweep(name: str, objective: str = "jule", method: str = "cc", *options: str, **definitions: Any) -> Result:
    write_parameters({**FAST, "sweep": definitions})
    return CliRunner().invoke(stage.app, given(name, objective, method, *options))


def table(name: str, objective: str = "jule", method: str = "cc") -> Path:
    return Path(f"data/sweeps/toy/{objective}-{method}-{name}.parquet")


def test_a_run_has_the_clusters_that_train_finds_with_its_values_and_seed(project: Path) -> None:
    result = sweep("grid", grid=GRID)
    assert result.exit_code == 0, (result.output, result.exception)
    assert result.stdout.startswith("jule/cc on toy by grid: 8 trainings, ")
    found = read_partitions(table("grid"))
    assert list(found.labels)[:3] == [
        "eta=0.3, n_neighbors=4, seed 0",
        "eta=0.3, n_neighbors=4, seed 1",
        "eta=0.3, n_neighbors=8, seed 0",
    ]
    assert not Path("data/scratch/sweeps/toy/jule-cc-grid").exists()
    for run, labels in found.labels.items():
        made = found.settings[run]
        assert (made["variant"], made["swept"], made["grid"]) == (
            None,
            ["eta", "n_neighbors"],
            ["eta", "n_neighbors"],
        )
        values = [f"--set={name}={made[name]}" for name in ("eta", "n_neighbors")]
        assert run == f"eta={made['eta']}, n_neighbors={made['n_neighbors']}, seed {made['seed']}"
        assert train("jule", "cc", "--seed", str(made["seed"]), *values).exit_code == 0
        alone = read_partitions(Path("data/partitions/toy/jule/cc.parquet"))
        np.testing.assert_array_equal(alone.labels["cc"], labels)
        kept = alone.settings["cc"]
        assert {name: kept[name] for name in made if name in kept} == {
            name: made[name] for name in made if name in kept
        }


def test_seeds_of_the_section_are_not_those_of_a_sweep(project: Path) -> None:
    one = {"values": {"eta": [0.5]}, "seeds": 1}
    assert sweep("one", one=one).exit_code == 0
    found = read_partitions(table("one"))
    write_parameters({**FAST, "jule": {**FAST["jule"], "seeds": 2}, "sweep": {"one": one}})
    assert CliRunner().invoke(stage.app, given("one", "jule", "cc")).exit_code == 0
    again = read_partitions(table("one"))
    assert list(again.labels) == list(found.labels)
    assert all(np.array_equal(again.labels[run], found.labels[run]) for run in found.labels)


@pytest.mark.parametrize(("objective", "method"), [("jule", "dmvc"), ("idec", "dmvc-fix"), ("turtle", "dmvc-fix")])
def test_networks_that_a_method_builds_on_are_trained_with_the_same_values(
    project: Path, objective: str, method: str
) -> None:
    parameter = {"jule": "eta", "idec": "gamma", "turtle": "gamma"}[objective]
    result = sweep("one", objective, method, one={"values": {parameter: [0.3, 0.6]}, "seeds": 1})
    assert result.exit_code == 0, (result.output, result.exception)
    found = read_partitions(table("one", objective, method))
    for value in (0.3, 0.6):
        for part in ["views", "dmvc-fix", "dmvc"][: ["dmvc-fix", "dmvc"].index(method) + 2]:
            assert train(objective, part, "--set", f"{parameter}={value}").exit_code == 0
        alone = read_partitions(Path(f"data/partitions/toy/{objective}/{method}.parquet")).labels[method]
        np.testing.assert_array_equal(found.labels[f"{parameter}={value}, seed 0"], alone)


def test_variants_and_seeds(project: Path) -> None:
    assert sweep("ablations", "jule", "cc", "--seed", "5", ablations=VARIANTS).exit_code == 0
    found = read_partitions(table("ablations"))
    assert list(found.labels) == ["defaults, seed 5", "no lead, seed 5", "no training, seed 5"]
    settings = found.settings["no training, seed 5"]
    assert (settings["variant"], settings["steps"], settings["lead_weight"]) == ("no training", 0, 1.0)
    assert (settings["swept"], settings["grid"]) == (["lead_weight", "steps"], [])
    before = table("ablations").read_bytes()
    assert sweep("ablations", "jule", "cc", "--seed", "5", ablations=VARIANTS).exit_code == 0
    assert table("ablations").read_bytes() == before


def _sweep_until_killed(folder: Path, arguments: list[str], runs: int, trained: Any) -> None:
    """In a process of its own: run the stage, and die when the training after so many runs begins."""
    import torch

    os.chdir(folder)
    torch.set_num_threads(1)
    clusters = repeated._clusters

    def clusters_or_die(*run: Any) -> np.ndarray:
        if trained.value == runs:
            os.kill(os.getpid(), signal.SIGKILL)
        trained.value += 1
        return clusters(*run)

    repeated._clusters = clusters_or_die
    stage.app(arguments)


def test_killed_and_run_again_it_goes_on_from_the_runs_that_are_done(project: Path) -> None:
    assert sweep("grid", grid=GRID).exit_code == 0
    expected = table("grid").read_bytes()
    table("grid").unlink()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "stages.deep.jule.dmvc", "stages.deep.distributed"])

    def run(runs: int) -> tuple[int | None, int]:
        trained = context.Value("i", 0)
        process = context.Process(target=_sweep_until_killed, args=(project, given("grid"), runs, trained))
        process.start()
        process.join()
        return process.exitcode, trained.value

    assert run(3) == (-signal.SIGKILL, 3)
    assert len(list(Path("data/scratch/sweeps").rglob("clusters.parquet"))) == 3
    (first, *_) = sorted(Path("data/scratch/sweeps").rglob("clusters.parquet"))
    first.write_bytes(first.read_bytes()[:-9])  # a damaged one is trained again
    assert run(100) == (0, 8 - 2)
    assert table("grid").read_bytes() == expected
    assert not list(Path("data/scratch/sweeps").rglob("*.*[!k]"))


def test_runs_that_are_done_serve_a_sweep_with_other_values(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as they are of the same features, values and seed."""
    clusters, trained = repeated._clusters, list[str]()

    def counted(name: str, *rest: Any) -> np.ndarray:
        if name == "eta=0.9, seed 0":
            raise KeyboardInterrupt
        trained.append(name)
        return clusters(name, *rest)

    monkeypatch.setattr(repeated, "_clusters", counted)
    assert sweep("eta", eta={"values": {"eta": [0.3, 0.6, 0.9]}, "seeds": 1}).exit_code != 0
    assert sweep("eta", eta={"values": {"eta": [0.6, 0.3, 0.2]}, "seeds": 1}).exit_code == 0
    assert trained == ["eta=0.3, seed 0", "eta=0.6, seed 0", "eta=0.2, seed 0"]
    assert list(read_partitions(table("eta")).labels) == ["eta=0.6, seed 0", "eta=0.3, seed 0", "eta=0.2, seed 0"]


def test_what_differs_in_its_name_alone_is_trained_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clusters, trained = repeated._clusters, list[str]()
    monkeypatch.setattr(repeated, "_clusters", lambda name, *rest: trained.append(name) or clusters(name, *rest))
    variants = {"a": {}, "b": {"eta": 0.9}, "c": {"eta": 0.5}}  # which is the default
    assert sweep("s", s={"variants": variants, "seeds": 1}).exit_code == 0
    assert trained == ["a, seed 0", "b, seed 0"]
    labels = read_partitions(table("s")).labels
    assert list(labels) == ["a, seed 0", "b, seed 0", "c, seed 0"]
    np.testing.assert_array_equal(labels["c, seed 0"], labels["a, seed 0"])


@pytest.mark.parametrize(
    ("options", "definition", "message"),
    [
        (["x"], GRID, "no sweep is called 'x'; did you mean s?"),
        (["s"], {"values": {"etta": [0.1]}}, "jule has no parameter 'etta'; did you mean eta"),
        (["s"], {"values": {"eta": ["much"]}}, "jule.eta is 'much'; give a number"),
        (["s"], {"values": {"eta": [0.5, 2]}}, "eta is 2; give a share from 0 to below 1"),
        (["s"], {"variants": {"a": {"eta": -1}}}, "eta is -1; give a share from 0 to below 1"),
        (["s", "jule", "views"], GRID, "method is 'views'; give one of cc, dmvc-fix, dmvc"),
        (["s", "idec"], GRID, "idec has no parameter 'eta'; did you mean "),
        (
            ["s"],
            {"values": {"learning_rate": [1e30]}, "seeds": 1},
            "learning_rate=1e+30, seed 0: training ran away to a loss of ",
        ),
    ],
)
def test_a_mistake_is_one_line(project: Path, options: list[str], definition: Any, message: str) -> None:
    line = error_line(sweep(*options, s=definition))
    assert line.startswith(message) and "\n" not in line
    assert not Path("data/sweeps").exists()


def test_a_warning_names_the_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_one = repeated.train

    def lopsided(*given: Any) -> Any:
        warnings.warn("one cluster holds all", stacklevel=1)
        return train_one(*given)

    monkeypatch.setattr(repeated, "train", lopsided)
    result = sweep("s", s={"values": {"eta": [0.5]}, "seeds": 2})
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        f"warning: eta=0.5, seed {seed}: one cluster holds all" for seed in range(2)
    ]
