"""The pipeline under real `dvc repro`: what runs again, what is restored, what stays the same to the byte."""

import csv

import pytest

from stages.core.csvtext import csv_text
from stages.tables import read_images, read_partitions
from tests.pipeline.project import NAMES, assert_restored
from tests.pipeline.stagenames import CHECK, GRAPH, JOINT, RESULT, SCORED, VIEWS, own


def test_everything_runs_once_and_then_nothing(computed, project):
    assert computed.ran == {CHECK, "download@drawings", *own("pixels"), VIEWS, GRAPH, *JOINT}
    assert project.repro() == set()


def test_a_run_ends_with_the_scores_and_the_path_of_the_report(project):
    report = project.folder / "metrics" / "report.html"
    kept = report.read_bytes()
    report.unlink()
    done = project.dvc("repro", "--force", "--single-item", "report")
    lines = [line for line in done.stdout.splitlines() if line]
    assert "metrics/report.html" in lines
    shown = lines[: lines.index("metrics/report.html")]
    assert any("drawings: 24 images in 3 clusters" in line for line in shown)
    assert any(line.startswith("ensemble ") for line in shown)
    assert report.read_bytes() == kept


def test_names_labels_and_rejects_come_through(computed):
    images = read_images(computed.folder / "data" / "images" / "drawings.parquet")
    assert sorted(images.paths) == sorted(
        f"{kind}/{name}.png" for kind in ("stripes", "disc", "noise") for name in NAMES
    )
    assert images.class_names == ("disc", "noise", "stripes")
    assignments = computed.folder / "data" / "results" / "drawings" / "assignments.csv"
    with assignments.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == list(images.paths)
    assert {row["cluster"] for row in rows} == {"0", "1", "2"}
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)
    scores = computed.scores()
    assert scores["dataset"] == {"images": 24, "rejected": 1, "labelled": 24, "classes": 3, "clusters": 3}
    assert "ensemble" in scores
    assert scores["result"] == {"method": "ensemble", **scores["ensemble"]}
    assert scores["train"] == {}
    assert set(scores["baseline"]) == {"pixels/L3/kmeans"}


def test_ensemble_parameters_touch_only_what_follows_the_ensemble(project):
    before = project.tables()
    project.change(ensemble={"linkage": "single"})
    assert project.repro() == {CHECK, *JOINT}
    assert_restored(project, before)


def test_another_clustering_of_the_views_leaves_their_graph_as_it_is(project):
    before = project.tables()
    project.change(baseline={"seeds": 2})
    assert project.repro() == {CHECK, "baseline@drawings-pixels", VIEWS, *JOINT}
    assert_restored(project, before)


def test_another_number_of_clusters_leaves_the_graph_and_what_it_speaks_for_as_they_are(project):
    before = project.tables()
    answer = project.answer()
    assert answer["n_clusters"] == 3
    project.change(n_clusters=5)
    assert project.repro() == {CHECK, "baseline@drawings-pixels", VIEWS, *JOINT}
    assert project.answer()["n_clusters"] == project.scores()["dataset"]["clusters"] == 5
    project.change(n_clusters="auto")
    assert GRAPH not in project.repro()
    found = project.answer()
    assert found["n_clusters"] == found["found"] == project.scores()["dataset"]["clusters"]
    assert_restored(project, before)


def test_a_named_result_computes_no_clusters(project):
    before = project.tables()
    project.change(result="ensemble")
    assert project.repro() == {CHECK, *SCORED} - {"experiments@drawings"}
    assert (
        project.tables()["data/results/drawings/assignments.csv"]
        == before["data/results/drawings/assignments.csv"]
    )
    project.change(result="jule/dmvc")
    failed = project.dvc("repro", CHECK)
    assert failed.returncode != 0
    assert "error: result is 'jule/dmvc'; give auto or one of ensemble\n" in failed.stderr
    assert_restored(project, before)


def test_corrections_by_hand_run_the_result_again_and_are_seen_by_git(project):
    before = project.tables()
    images = read_images(project.folder / "data" / "images" / "drawings.parquet")
    rows = [*(("member", "g", path) for path in images.paths if path.startswith("disc")), ("rename", "g", "round")]
    file = project.folder / "data" / "corrections" / "drawings.csv"
    file.write_text(csv_text(["action", "group", "value"], rows), encoding="utf-8")
    assert "data/corrections/drawings.csv" in project.git("status", "--porcelain", "-uall")
    assert project.repro() == {RESULT, "evaluate@drawings", "study", "report"}
    with (project.folder / "data/results/drawings/assignments.csv").open(newline="", encoding="utf-8") as table:
        assert {row["name"] for row in csv.DictReader(table) if row["path"].startswith("disc")} == {"round"}
    file.unlink()
    project.repro()
    assert_restored(project, before)


@pytest.mark.network
def test_an_added_backbone_is_the_only_one_extracted_and_a_removed_one_is_not_used(project):
    before = project.tables()
    project.change(backbones=["pixels", "mobilenet_v2"])
    assert project.repro(VIEWS) == own("mobilenet_v2") | {VIEWS}
    project.change(backbones=["mobilenet_v2"])
    assert project.repro() == {CHECK, VIEWS, GRAPH, *JOINT}
    assert (project.folder / "data" / "partitions" / "drawings" / "baseline" / "pixels.parquet").exists()
    table = read_partitions(project.folder / "data" / "partitions" / "drawings" / "ensemble.parquet")
    (settings,) = table.settings.values()
    assert settings["backbones"] == ["mobilenet_v2"]
    assert {name.split("/")[0] for name in project.scores()["baseline"]} == {"mobilenet_v2"}
    assert_restored(project, before)
