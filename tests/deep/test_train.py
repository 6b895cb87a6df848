"""The train stage as a user runs it, method by method, on a tiny image set."""

import csv
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from safetensors import safe_open
from sklearn.metrics import normalized_mutual_info_score
from typer.testing import CliRunner, Result

from stages import train as stage
from stages.comparison import METHODS, OBJECTIVES
from stages.consensus import CoassociationClustering
from stages.deep.models import read_model
from stages.digest import file_digest
from stages.errors import ManyviewsError
from stages.tables import (
    Image,
    read_images,
    read_partitions,
    read_vectors,
    write_images,
    write_partitions,
    write_vectors,
)

FAST = {
    "jule": {"preset": "none", "steps": 5, "reruns": 1},
    "idec": {"preset": "none", "init": "kmeans", "pretrain_epochs": 5, "anchor_epochs": 3, "refine_epochs": 2},
    "dec": {"preset": "none", "init": "kmeans", "pretrain_epochs": 5, "anchor_epochs": 3, "refine_epochs": 2},
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blobs: tuple[list[np.ndarray], np.ndarray]) -> Path:
    """A project folder, made the current one, with parameters, images and the features of two backbones."""
    monkeypatch.chdir(tmp_path)
    for name in ("MANYVIEWS_DEVICE", "MANYVIEWS_CHECKPOINT_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    views, labels = blobs
    images = [Image(f"{i}.png", bytes([i]), int(label), 4, 4) for i, label in enumerate(labels)]
    write_images(Path("data/images/toy.parquet"), images, ["a", "b", "c"])
    for name, view in zip(("wide", "narrow"), views, strict=True):
        write_features(name, view)
    manifest = Path("data/views/toy/features.json")
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"wide": {"L3": "0"}, "narrow": {"L3": "0"}}))
    write_parameters(FAST)
    return tmp_path


def write_parameters(sections: dict) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(sections))


def write_features(backbone: str, view: np.ndarray, fingerprint: str | None = None) -> None:
    images = read_images(Path("data/images/toy.parquet"))
    file = Path(f"data/features/toy/{backbone}/L3.parquet")
    made = {"precision": "fp32", "weights": f"sha of {backbone}"}
    write_vectors(file, "features", [view], fingerprint or images.fingerprint, made)


def arguments(objective: str, method: str, *options: str) -> list[str]:
    given = ["--objective", objective, "--method", method, "--width", "8", "--device", "cpu"]
    return ["--dataset", "toy", "--n-clusters", "classes", *given, *options]


def train(objective: str, method: str, *options: str) -> Result:
    return CliRunner().invoke(stage.app, arguments(objective, method, *options))


def trained(objective: str, *methods: str) -> None:
    for method in methods:
        result = train(objective, method)
        assert result.exit_code == 0, (result.output, result.exception)


def refusal(objective: str, method: str, *options: str) -> str:
    """What the user is told when the stage refuses."""
    error = train(objective, method, *options).exception
    assert isinstance(error, ManyviewsError), repr(error)
    assert "\n" not in str(error)
    return str(error)


def outputs(objective: str) -> dict[str, bytes]:
    """All that the methods of an objective wrote, by name."""
    folders = [Path(f"data/{kind}/toy/{objective}") for kind in ("partitions", "embeddings", "models")]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    files += Path("metrics/toy").glob(f"training-{objective}-*.csv")
    return {str(file): file.read_bytes() for file in files}


def curve(objective: str, method: str) -> list[dict[str, str]]:
    return list(csv.DictReader(Path(f"metrics/toy/training-{objective}-{method}.csv").read_text().splitlines()))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_method_writes_its_files(project: Path, objective: str) -> None:
    for method in METHODS:
        result = train(objective, method)
        assert result.exit_code == 0, (result.output, result.exception)
        assert f"toy: {objective}/{method} on 2 views" in result.stdout
        assert "3 clusters of " in result.stdout
        assert result.stdout.count("\n") == 1
    kinds = {"embeddings": "parquet", "models": "safetensors"}
    expected = {f"data/partitions/toy/{objective}/{method}.parquet" for method in METHODS}
    for kind, suffix in kinds.items():
        for name in ("views/wide", "views/narrow", "cc", "dmvc-fix", "dmvc"):
            expected.add(f"data/{kind}/toy/{objective}/{name}.{suffix}")
    expected |= {f"metrics/toy/training-{objective}-{method}.csv" for method in METHODS if method != "mvec"}
    assert outputs(objective).keys() == expected
    assert not list(Path("data/scratch").rglob("*.safetensors"))
    assert json.loads(Path(f"logs/train-toy-{objective}-dmvc.json").read_text())["device"] == "cpu"


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_tables_and_models_belong_together(project: Path, objective: str) -> None:
    trained(objective, *METHODS)
    views = {
        name: read_vectors(Path(f"data/features/toy/{name}/L3.parquet"), "features").values
        for name in ("wide", "narrow")
    }
    fingerprint = read_images(Path("data/images/toy.parquet")).fingerprint
    for method, names in (
        ("views/wide", ["wide"]),
        ("views/narrow", ["narrow"]),
        ("cc", ["wide", "narrow"]),
        ("dmvc-fix", ["wide", "narrow"]),
        ("dmvc", ["wide", "narrow"]),
    ):
        embedding = read_vectors(Path(f"data/embeddings/toy/{objective}/{method}.parquet"), "embedding")
        model = read_model(Path(f"data/models/toy/{objective}/{method}.safetensors"))
        assert embedding.fingerprint == model.settings["images"] == fingerprint
        assert model.settings["backbones"] == embedding.metadata["backbones"] == names
        assert model.settings["extraction"][names[0]] == {"precision": "fp32", "weights": f"sha of {names[0]}"}
        # The saved network makes of the features what was written as their embedding.
        np.testing.assert_allclose(model.transform([views[name] for name in names]), embedding.values, atol=2e-5)
        row, _, backbone = method.partition("/")
        table = read_partitions(Path(f"data/partitions/toy/{objective}/{row}.parquet"))
        assert table.labels[backbone or row].shape == (60,)
        assert table.settings[backbone or row]["n_clusters"] == 3
        assert table.settings[backbone or row]["embedding"] == file_digest(embedding.file)


def test_the_vote_is_the_plain_coassociation_of_the_views(project: Path) -> None:
    trained("idec", "views", "mvec")
    votes = read_partitions(Path("data/partitions/toy/idec/views.parquet")).labels
    assert list(votes) == ["wide", "narrow"]
    mvec = read_partitions(Path("data/partitions/toy/idec/mvec.parquet"))
    expected = CoassociationClustering(3, least_share=0).fit_predict(np.column_stack(list(votes.values())))
    np.testing.assert_array_equal(mvec.labels["mvec"], expected)
    assert mvec.settings["mvec"]["backbones"] == ["wide", "narrow"]


def test_a_lopsided_vote_is_warned_of(project: Path) -> None:
    images = read_images(Path("data/images/toy.parquet"))
    labels = np.repeat([0, 1, 2], [40, 10, 10])
    write_partitions(
        Path("data/partitions/toy/idec/views.parquet"), {"wide": labels}, {"wide": {}}, images.fingerprint
    )
    result = train("idec", "mvec")
    assert result.stderr == "warning: one cluster holds 40 of 60 images\n"


@pytest.mark.parametrize("objective", ["jule", "idec"])
def test_dmvc_fix_keeps_the_views_networks(project: Path, objective: str) -> None:
    trained(objective, "views", "dmvc-fix")
    joined = read_model(Path(f"data/models/toy/{objective}/dmvc-fix.safetensors")).network.state_dict()
    for number, name in enumerate(("wide", "narrow")):
        alone = read_model(Path(f"data/models/toy/{objective}/views/{name}.safetensors")).network.state_dict()
        for key, tensor in alone.items():
            kept = joined[f"views.{number}.{key.removeprefix('output.')}"]
            np.testing.assert_array_equal(kept.numpy(), tensor.numpy())


def test_dmvc_of_jule_starts_from_dmvc_fix(project: Path) -> None:
    trained("jule", "views", "dmvc-fix")
    assert train("jule", "dmvc", "--set", "learning_rate=0.0").exit_code == 0
    fix, dmvc = (
        read_model(Path(f"data/models/toy/jule/{name}.safetensors")).network for name in ("dmvc-fix", "dmvc")
    )
    for key, tensor in fix.state_dict().items():
        np.testing.assert_array_equal(dmvc.state_dict()[key].numpy(), tensor.numpy())


@pytest.mark.parametrize("objective", ["jule", "idec"])
def test_what_a_method_builds_on_must_be_there_and_of_the_same_kind(project: Path, objective: str) -> None:
    assert f"data/models/toy/{objective}/views/wide.safetensors does not exist" in refusal(objective, "dmvc-fix")
    assert f"data/partitions/toy/{objective}/views.parquet does not exist" in refusal(objective, "mvec")
    trained(objective, "views")
    message = refusal(objective, "dmvc-fix", "--scaling", "l2")
    assert message == (
        f"data/models/toy/{objective}/views/wide.safetensors was trained on other scaling than now; "
        "run `dvc repro` to make it anew"
    )


@pytest.mark.parametrize("objective", ["jule", "idec"])
def test_the_curve_has_a_row_a_record(project: Path, objective: str) -> None:
    trained(objective, "views", "cc")
    rows = curve(objective, "cc")
    assert next(iter(rows[0])) == "record"
    assert {"loss", "changed", "phase"} <= rows[0].keys()
    assert [int(row["record"]) for row in rows] == list(range(1, len(rows) + 1))
    assert all(row["loss"] == "" or float(row["loss"]) >= 0 for row in rows)
    by_view = curve(objective, "views")
    assert list(by_view[0])[:2] == ["backbone", "record"]
    assert [row["backbone"] for row in by_view] == sorted((row["backbone"] for row in by_view), reverse=True)
    assert {row["backbone"] for row in by_view} == {"wide", "narrow"}


def test_the_curve_of_jule_tells_the_clusters_left_and_how_right_they_are(
    project: Path, blobs: tuple[list[np.ndarray], np.ndarray]
) -> None:
    trained("jule", "cc")
    rows = curve("jule", "cc")
    clusters = [int(row["clusters"]) for row in rows]
    assert clusters[-1] == 3
    labels = read_partitions(Path("data/partitions/toy/jule/cc.parquet")).labels["cc"]
    expected = normalized_mutual_info_score(blobs[1], labels, average_method="geometric")
    assert float(rows[-1]["nmi_geometric"]) == pytest.approx(expected)
    assert "labels" not in rows[0]


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
    ("objective", "method", "kills"), [("idec", "views", [(3, False), (12, True)]), ("jule", "dmvc", [(2, True)])]
)
def test_killed_anywhere_and_run_again_it_ends_with_the_same_bytes(
    project: Path, objective: str, method: str, kills: list[tuple[int, bool]]
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "stages.deep.dmvc", "stages.deep.idec", "stages.deep.distributed"])
    resumed = context.Value("i", 0)

    def run(saves: int, after: bool) -> int | None:
        given = [*arguments(objective, method), "--checkpoint-seconds", "0"]
        process = context.Process(target=_train_until_killed, args=(project, given, saves, after, resumed))
        process.start()
        process.join()
        return process.exitcode

    trained(objective, *METHODS[: METHODS.index(method) + 1])
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
    from stages.training.fingerprint import training_fingerprint

    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    known = training_fingerprint([values], {"gamma": 1.0})
    assert training_fingerprint([values.copy()], {"gamma": 1.0}) == known
    assert training_fingerprint([values.reshape(3, 2)], {"gamma": 1.0}) != known
    assert training_fingerprint([values + 1], {"gamma": 1.0}) != known
    assert training_fingerprint([values], {"gamma": 0.5}) != known


def test_two_runs_of_one_method_at_once_are_refused(project: Path) -> None:
    from stages.lock import locked

    with locked(Path("data/scratch/train/toy/idec/cc.lock"), "it"):
        assert refusal("idec", "cc").startswith("another process is at work on toy: idec/cc")
        trained("idec", "views")


def test_parameters_come_from_the_file_and_from_set(project: Path) -> None:
    assert train("idec", "cc", "--set", "gamma=0.25", "--set", "refine-epochs=1").exit_code == 0
    settings = read_partitions(Path("data/partitions/toy/idec/cc.parquet")).settings["cc"]
    assert settings["gamma"] == 0.25
    assert settings["refine_epochs"] == 1
    assert settings["pretrain_epochs"] == FAST["idec"]["pretrain_epochs"]
    Path("params.yaml").rename("other.yaml")
    assert train("idec", "cc", "--parameters", "other.yaml").exit_code == 0
    assert "gamma" not in read_partitions(Path("data/partitions/toy/idec/cc.parquet")).settings["cc"]


def test_a_preset_replaces_the_section(project: Path) -> None:
    assert train("idec", "cc", "--set", "preset=released", "--set", "pretrain_epochs=2").exit_code == 0
    settings = read_partitions(Path("data/partitions/toy/idec/cc.parquet")).settings["cc"]
    assert (settings["preset"], settings["gamma"], settings["scaling"]) == ("released", 0.1, "none")
    assert settings["pretrain_epochs"] == 2
    assert settings["anchor_epochs"] == 0


def test_backbones_may_be_chosen(project: Path) -> None:
    assert train("idec", "cc", "--backbones", "narrow").exit_code == 0
    assert read_partitions(Path("data/partitions/toy/idec/cc.parquet")).settings["cc"]["backbones"] == ["narrow"]
    with safe_open("data/models/toy/idec/cc.safetensors", "np") as weights:
        assert weights.get_tensor("encoder.output.0.weight").shape == (8, 7)


def test_images_without_labels_have_no_score_in_the_curve(project: Path) -> None:
    images = [Image(f"{i}.png", bytes([i]), None, 4, 4) for i in range(60)]
    write_images(Path("data/images/toy.parquet"), images, [])
    for name in ("wide", "narrow"):
        values = read_vectors(Path(f"data/features/toy/{name}/L3.parquet"), "features").values
        write_features(name, values)
    assert train("jule", "cc", "--n-clusters", "3").exit_code == 0
    assert "nmi_geometric" not in curve("jule", "cc")[0]


def test_auto_takes_the_number_that_the_ensemble_found(project: Path) -> None:
    assert refusal("idec", "cc", "--n-clusters", "auto").startswith("data/partitions/toy/n_clusters.json does not")
    file = Path("data/partitions/toy/n_clusters.json")
    file.parent.mkdir(parents=True)
    file.write_text('{"n_clusters": 2}')
    assert train("idec", "cc", "--n-clusters", "auto").exit_code == 0
    assert len(np.unique(read_partitions(Path("data/partitions/toy/idec/cc.parquet")).labels["cc"])) == 2


def test_tables_of_other_images_are_refused(project: Path) -> None:
    write_features("wide", np.ones((60, 4), np.float32), fingerprint="other")
    for method in ("views", "cc"):
        assert "wide/L3.parquet was made from other images than data/images/toy" in refusal("idec", method)


def test_unusable_features_name_their_backbone(project: Path) -> None:
    write_features("narrow", np.full((60, 4), np.nan, np.float32))
    assert refusal("idec", "cc").startswith("backbone 'narrow' has NaN or infinite features")
    assert not outputs("idec")


@pytest.mark.parametrize(
    ("objective", "options", "message"),
    [
        ("idce", [], "no training objective is called 'idce'; did you mean idec"),
        ("idec", ["--method", "mvce"], "method is 'mvce'; give one of views, cc, mvec, dmvc-fix, dmvc"),
        ("idec", ["--device", "gpu"], "device is 'gpu' but there is no such device; give auto, cpu or cuda"),
        ("idec", ["--n-clusters", "61"], "n_clusters is 61 but data/images/toy.parquet has 60 images"),
        ("idec", ["--backbones", "vgg"], "data/features/toy/vgg/L3.parquet does not exist; run `dvc repro`"),
        ("idec", ["--set", "init=ward"], "init is 'ward'; give one of consensus, kmeans"),
        ("idec", ["--set", "gamma=-1"], "gamma is -1; give a number from 0 on"),
        ("idec", ["--set", "gama=1"], "idec has no parameter 'gama'; did you mean gamma?"),
        ("idec", ["--set", "gamma"], "--set is 'gamma'; write NAME=VALUE, such as eta=0.3"),
        ("idec", ["--set", "gamma=[1"], "--set is 'gamma=[1', whose value is no YAML"),
        ("idec", ["--set", "gamma=much"], "idec.gamma is 'much'; give a number"),
        ("idec", ["--set", "batch_size=2.5"], "idec.batch_size is 2.5; give a whole number"),
        ("idec", ["--set", "runs=true"], "idec.runs is True; give a whole number"),
        ("idec", ["--set", "shuffle=1"], "idec.shuffle is 1; give true or false"),
        ("idec", ["--set", "algorithms=kmeans"], "idec.algorithms is 'kmeans'; give a list, each a text"),
        ("idec", ["--set", "width=3"], "idec has no parameter 'width'; did you mean"),
        ("idec", ["--set", "preset=mine"], "idec.preset is 'mine'; give one of none, published, released"),
        ("jule", ["--set", "preset=mine"], "jule.preset is 'mine'; give one of none, published, released"),
        ("jule", ["--set", "eta=1.5"], "eta is 1.5; give a share from 0 to below 1"),
        ("jule", ["--parameters", "no.yaml"], "no.yaml does not exist; name the file of parameters"),
    ],
)
def test_mistakes_are_answered_in_one_line(
    project: Path, objective: str, options: list[str], message: str
) -> None:
    assert refusal(objective, "cc", *options).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1", "params.yaml has no section 'idec'"),
        ("idec: 3", "idec in params.yaml is 3; give it one line NAME: VALUE for each parameter"),
        ("idec: [", "params.yaml is not a YAML file"),
        ("idec: {gama: 1}", "idec has no parameter 'gama'; did you mean gamma?"),
        ("idec: {preset: released, gama: 1}", "idec has no parameter 'gama'; did you mean gamma?"),
    ],
)
def test_faults_of_the_file_are_answered_in_one_line(project: Path, text: str, message: str) -> None:
    Path("params.yaml").write_text(text)
    assert refusal("idec", "cc").startswith(message)


def test_cuda_is_refused_where_there_is_none(project: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("a CUDA device is available")
    message = "device is 'cuda' but no CUDA device is available; give auto, cpu or cuda"
    assert refusal("idec", "cc", "--device", "cuda") == message


def test_a_lopsided_result_is_warned_of_in_one_line(
    project: Path, blobs: tuple[list[np.ndarray], np.ndarray]
) -> None:
    view = blobs[0][0][[*range(20), *range(20), *range(20, 30), *range(40, 50)]]
    write_features("wide", view)
    result = train("idec", "views", "--backbones", "wide", "--set", "pretrain_epochs=20")
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: wide: one cluster holds 40 of 60 images")
    assert result.stderr.count("\n") == 1


def test_help_names_every_option_without_importing_torch() -> None:
    program = "import sys, stages.train; assert not {'torch', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
    text = CliRunner().invoke(stage.app, ["--help"]).stdout
    assert all(option in text for option in ("--method", "--set", "--parameters", "--device"))
