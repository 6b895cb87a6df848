"""The stage `evaluate`: every method has its scores, those of single networks one a backbone."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score
from typer.testing import CliRunner, Result

from stages.comparison import METHODS
from stages.evaluate import app
from stages.manifest import write_manifest
from stages.tables import (
    Image,
    read_images,
    write_dendrogram,
    write_images,
    write_partitions,
    write_vectors,
)

CLASSES = np.repeat([0, 1, 2], 4)


def partition(moved: int) -> np.ndarray:
    """The classes, but for some images that are in the next one."""
    return np.where(np.arange(12) < moved, 1, CLASSES)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve images in two views; the clusters of every method, each with another number of mistakes."""
    monkeypatch.chdir(tmp_path)
    file = Path("data/images/d.parquet")
    images = [Image(f"{i}.png", b"%d" % i, int(label), 4, 4) for i, label in enumerate(CLASSES)]
    write_images(file, images, ["a", "b", "c"])
    fingerprint = read_images(file).fingerprint
    Path("data/images/d.rejected.csv").write_text("path,reason\n")
    random = np.random.default_rng(0)
    for view in "ab":
        features = np.eye(3, 5)[CLASSES] + 0.1 * random.random((12, 5))
        write_vectors(
            Path(f"data/features/d/{view}/L3.parquet"), "features", [features.astype(np.float32)], fingerprint, {}
        )
        runs = {f"ward/L3/x1/seed{seed}": partition(seed) for seed in range(2)}
        settings = {"layer": "L3", "algorithm": "ward", "multiple": 1}
        write_partitions(
            Path(f"data/partitions/d/baseline/{view}.parquet"), runs, dict.fromkeys(runs, settings), fingerprint
        )
    folder = Path("data/partitions/d")
    write_partitions(folder / "ensemble.parquet", {"ensemble": CLASSES}, {"ensemble": {}}, fingerprint)
    for objective, moved in (("jule", 1), ("idec", 2)):
        for method in METHODS:
            columns = ["a", "b"] if method == "views" else [method]
            labels = {name: partition(moved + number) for number, name in enumerate(columns)}
            table = folder / objective / f"{method}.parquet"
            write_partitions(table, labels, {name: {} for name in labels}, fingerprint)
    merges = np.array([[i if i == 0 else 11 + i, i + 1, i / 12, i + 2] for i in range(11)], dtype=np.float64)
    write_dendrogram(folder / "dendrogram.parquet", merges, fingerprint, {})
    (folder / "cluster_counts.csv").write_text("clusters,lifetime,stability\n3,0.5,0.9\n")
    rows = "".join(f"{i}.png,{label},1.0\n" for i, label in enumerate(CLASSES))
    (folder / "assignments.csv").write_text(f"path,cluster,confidence\n{rows}")
    for name in ("features", "partitions"):
        write_manifest(Path(f"data/views/d/{name}.json"), {"a": {}, "b": {}})
    return tmp_path


def evaluate(*names: str) -> Result:
    write_manifest(Path("data/views/d/methods.json"), {name: {} for name in names})
    return CliRunner().invoke(app, ["--dataset", "d"])


def scores() -> dict:
    return json.loads(Path("metrics/d/scores.json").read_text())


def test_every_listed_method_is_scored_under_its_name(project: Path) -> None:
    names = [f"{objective}/{method}" for objective in ("jule", "idec") for method in METHODS]
    result = evaluate(*names)
    assert result.exit_code == 0, result.output
    assert result.stdout == "d: 17 partitions of 12 images scored\n"
    found = scores()
    assert set(found) == {"dataset", "ensemble", "train", "baseline"}
    assert found["ensemble"]["nmi_geometric"] == 1
    rows = ["views/a", "views/b", "cc", "mvec", "dmvc-fix", "dmvc"]
    assert list(found["train"]) == [f"{objective}/{row}" for objective in ("jule", "idec") for row in rows]
    for name, moved in (("jule/views/a", 1), ("jule/views/b", 2), ("jule/dmvc", 1), ("idec/mvec", 2)):
        expected = normalized_mutual_info_score(CLASSES, partition(moved), average_method="geometric")
        assert found["train"][name]["nmi_geometric"] == pytest.approx(expected, abs=1e-6)
        assert found["train"][name]["accuracy"] == pytest.approx(1 - moved / 12, abs=1e-6)
    with Path("metrics/d/runs.csv").open() as file:
        runs = [row["method"] for row in csv.DictReader(file)]
    assert runs.count("baseline/a/L3/ward") == 2
    assert {"ensemble", "train/jule/views/a", "train/idec/dmvc"} <= set(runs)
    with Path("metrics/d/methods.csv").open() as file:
        methods = [row["method"] for row in csv.DictReader(file)]
    assert len(methods) == len(set(methods)) == 2 + 1 + 12


def test_leftovers_of_other_objectives_are_not_scored(project: Path) -> None:
    assert evaluate("jule/cc").exit_code == 0
    assert list(scores()["train"]) == ["jule/cc"]
    assert evaluate().exit_code == 0
    assert scores()["train"] == {}


def test_any_trained_table_decides_whether_the_report_is_made_anew(project: Path) -> None:
    names = ("jule/cc", "idec/cc")
    assert evaluate(*names).exit_code == 0
    before = json.loads(Path("data/evaluations/d.json").read_text())["d"]
    assert before.keys() >= {"jule/cc", "idec/cc", "ensemble.parquet"}
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    write_partitions(Path("data/partitions/d/idec/cc.parquet"), {"cc": partition(3)}, {"cc": {}}, fingerprint)
    assert evaluate(*names).exit_code == 0
    after = json.loads(Path("data/evaluations/d.json").read_text())["d"]
    assert {name for name in before if before[name] != after[name]} == {"idec/cc", "scores.json"}


def test_clusters_of_other_images_are_refused(project: Path) -> None:
    write_partitions(Path("data/partitions/d/jule/cc.parquet"), {"cc": CLASSES}, {"cc": {}}, "other")
    error = evaluate("jule/cc").exception
    assert "jule/cc.parquet was made from other images" in str(error)
