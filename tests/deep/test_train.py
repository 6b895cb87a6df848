"""The train stage as a user runs it, on a tiny image set."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from typer.testing import CliRunner, Result

from stages import train as stage
from stages.errors import ManyviewsError
from stages.tables import Image, read_images, read_partitions, read_vectors, write_images, write_vectors

FAST = (
    "--width",
    "8",
    "--pretrain-epochs",
    "5",
    "--anchor-epochs",
    "3",
    "--refine-epochs",
    "2",
    "--device",
    "cpu",
)
OUTPUTS = (
    "data/partitions/toy/train-idec.parquet",
    "data/embeddings/toy/idec.parquet",
    "data/models/toy/idec.safetensors",
    "metrics/toy/training-idec.csv",
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blobs: tuple[list[np.ndarray], np.ndarray]) -> Path:
    """A project folder, made the current one, with images and the features of two backbones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MANYVIEWS_DEVICE", raising=False)
    views, labels = blobs
    images = [Image(f"{i}.png", bytes([i]), int(label), 4, 4) for i, label in enumerate(labels)]
    write_images(Path("data/images/toy.parquet"), images, ["a", "b", "c"])
    for name, view in zip(("wide", "narrow"), views, strict=True):
        write_features(name, view)
    manifest = Path("data/views/toy/features.json")
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"wide": {"L3": "0"}, "narrow": {"L3": "0"}}))
    return tmp_path


def write_features(backbone: str, view: np.ndarray, fingerprint: str | None = None) -> None:
    images = read_images(Path("data/images/toy.parquet"))
    file = Path(f"data/features/toy/{backbone}/L3.parquet")
    write_vectors(file, "features", [view], fingerprint or images.fingerprint, {})


def train(*options: str, fast: Sequence[str] = FAST) -> Result:
    arguments = ["--dataset", "toy", "--n-clusters", "classes", *fast, *options]
    return CliRunner().invoke(stage.app, arguments)


def refusal(*options: str) -> str:
    """What the user is told when the stage refuses."""
    error = train(*options).exception
    assert isinstance(error, ManyviewsError)
    assert "\n" not in str(error)
    return str(error)


def test_all_outputs_are_written_and_belong_to_the_images(project: Path) -> None:
    result = train()
    assert result.exit_code == 0, result.output
    assert "toy: idec on 2 views, 3 clusters" in result.stdout
    assert result.stderr == ""
    images = read_images(project / "data/images/toy.parquet")
    partitions = read_partitions(project / OUTPUTS[0])
    embedding = read_vectors(project / OUTPUTS[1], "embedding")
    assert partitions.fingerprint == embedding.fingerprint == images.fingerprint
    assert partitions.labels["idec"].shape == (60,)
    assert partitions.settings["idec"]["backbones"] == ["wide", "narrow"]
    assert embedding.values.shape == (60, 8)
    with safe_open(project / OUTPUTS[2], "np") as weights:
        assert weights.get_tensor("centers").shape == (3, 8)
        assert weights.get_tensor("encoder.views.0.0.weight").shape == (8, 12)
        assert json.loads(weights.metadata()["manyviews"])["gamma"] == 1.0
    assert (project / "logs/train-toy-idec.json").exists()


def test_the_curve_has_a_row_an_epoch(project: Path) -> None:
    train()
    rows = list(csv.DictReader((project / OUTPUTS[3]).read_text().splitlines()))
    assert list(rows[0]) == ["epoch", "phase", "reconstruction_loss", "clustering_loss", "changed"]
    assert [row["phase"] for row in rows[:8]] == ["pretrain"] * 5 + ["anchor"] * 3
    assert [int(row["epoch"]) for row in rows] == list(range(1, len(rows) + 1))
    assert rows[0]["clustering_loss"] == ""
    assert float(rows[-1]["clustering_loss"]) >= 0


@pytest.mark.parametrize("init", ["consensus", "kmeans"])
def test_the_same_seed_gives_the_same_bytes(project: Path, init: str) -> None:
    def outputs(seed: str) -> list[bytes]:
        assert train("--seed", seed, "--init", init).exit_code == 0
        return [(project / name).read_bytes() for name in OUTPUTS]

    first = outputs("1")
    assert outputs("1") == first
    assert all(a != b for a, b in zip(outputs("2"), first, strict=True))


def test_backbones_may_be_chosen_and_options_spelt_as_in_params_yaml(project: Path) -> None:
    assert train("--backbones", "narrow", "--refine_epochs", "1").exit_code == 0
    settings = read_partitions(project / OUTPUTS[0]).settings["idec"]
    assert settings["backbones"] == ["narrow"]
    assert settings["refine_epochs"] == 1


def test_tables_of_other_images_are_refused(project: Path) -> None:
    write_features("wide", np.ones((60, 4), np.float32), fingerprint="other")
    assert "wide/L3.parquet was made from other images than data/images/toy.parquet" in refusal()


def test_unusable_features_name_their_backbone(project: Path) -> None:
    write_features("narrow", np.full((60, 4), np.nan, np.float32))
    assert refusal().startswith("backbone 'narrow' has NaN or infinite features")
    assert not (project / "data/partitions").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--objective", "idce"], "no training objective is called 'idce'; did you mean idec?"),
        (["--init", "ward"], "init is 'ward'; give consensus or kmeans"),
        (["--device", "gpu"], "device is 'gpu' but there is no such device; give auto, cpu or cuda"),
        (["--n-clusters", "61"], "n_clusters is 61 but data/images/toy.parquet has 60 images"),
        (["--backbones", "vgg"], "data/features/toy/vgg/L3.parquet does not exist; run `dvc repro`"),
        (["--gamma", "-1"], "gamma is -1.0; give a number from 0 on"),
    ],
)
def test_mistakes_are_answered_in_one_line(project: Path, options: list[str], message: str) -> None:
    assert refusal(*options).startswith(message)


def test_cuda_is_refused_where_there_is_none(project: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("a CUDA device is available")
    assert (
        refusal("--device", "cuda") == "device is 'cuda' but no CUDA device is available; give auto, cpu or cuda"
    )


def test_a_lopsided_result_is_warned_of_in_one_line(
    project: Path, blobs: tuple[list[np.ndarray], np.ndarray]
) -> None:
    view = blobs[0][0][[*range(20), *range(20), *range(20, 30), *range(40, 50)]]
    write_features("wide", view)
    result = train("--backbones", "wide", "--init", "kmeans")
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: one cluster holds 40 of 60 images")
    assert result.stderr.count("\n") == 1


def test_help_names_every_option_without_importing_torch() -> None:
    import subprocess
    import sys

    program = "import sys, stages.train; assert not {'torch', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
    text = CliRunner().invoke(stage.app, ["--help"]).stdout
    assert all(option in text for option in ("--gamma", "--anchor-epochs", "--init", "--device"))


def test_auto_takes_the_number_that_the_ensemble_found(project: Path) -> None:
    file = Path("data/partitions/toy/n_clusters.json")
    file.parent.mkdir(parents=True)
    file.write_text('{"n_clusters": 2}')
    assert train("--n-clusters", "auto").exit_code == 0
    assert len(np.unique(read_partitions(Path(OUTPUTS[0])).labels["idec"])) == 2
