"""The train stage with several seeds: every one's clusters, the medoid's network, and kills between them."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from stages import vote
from stages.core.seeds import derived_seed
from stages.deep.checkpoint import FileCheckpoint
from stages.deep.models import read_model
from stages.tables import read_partitions, read_vectors
from stages.tables.methods import FeatureMethod, Objective
from stages.training.seeds import mean_agreement
from tests.deep.toy import curve, outputs, refusal, train, write_features

SEEDS = ("--set", "seeds=3")


def table(objective: str, method: str):
    return read_partitions(Path(f"data/partitions/toy/{objective}/{method}.parquet"))


@pytest.mark.parametrize("objective", list(Objective))
def test_one_seed_is_what_there_is_without_any_and_the_first_of_several(project: Path, objective: str) -> None:
    assert train(objective, "cc").exit_code == 0
    plain, labels = outputs(objective), table(objective, "cc").labels["cc"]
    assert train(objective, "cc", "--set", "seeds=1").exit_code == 0
    assert outputs(objective) == plain
    assert train(objective, "cc", *SEEDS).exit_code == 0
    np.testing.assert_array_equal(table(objective, "cc").seeds["cc"][0], labels)
    assert outputs(objective).keys() == plain.keys()


def test_every_seed_is_a_training_of_its_own(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stages.deep.dec.estimators import IDEC

    fit, seen = IDEC.fit, []

    def noting(self, *given, **named):
        seen.append(self.random_state)
        return fit(self, *given, **named)

    monkeypatch.setattr(IDEC, "fit", noting)
    assert train("idec", "views", "--seed", "5", *SEEDS).exit_code == 0
    names = ("train", "idec", "views")
    expected = [
        derived_seed(5, *names, view, *number) for view in ("wide", "narrow") for number in ((), (1,), (2,))
    ]
    assert seen == expected
    assert len(set(seen)) == 6


@pytest.mark.parametrize(("objective", "more"), [("jule", ["--set", "start=xavier"]), ("idec", [])])
def test_the_network_and_the_clusters_kept_are_those_of_the_medoid(
    project: Path, objective: str, more: list[str]
) -> None:
    """Features are noise, so that seeds differ."""
    random = np.random.default_rng(1)
    for name, width in (("wide", 12), ("narrow", 7)):
        write_features(name, random.random((60, width), dtype=np.float32))
    result = train(objective, "views", *SEEDS, *more)
    assert result.exit_code == 0, (result.output, result.exception)
    assert " images, the medoid of 3 seeds, " in result.stdout
    views = table(objective, "views")
    assert list(views.labels) == ["wide", "narrow"] == list(views.seeds)
    alone = {}
    for name, labels in views.labels.items():
        settings, seeds = views.settings[name], views.seeds[name]
        assert len({tuple(found) for found in seeds}) == 3
        agreement = mean_agreement(seeds)
        assert settings["medoid"] == agreement.argmax()
        assert settings["agreement"] == pytest.approx(agreement, abs=1e-6)
        assert settings["seeds"] == 3
        np.testing.assert_array_equal(labels, seeds[settings["medoid"]])
        model = read_model(Path(f"data/models/toy/{objective}/views/{name}.safetensors"))
        embedding = read_vectors(Path(f"data/embeddings/toy/{objective}/views/{name}.parquet"), "embedding")
        features = read_vectors(Path(f"data/features/toy/{name}/L3.parquet"), "features").values
        np.testing.assert_allclose(model.transform([features]), embedding.values, atol=2e-5)
        assert model.settings["medoid"] == embedding.metadata["medoid"] == settings["medoid"]
        alone[name] = model.network.state_dict()
    assert any(settings["medoid"] for settings in views.settings.values()), "else the first would do, too"
    rows = [row for row in curve(objective, "views") if row["backbone"] == "wide"]
    assert [int(row["record"]) for row in rows] == list(range(1, len(rows) + 1)), "the curve is of one run"

    # What comes after goes on from these networks and clusters.
    assert train(objective, "dmvc-fix", *SEEDS, *more).exit_code == 0
    joined = read_model(Path(f"data/models/toy/{objective}/dmvc-fix.safetensors")).network.state_dict()
    for number, weights in enumerate(alone.values()):
        for key, tensor in weights.items():
            kept = joined[f"views.{number}.{key.removeprefix('output.')}"]
            np.testing.assert_array_equal(kept.numpy(), tensor.numpy())
    given = ["--dataset", "toy", "--objective", objective, "--n-clusters", "classes"]
    assert CliRunner().invoke(vote.app, given).exit_code == 0
    assert table(objective, "mvec").settings["mvec"]["backbones"] == ["wide", "narrow"]


@pytest.mark.parametrize(("objective", "method"), [("idec", "views"), ("jule", "dmvc")])
def test_stopped_in_any_seed_and_run_again_it_ends_with_the_same_bytes(
    project: Path, monkeypatch: pytest.MonkeyPatch, objective: str, method: str
) -> None:
    two = ("--set", "seeds=2")
    methods = list(FeatureMethod)
    for earlier in methods[: methods.index(FeatureMethod(method)) + 1]:
        assert train(objective, earlier, *two).exit_code == 0
    expected = outputs(objective)
    for file in (name for name in expected if re.search(rf"[/-]{method}[./]", name)):
        Path(file).unlink()
    save, load, states, resumed = FileCheckpoint.save, FileCheckpoint.load, [], []

    def stopping(self, state):
        save(self, state)
        states.append(self.file.name)
        if states.count(states[-1]) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(FileCheckpoint, "load", lambda self: resumed.append(state := load(self)) or state)
    networks = 4 if method == "views" else 2
    with monkeypatch.context() as patch:
        patch.setattr(FileCheckpoint, "save", stopping)
        for _ in range(networks):  # each run is stopped in the next training
            assert train(objective, method, *two, "--checkpoint-seconds", "0").exit_code != 0
    assert len(list(Path("data/scratch/train").rglob("*.safetensors"))) == networks
    resumed.clear()
    assert train(objective, method, *two).exit_code == 0
    assert len(resumed) == networks and all(resumed)
    assert outputs(objective) == expected
    assert not list(Path("data/scratch/train").rglob("*.safetensors"))


def test_an_unfinished_training_goes_on_when_its_seeds_become_more(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, load, resumed = FileCheckpoint.save, FileCheckpoint.load, []

    def stopping(self, state):
        save(self, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FileCheckpoint, "save", stopping)
        assert train("idec", "cc", "--checkpoint-seconds", "0").exit_code != 0
    monkeypatch.setattr(FileCheckpoint, "load", lambda self: resumed.append(state := load(self)) or state)
    result = train("idec", "cc", *SEEDS)
    assert result.exit_code == 0 and not result.stderr, "no line of a state that is not used"
    assert [state is not None for state in resumed] == [True, False, False]


def test_a_warning_names_the_seed(project: Path, blobs: tuple[list[np.ndarray], np.ndarray]) -> None:
    write_features("wide", blobs[0][0][[*range(20), *range(20), *range(20, 30), *range(40, 50)]])
    result = train("idec", "views", "--backbones", "wide", "--set", "pretrain_epochs=20", "--set", "seeds=2")
    assert result.exit_code == 0
    lines = result.stderr.splitlines()
    assert [line.partition(": one cluster holds")[0] for line in lines] == [
        "warning: wide seed 0",
        "warning: wide seed 1",
    ]


@pytest.mark.parametrize("value", ["0", "-1", "1000000000", "many", "1.5"])
def test_other_numbers_of_seeds_are_one_line(project: Path, value: str) -> None:
    assert refusal("idec", "cc", "--set", f"seeds={value}").startswith("idec.seeds is ")
    assert not Path("data/partitions").exists()


def test_the_log_and_the_curve_are_of_the_method(project: Path) -> None:
    assert train("turtle", "cc", *SEEDS).exit_code == 0
    assert json.loads(Path("logs/train-toy-turtle-cc.json").read_text())["device"] == "cpu"
    rows = list(csv.DictReader(Path("metrics/toy/training-turtle-cc.csv").read_text().splitlines()))
    assert [int(row["record"]) for row in rows] == [1, 2, 3]
