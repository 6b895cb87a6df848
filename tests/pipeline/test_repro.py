"""The pipeline under real `dvc repro`: what runs again, what is restored, what stays the same to the byte.

The steps build on each other, from one run of the whole pipeline on. They need the weights of three backbones
from the package index or from the user's cache.
"""

import csv
import json
import re
import shutil

import pytest
import yaml

from stages.tables import read_images, read_partitions
from tests.pipeline.project import NAMES, Project, draw_images

pytestmark = pytest.mark.network

SMALL = {
    "datasets": ["drawings"],
    "backbones": ["mobilenet_v2", "efficientnet_lite0"],
    "baseline": {"seeds": 2, "n_init": 2},
    "objectives": ["jule"],
    "jule": {"steps": 5, "reruns": 1},
    "idec": {"pretrain_epochs": 10, "anchor_epochs": 5, "refine_epochs": 5, "runs": 2},
}
METHODS = "methods@drawings-objectives0-image_baselines0-image_methods0"
LISTING = {"views@drawings-backbones0", METHODS}
LISTED = {METHODS, "evaluate@drawings", "experiments@drawings", "study@all", "report@all"}
JOINT = {"ensemble@drawings", *LISTED}


def _trained(objective):
    return {f"train_{row}@drawings-{objective}" for row in ("views", "cc", "mvec", "fix", "dmvc")}


def _own(backbone):
    return {f"weights@{backbone}", f"extract@drawings-{backbone}", f"baseline@drawings-{backbone}"}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("project"), **SMALL)
    draw_images(project.folder / "data" / "raw" / "drawings")
    (project.folder / "data" / "raw" / "drawings" / "noise" / "broken.jpg").write_bytes(b"\xff\xd8 no more")
    ran = project.repro()
    everything = {"download@drawings", "views@drawings-backbones0", *_trained("jule"), *JOINT}
    assert ran == everything | _own("mobilenet_v2") | _own("efficientnet_lite0")
    return project


@pytest.fixture(autouse=True)
def unchanged(project):
    """Every test leaves params.yaml as it was, and the pipeline up to date."""
    before = (project.folder / "params.yaml").read_bytes()
    yield
    assert (project.folder / "params.yaml").read_bytes() == before
    assert project.repro() == set()


def _reverted(project, before):
    """Put params.yaml back and run: everything comes from the run cache, and is what it was."""
    tables, params = before
    (project.folder / "params.yaml").write_bytes(params)
    ran = project.repro()
    # Listing takes the folders' leftovers into account, and only lists; nothing is computed again.
    assert ran <= LISTING
    now = project.tables()
    assert {name: now[name] for name in tables} == tables


def _locked(project):
    """What dvc.lock says of every stage, without the folders that it read: leftovers may lie in them."""
    stages = yaml.safe_load((project.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return {
        name: {**stage, "deps": [dep for dep in stage.get("deps", []) if "nfiles" not in dep]}
        for name, stage in stages.items()
    }


@pytest.fixture
def before(project):
    return project.tables(), (project.folder / "params.yaml").read_bytes()


def test_a_run_ends_with_the_scores_and_the_path_of_the_report(project):
    shutil.copy(project.folder / "metrics" / "report.html", project.folder / "kept.html")
    (project.folder / "metrics" / "report.html").unlink()
    done = project.dvc("repro", "--force", "--single-item", "report@all")
    lines = [line for line in done.stdout.splitlines() if line]
    assert "metrics/report.html" in lines
    shown = lines[: lines.index("metrics/report.html")]
    assert any("drawings: 24 images in 3 clusters" in line for line in shown)
    assert any(line.startswith("ensemble ") for line in shown)
    assert (project.folder / "kept.html").read_bytes() == (project.folder / "metrics" / "report.html").read_bytes()


def test_names_labels_and_rejects_come_through(project):
    folder = project.folder
    images = read_images(folder / "data" / "images" / "drawings.parquet")
    assert sorted(images.paths) == sorted(
        f"{kind}/{name}.png" for kind in ("stripes", "disc", "noise") for name in NAMES
    )
    assert images.class_names == ("disc", "noise", "stripes")
    with (folder / "data" / "partitions" / "drawings" / "assignments.csv").open(
        newline="", encoding="utf-8"
    ) as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == list(images.paths)
    assert {row["cluster"] for row in rows} == {"0", "1", "2"}
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)
    scores = json.loads((folder / "metrics" / "drawings" / "scores.json").read_text())
    assert scores["dataset"] == {"images": 24, "rejected": 1, "labelled": 24, "classes": 3, "clusters": 3}
    assert {"ensemble", "train", "baseline"} <= set(scores)
    rows = [*(f"views/{backbone}" for backbone in SMALL["backbones"]), "cc", "mvec", "dmvc-fix", "dmvc"]
    assert list(scores["train"]) == [f"jule/{row}" for row in rows]
    assert set(scores["baseline"]) == {
        f"{backbone}/L3/{algorithm}"
        for backbone in SMALL["backbones"]
        for algorithm in ("kmeans", "ward", "gdl:multiple=1,n_neighbors=10")
    }


def test_ensemble_parameters_touch_only_what_follows_the_ensemble(project, before):
    project.change(ensemble={"linkage": "single"})
    assert project.repro() == JOINT
    _reverted(project, before)


def test_an_objective_added_to_the_list_is_trained_and_its_leftovers_are_not_used(project, before):
    project.change(objectives=["jule", "idec"])
    assert project.repro() == _trained("idec") | LISTED
    scores = json.loads((project.folder / "metrics" / "drawings" / "scores.json").read_text())
    assert {name.split("/")[0] for name in scores["train"]} == {"jule", "idec"}
    # A parameter of one objective leaves the other alone.
    project.change(idec={"gamma": 0.5})
    stale = re.findall(r"^(\S+@\S+):$", project.dvc("status").stdout, re.MULTILINE)
    assert {"train_views@drawings-idec", "train_cc@drawings-idec"} <= set(stale) <= _trained("idec")
    project.change(objectives=[])
    assert project.repro() == LISTED
    assert (project.folder / "data" / "partitions" / "drawings" / "idec" / "dmvc.parquet").exists()
    scores = json.loads((project.folder / "metrics" / "drawings" / "scores.json").read_text())
    assert scores["train"] == {}
    _reverted(project, before)


def test_another_backbone_in_the_list_is_the_only_one_extracted(project, before):
    project.change(backbones=["mobilenet_v2", "efficientnet_lite1"])
    later = {"views@drawings-backbones0", *_trained("jule"), *JOINT}
    assert project.repro() == _own("efficientnet_lite1") | later
    _reverted(project, before)


def test_a_removed_backbone_is_not_used_although_its_files_stay(project, before):
    project.change(backbones=["mobilenet_v2"])
    assert project.repro() == {"views@drawings-backbones0", *_trained("jule"), *JOINT}
    partitions = project.folder / "data" / "partitions" / "drawings"
    assert (partitions / "baseline" / "efficientnet_lite0.parquet").exists()
    (settings,) = read_partitions(partitions / "ensemble.parquet").settings.values()
    assert settings["backbones"] == ["mobilenet_v2"]
    scores = json.loads((project.folder / "metrics" / "drawings" / "scores.json").read_text())
    assert {name.split("/")[0] for name in scores["baseline"]} == {"mobilenet_v2"}
    _reverted(project, before)


def test_a_changed_registry_entry_touches_its_backbone_alone(project, before):
    registry = project.folder / "stages" / "backbones" / "registry" / "light.py"
    original = registry.read_text(encoding="utf-8")
    assert original.count("resize=256") == 1
    registry.write_text(original.replace("resize=256", "resize=300"), encoding="utf-8")
    ran = project.repro()
    # Every backbone's card is looked at again, and one of them is another one now. What follows its features runs
    # as far as they make a difference: partitions that come out the same change no ensemble.
    assert _own("efficientnet_lite0") <= ran
    later = {"views@drawings-backbones0", *_trained("jule"), *JOINT}
    assert ran - _own("efficientnet_lite0") <= {"weights@mobilenet_v2"} | later
    assert _trained("jule") - {"train_mvec@drawings-jule"} <= ran
    registry.write_text(original, encoding="utf-8")
    _reverted(project, before)


def test_a_run_from_scratch_gives_the_same_bytes(project, tmp_path):
    other = Project(tmp_path / "elsewhere", **SMALL)
    shutil.copytree(project.folder / "data" / "raw", other.folder / "data" / "raw", dirs_exist_ok=True)
    other.repro()
    ours, theirs = project.tables(), other.tables()
    for name, content in theirs.items():
        assert ours[name] == content, name
    mine, others = _locked(project), _locked(other)
    assert {stage: mine[stage] for stage in others} == others  # mine also has the stages of earlier tests
    assert {name for name in theirs if name.endswith(".parquet")} >= {
        "data/images/drawings.parquet",
        "data/features/drawings/mobilenet_v2/L3.parquet",
        "data/partitions/drawings/baseline/mobilenet_v2.parquet",
        "data/partitions/drawings/ensemble.parquet",
        "data/partitions/drawings/jule/mvec.parquet",
        "data/embeddings/drawings/jule/views/mobilenet_v2.parquet",
        "data/embeddings/drawings/jule/dmvc.parquet",
    }


def test_images_without_labels_go_through(tmp_path):
    project = Project(tmp_path, **SMALL)
    draw_images(project.folder / "data" / "raw" / "drawings", labelled=False)
    failed = project.dvc("repro")
    assert failed.returncode != 0
    assert "n_clusters is 'classes' but the images of data/images/drawings.parquet have no labels" in failed.stderr
    assert "Traceback" not in failed.stderr
    project.change(n_clusters=3)
    project.repro()
    scores = json.loads((tmp_path / "metrics" / "drawings" / "scores.json").read_text())
    assert set(scores["ensemble"]) == {"silhouette", "n_clusters", "largest_cluster", "smallest_cluster"}
    assert scores["dataset"]["labelled"] == 0
