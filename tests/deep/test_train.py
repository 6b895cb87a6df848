"""The train stage, method by method: its files, what they build on, and its options."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from sklearn.metrics import normalized_mutual_info_score
from typer.testing import CliRunner

from stages import train as stage
from stages.core.atomic import write_text
from stages.core.digests import file_digest
from stages.core.seal import BLANK, sealed
from stages.deep.models import read_model
from stages.tables import (
    Image,
    read_images,
    read_partitions,
    read_vectors,
    write_images,
)
from stages.tables.methods import FeatureMethod, MethodName, Objective
from stages.tables.trained_files import TrainedFiles
from tests.deep.toy import FAST, curve, outputs, refusal, train, trained, write_features


@pytest.mark.parametrize("objective", list(Objective))
def test_every_method_writes_its_files(project: Path, objective: str) -> None:
    for method in FeatureMethod:
        result = train(objective, method)
        assert result.exit_code == 0, (result.output, result.exception)
        assert f"toy: {objective}/{method} on 2 views" in result.stdout
        assert "3 clusters of " in result.stdout
        assert result.stdout.count("\n") == 1
    kinds = {"embeddings": "parquet", "models": "safetensors"}
    expected = {f"data/partitions/toy/{objective}/{method}.parquet" for method in FeatureMethod}
    for kind, suffix in kinds.items():
        for name in ("views/wide", "views/narrow", "cc", "dmvc-fix", "dmvc"):
            expected.add(f"data/{kind}/toy/{objective}/{name}.{suffix}")
    expected |= {f"metrics/toy/training-{objective}-{method}.csv" for method in FeatureMethod}
    assert outputs(objective).keys() == expected
    assert not list(Path("data/scratch").rglob("*.safetensors"))
    assert json.loads(Path(f"logs/train-toy-{objective}-dmvc.json").read_text())["device"] == "cpu"


@pytest.mark.parametrize("objective", list(Objective))
def test_tables_and_models_belong_together(project: Path, objective: str) -> None:
    trained(objective, *FeatureMethod)
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
        name = MethodName.parse(f"{objective}/{method}")
        table = read_partitions(TrainedFiles(Path("data"), "toy").partitions(name))
        column = name.view or name.method
        assert table.labels[column].shape == (60,)
        assert table.settings[column]["n_clusters"] == 3
        assert table.settings[column]["embedding"] == file_digest(embedding.file)


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
    trained(objective, "views")
    message = refusal(objective, "dmvc-fix", "--scaling", "l2")
    assert message == (
        f"data/models/toy/{objective}/views/wide.safetensors was trained on other scaling than now; "
        "run `dvc repro` to make it again"
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


def test_parameters_come_from_the_file_and_from_set(project: Path) -> None:
    assert train("idec", "cc", "--set", "gamma=0.25", "--set", "refine-epochs=1").exit_code == 0
    settings = read_partitions(Path("data/partitions/toy/idec/cc.parquet")).settings["cc"]
    assert settings["gamma"] == 0.25
    assert settings["refine_epochs"] == 1
    assert settings["pretrain_epochs"] == FAST["idec"]["pretrain_epochs"]
    Path("params.yaml").rename("other.yaml")
    assert train("idec", "cc", "--params", "other.yaml").exit_code == 0
    assert read_partitions(Path("data/partitions/toy/idec/cc.parquet")).settings["cc"]["gamma"] == 1


def test_a_preset_gives_what_the_section_does_not(project: Path) -> None:
    short = ("--set", "pretrain_epochs=2", "--set", "layer_epochs=1")
    assert train("idec", "cc", "--set", "preset=released", *short).exit_code == 0
    assert [row["phase"] for row in curve("idec", "cc")][:5] == ["layer"] * 2 + ["pretrain"] * 2 + ["anchor"]
    settings = read_partitions(Path("data/partitions/toy/idec/cc.parquet")).settings["cc"]
    assert (settings["preset"], settings["gamma"], settings["scaling"]) == ("released", 0.1, "none")
    assert settings["pretrain_epochs"] == 2
    assert settings["anchor_epochs"] == FAST["idec"]["anchor_epochs"]
    assert settings["update_interval"] == 140


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
    assert refusal("idec", "cc", "--n-clusters", "auto").startswith("data/partitions/toy/n_clusters.txt does not")
    file = Path("data/partitions/toy/n_clusters.txt")
    write_text(file, sealed(f"2 toy {BLANK}\n"))
    assert train("idec", "cc", "--n-clusters", "auto").exit_code == 0
    assert len(np.unique(read_partitions(Path("data/partitions/toy/idec/cc.parquet")).labels["cc"])) == 2


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
    assert all(option in text for option in ("--method", "--set", "--params", "--device"))
