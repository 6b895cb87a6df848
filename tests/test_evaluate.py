"""The stage `evaluate`: every method has its scores, those of single networks one a backbone."""

import csv
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score
from typer.testing import CliRunner, Result

from stages.core.atomic import write_text
from stages.core.csvtext import csv_text
from stages.core.dendrogram import dendrogram_of
from stages.core.digests import file_digest
from stages.core.seal import sealed_json
from stages.evaluate import app
from stages.graphs import modularity
from stages.tables import (
    Image,
    read_images,
    write_dendrogram,
    write_images,
    write_partitions,
    write_vectors,
)
from stages.tables.corrections import Corrections
from stages.tables.links import write_links
from stages.tables.manifest import write_manifest
from stages.tables.methods import METHODS
from stages.tables.near_duplicates import read_near_duplicates
from stages.tables.results import read_result
from stages.tables.textfiles import json_of, rows_of, write_json
from tests.shell import error_line

CLASSES = np.repeat([0, 1, 2], 4)
# Each image is linked to the next two of its class.
LINKS = np.array([(4 * (i // 4) + i % 4, 4 * (i // 4) + (i + step) % 4) for i in range(12) for step in (1, 2)])


def partition(moved: int) -> np.ndarray:
    """The classes, but for some images that are in the next one."""
    return np.where(np.arange(12) < moved, 1, CLASSES)


@pytest.fixture
def project(workdir: Path) -> Path:
    """Twelve images in two views; the clusters of every method, each with another number of mistakes."""
    file = Path("data/images/d.parquet")
    images = [Image(f"{i}.png", b"%d" % i, int(label), 4, 4) for i, label in enumerate(CLASSES)]
    write_images(file, images, ["a", "b", "c"])
    fingerprint = read_images(file).fingerprint
    Path("data/images/d.rejected.csv").write_text("path,reason\n")
    write_manifest(Path("data/images/d.lists.json"), {"d": {}})
    write_text(Path("data/graphs/d.near_duplicates.csv"), "group,path,best\n")
    random = np.random.default_rng(0)
    for view in "ab":
        features = np.eye(3, 5)[CLASSES] + 0.1 * random.random((12, 5))
        write_vectors(
            Path(f"data/features/d/{view}/L3.parquet"), "features", [features.astype(np.float32)], fingerprint, {}
        )
        runs = {f"ward/L3/x1/seed{seed}": partition(seed) for seed in range(2)}
        settings = {"layer": "L3", "algorithm": "ward", "overclustering": 1}
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
            if method != "mvec":
                write_text(Path(f"metrics/d/training-{objective}-{method}.csv"), "record,loss\n1,0.5\n")
    merges = np.array([[i if i == 0 else 11 + i, i + 1, i / 12, i + 2] for i in range(11)], dtype=np.float64)
    write_dendrogram(folder / "dendrogram.parquet", merges, fingerprint, {})
    (folder / "cluster_counts.csv").write_text("clusters,modularity,lifetime\n1,0.15,0\n3,0.5,0.9\n")
    cuts = {"cut-1": 0 * CLASSES, "cut-3": CLASSES, "cut-5": np.arange(12) % 5}
    write_partitions(folder / "cuts.parquet", cuts, {name: {} for name in cuts}, fingerprint)
    (folder / "n_clusters.json").write_text(sealed_json({"n_clusters": 3}))
    write_links(Path("data/graphs/d.parquet"), LINKS, fingerprint, {"structure": {"odds": 2.0, "cut": 1.0}})
    write_result("ensemble", CLASSES)
    for name in ("features", "partitions"):
        write_manifest(Path(f"data/views/d/{name}.json"), {"a": {}, "b": {}})
    return workdir


def write_result(method: str, labels: np.ndarray, confidence: float = 1.0) -> None:
    """Write what the stage `result` writes."""
    rows = "".join(f"{i}.png,{label},{confidence}\n" for i, label in enumerate(labels))
    write_text(Path("data/results/d/assignments.csv"), f"path,cluster,confidence\n{rows}")
    answer = {"method": method, "chosen": "named", "modularity": {method: 0.5}}
    write_text(Path("data/results/d/result.json"), sealed_json(answer))


def evaluate(*names: str) -> Result:
    write_manifest(Path("data/views/d/methods.json"), {name: {} for name in names})
    return CliRunner().invoke(app, ["--dataset", "d"])


def scores() -> dict:
    return json_of(Path("metrics/d/scores.json"))


def test_the_task_of_a_set_is_among_its_facts(project: Path) -> None:
    assert evaluate().exit_code == 0
    assert "task" not in scores()["dataset"]
    write_manifest(Path("data/images/d.lists.json"), {"d": {"task": "faces"}})
    assert evaluate().exit_code == 0
    assert scores()["dataset"]["task"] == "faces"


def test_the_dendrogram_is_of_the_images_that_count(project: Path) -> None:
    """Image 2 represents the four of its class, so that nine images are joined in the drawing."""
    lines = ["group,path,best", "0,2.png,yes", "0,0.png,", "0,1.png,", "0,3.png,"]
    write_text(Path("data/graphs/d.near_duplicates.csv"), "\n".join(lines) + "\n")
    images = read_images(Path("data/images/d.parquet"))
    once = read_near_duplicates(Path("data/graphs/d.near_duplicates.csv"), images).representatives
    chain = dendrogram_of(np.column_stack([np.arange(8), np.arange(1, 9)]), np.arange(1, 9) / 9)
    file = Path("data/partitions/d/dendrogram.parquet")
    write_dendrogram(file, once.dendrogram_of_all(chain).merges, images.fingerprint, {"count_once": True})
    assert evaluate().exit_code == 0
    rows = list(rows_of(Path("metrics/d/dendrogram.csv"), "height", "images", "left_cluster", "right_cluster"))
    assert [(float(height), int(count)) for height, count, *_ in rows] == [
        (round(step / 9, 6), step + 1) for step in range(1, 9)
    ]
    assert rows[0][2:] == ("0", "1"), "image 2 and image 4"


def test_every_listed_method_is_scored_under_its_name(project: Path) -> None:
    names = [f"{objective}/{method}" for objective in ("jule", "idec") for method in METHODS]
    result = evaluate(*names)
    assert result.exit_code == 0, result.output
    assert result.stdout == "d: 17 partitions of 12 images scored\n"
    found = scores()
    assert set(found) == {"dataset", "result", "ensemble", "train", "baseline"}
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


def test_every_method_has_its_modularity(project: Path) -> None:
    """Also the baselines', which is the mean over their runs."""
    assert evaluate("jule/views", "idec/mvec").exit_code == 0
    found = scores()
    groups = (("ensemble", 0), ("train/jule/views/a", 1), ("train/jule/views/b", 2), ("train/idec/mvec", 2))
    for name, moved in groups:
        expected = round(modularity(LINKS, partition(moved)), 6)
        kind, _, rest = name.partition("/")
        assert (found[kind][rest] if rest else found[kind])["modularity"] == expected
    assert found["ensemble"]["modularity"] == round(2 / 3, 6)
    both = [modularity(LINKS, partition(moved)) for moved in (0, 1)]
    assert found["baseline"]["a/L3/ward"]["modularity"] == pytest.approx(np.mean(both), abs=1e-6)
    for name in ("methods", "runs"):
        assert all(row["modularity"] for row in rows(name))
    assert json.loads(Path("metrics/d/summary.json").read_text())["idec/mvec"]["modularity"] == round(
        modularity(LINKS, partition(2)), 4
    )


def test_the_result_is_scored_as_the_method_that_it_is_of(project: Path) -> None:
    write_result("jule/dmvc", partition(1), 0.75)
    assert evaluate("jule/dmvc").exit_code == 0
    found = scores()
    assert found["result"] == {"method": "jule/dmvc", **found["train"]["jule/dmvc"]}
    assert found["result"] != {"method": "jule/dmvc", **found["ensemble"]}
    summary = json.loads(Path("metrics/d/summary.json").read_text())
    assert list(summary)[:4] == ["images", "clusters", "result", "ensemble"]
    assert summary["result"] == summary["jule/dmvc"]
    assert [tuple(row.values()) for row in rows("cluster_sizes")] == [
        ("0", "3", "0.75"),
        ("1", "5", "0.75"),
        ("2", "4", "0.75"),
    ]


def test_a_result_with_a_cluster_that_is_empty_has_those_that_are_not(project: Path) -> None:
    write_result("jule/dmvc", np.where(CLASSES == 1, 5, CLASSES))
    assert evaluate("jule/dmvc").exit_code == 0
    assert scores()["dataset"]["clusters"] == 3
    assert [row["cluster"] for row in rows("cluster_sizes")] == ["0", "2", "5"]


def test_every_number_of_clusters_looked_at_has_the_silhouette_of_its_cut(project: Path) -> None:
    assert evaluate().exit_code == 0
    one, three = rows("cluster_counts")
    assert list(one.values()) == ["1", "0.15", "0.0", "", "12"]
    assert (three["clusters"], three["modularity"], three["lifetime"]) == ("3", "0.5", "0.9")
    assert float(three["silhouette"]) == pytest.approx(scores()["ensemble"]["silhouette"], abs=1e-6)


def test_a_table_of_no_rows_keeps_its_header(project: Path) -> None:
    Path("data/partitions/d/cluster_counts.csv").write_text("clusters,modularity,lifetime\n")
    assert evaluate().exit_code == 0
    written = Path("metrics/d/cluster_counts.csv").read_text()
    assert written == "clusters,modularity,lifetime,silhouette,images\n"


def test_a_method_with_several_seeds_has_the_mean_its_error_and_the_best(project: Path) -> None:
    """The kept clusters, with one mistake, are those of the result, its classes and its own scores."""
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    seeds = {"dmvc": [partition(0), partition(1), partition(2)]}
    file = Path("data/partitions/d/jule/dmvc.parquet")
    write_partitions(file, {"dmvc": partition(1)}, {"dmvc": {"seeds": 3}}, fingerprint, seeds)
    views = {name: [partition(0), partition(number)] for number, name in enumerate("ab", start=1)}
    file = Path("data/partitions/d/jule/views.parquet")
    kept = {name: each[0] for name, each in views.items()}
    write_partitions(file, kept, {name: {} for name in kept}, fingerprint, views)
    write_result("jule/dmvc", partition(1))
    result = evaluate("jule/views", "jule/dmvc", "jule/cc")
    assert result.exit_code == 0, (result.output, result.exception)
    assert result.stdout == f"d: {4 + 1 + 4 + 3 + 1} partitions of 12 images scored\n"
    found = scores()["train"]
    assert list(found) == ["jule/views/a", "jule/views/b", "jule/dmvc", "jule/cc"]
    dmvc = found["jule/dmvc"]
    assert dmvc["accuracy"] == pytest.approx(11 / 12, abs=1e-6)
    assert dmvc["accuracy_ste"] == pytest.approx(1 / 12 / 3**0.5, abs=2e-6)
    assert (dmvc["accuracy_best"], dmvc["seeds"]) == (1, 3)
    assert found["jule/views/b"]["accuracy"] == pytest.approx(11 / 12, abs=1e-6)
    assert not [name for name in found["jule/cc"] if name.endswith(("_ste", "_best")) or name == "seeds"]
    own = scores()["result"]
    assert own["accuracy"] == pytest.approx(11 / 12, abs=1e-6) and "accuracy_ste" not in own
    expected = normalized_mutual_info_score(CLASSES, partition(1), average_method="geometric")
    assert own["nmi_geometric"] == pytest.approx(expected, abs=1e-6)
    assert dmvc["nmi_geometric"] != own["nmi_geometric"], "which is a mean"
    short = json.loads(Path("metrics/d/summary.json").read_text())
    assert short["jule/dmvc"].keys() >= {"modularity", "modularity_ste", "modularity_best"}
    names = [row["run"] for row in rows("runs") if row["method"] == "train/jule/dmvc"]
    assert names == [f"train/jule/dmvc/seed{number}" for number in range(3)]
    by_name = {row["method"]: row for row in rows("methods")}
    assert float(by_name["train/jule/dmvc"]["accuracy_ste"]) == dmvc["accuracy_ste"]
    assert by_name["train/jule/cc"]["accuracy_ste"] == "" != by_name["train/jule/cc"]["accuracy"]
    matched = [row for row in rows("classes") if row["method"] == "train/jule/dmvc"]
    assert [row["recall"] for row in matched] == ["0.75", "1.0", "1.0"]


def test_without_seeds_no_column_is_added(project: Path) -> None:
    assert evaluate("jule/views", "jule/dmvc").exit_code == 0
    names = ("methods", "runs")
    assert not [
        column for name in names for column in rows(name)[0] if column.endswith(("_ste", "_best", "seeds"))
    ]


def test_every_result_of_a_method_on_images_is_scored(project: Path) -> None:
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    for method, columns in (("jule", ("jule-sf", "jule-rc")), ("pixels", ("pixels-kmeans", "pixels-ward"))):
        labels = {name: partition(moved) for moved, name in enumerate(columns)}
        file = Path(f"data/partitions/d/images/{method}.parquet")
        write_partitions(file, labels, {name: {} for name in labels}, fingerprint)
    write_text(Path("metrics/d/training-images-jule.csv"), "record,loss\n1,0.5\n")
    result = evaluate("idec/views", "images/pixels", "images/jule")
    assert result.exit_code == 0, (result.output, result.exception)
    found = scores()["train"]
    own = [f"images/{name}" for name in ("pixels-kmeans", "pixels-ward", "jule-sf", "jule-rc")]
    assert list(found) == ["idec/views/a", "idec/views/b", *own]
    assert [found[name]["accuracy"] for name in own] == pytest.approx([1, 11 / 12] * 2, abs=1e-6)
    classes = dict.fromkeys(row["method"] for row in rows("classes"))
    assert list(classes) == ["ensemble", *(f"train/{name}" for name in own)]
    assert "images/jule-rc" in json.loads(Path("metrics/d/summary.json").read_text())
    digests = json_of(Path("data/evaluations/d.json"))["d"]
    assert digests.keys() >= {"images/pixels", "images/jule", "training-images-jule.csv"}
    assert "training-images-pixels.csv" not in digests


def written() -> dict[str, bytes]:
    folders = (Path("metrics/d"), Path("data/evaluations"))
    return {str(file): file.read_bytes() for folder in folders for file in folder.iterdir()}


def probes(*names: str) -> Result:
    options = [option for name in names for option in ("--probes", name)]
    return CliRunner().invoke(app, ["--dataset", "d", *options])


def embed(name: str, seed: int) -> dict[str, str]:
    """Write an embedding that separates the classes, and return what the table of the clusters says of it."""
    file = Path(f"data/embeddings/d/{name}.parquet")
    values = np.eye(3, 4)[CLASSES] + 0.01 * np.random.default_rng(seed).random((12, 4))
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    write_vectors(file, "embedding", [values.astype(np.float32)], fingerprint, {})
    return {"embedding": file_digest(file)}


def test_supervised_scores_are_in_a_table_of_their_own_and_change_no_other(project: Path) -> None:
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    folder = Path("data/partitions/d/jule")
    views = {view: embed(f"jule/views/{view}", place) for place, view in enumerate("ab")}
    write_partitions(folder / "views.parquet", dict.fromkeys("ab", CLASSES), views, fingerprint)
    write_partitions(folder / "dmvc.parquet", {"dmvc": CLASSES}, {"dmvc": embed("jule/dmvc", 2)}, fingerprint)
    assert evaluate("jule/views", "jule/mvec", "jule/dmvc").exit_code == 0
    before = written()
    header = "representation,dimensions,probe,accuracy,accuracy_ste,chance,folds,samples,images,supervised\n"
    assert before["metrics/d/probes.csv"] == header.encode()
    assert probes("verification", "linear").exit_code == 0
    after = written()
    assert {name for name in after if after[name] != before[name]} == {
        "metrics/d/probes.csv",
        "data/evaluations/d.json",
    }
    found = rows("probes")
    names = [f"features/{view}/L3" for view in "ab"]
    names += [f"embedding/jule/{name}" for name in ("views/a", "views/b", "dmvc")]
    # Four images of a class are too few for five folds, and 18 pairs of one class enough for one in each of ten.
    assert [(row["representation"], row["probe"]) for row in found] == [(name, "verification") for name in names]
    assert {(row["accuracy"], row["accuracy_ste"], row["chance"], row["folds"]) for row in found} == {
        ("1.0", "0.0", "0.5", "10")
    }
    assert {(row["samples"], row["images"], row["supervised"]) for row in found} == {("20", "12", "yes")}
    assert [row["dimensions"] for row in found] == ["5", "5", "4", "4", "4"]
    assert "probes.csv" in json_of(Path("data/evaluations/d.json"))["d"]
    assert probes("verification", "linear").exit_code == 0
    assert written() == after


def test_an_embedding_of_another_training_is_refused(project: Path) -> None:
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    made = embed("jule/cc", 0)
    write_partitions(Path("data/partitions/d/jule/cc.parquet"), {"cc": CLASSES}, {"cc": made}, fingerprint)
    embed("jule/cc", 1)
    assert evaluate("jule/cc").exit_code == 0, "which does not read it"
    error = str(probes("linear").exception)
    assert error.startswith("data/embeddings/d/jule/cc.parquet cannot be used (its digest is not the one in ")


def test_a_probe_named_twice_is_refused(project: Path) -> None:
    assert error_line(probes("linear", "linear")) == "probes names linear twice; name every probe once"


def test_leftovers_of_other_objectives_are_not_scored(project: Path) -> None:
    assert evaluate("jule/cc").exit_code == 0
    assert list(scores()["train"]) == ["jule/cc"]
    assert evaluate().exit_code == 0
    assert scores()["train"] == {}


def test_any_trained_table_decides_whether_the_report_is_made_anew(project: Path) -> None:
    names = ("jule/cc", "idec/cc")
    assert evaluate(*names).exit_code == 0
    before = json_of(Path("data/evaluations/d.json"))["d"]
    assert before.keys() >= {"jule/cc", "idec/cc", "ensemble.parquet"}
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    write_partitions(Path("data/partitions/d/idec/cc.parquet"), {"cc": partition(3)}, {"cc": {}}, fingerprint)
    assert evaluate(*names).exit_code == 0
    after = json_of(Path("data/evaluations/d.json"))["d"]
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"idec/cc", "scores.json", "classes.csv", "confusion.csv", "methods.csv"}


def test_clusters_of_other_images_are_refused(project: Path) -> None:
    write_partitions(Path("data/partitions/d/jule/cc.parquet"), {"cc": CLASSES}, {"cc": {}}, "other")
    error = evaluate("jule/cc").exception
    assert "jule/cc.parquet was made from other images" in str(error)


def rows(name: str) -> list[dict[str, str]]:
    with Path(f"metrics/d/{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_classes_and_their_clusters_of_every_method_that_sees_all_views(project: Path) -> None:
    assert evaluate("jule/views", "jule/dmvc", "idec/mvec").exit_code == 0
    classes = rows("classes")
    assert [(row["method"], row["class"]) for row in classes] == [
        (method, name) for method in ("ensemble", "train/jule/dmvc", "train/idec/mvec") for name in "abc"
    ]
    assert {(row["labelled_images"], row["n_clusters"]) for row in classes} == {("12", "3")}
    # One image of class a is in the cluster of b.
    a, b = classes[3:5]
    assert [a[name] for name in ("images", "cluster", "cluster_images")] == ["4", "0", "3"]
    assert [float(a[name]) for name in ("precision", "recall", "f1")] == [1, 0.75, pytest.approx(6 / 7, abs=1e-6)]
    assert float(a["fowlkes_mallows"]) == pytest.approx(3 * (2 / 6**0.5) / 4, abs=1e-6)
    assert float(b["fowlkes_mallows"]) == pytest.approx(3 / 12**0.5, abs=1e-6)
    cells = [tuple(row.values()) for row in rows("confusion") if row["method"] == "train/jule/dmvc"]
    assert cells == [
        ("train/jule/dmvc", "a", "0", "a", "0", "3", "0.75", "12", "3"),
        ("train/jule/dmvc", "a", "1", "b", "1", "1", "0.25", "12", "3"),
        ("train/jule/dmvc", "b", "1", "b", "1", "4", "1.0", "12", "3"),
        ("train/jule/dmvc", "c", "2", "c", "2", "4", "1.0", "12", "3"),
    ]
    assert len(rows("nmi")) == 2 + 1 + 2 + 2


def test_a_cluster_that_stands_for_no_class_is_called_by_its_number(project: Path) -> None:
    clusters = np.array([0, 0, 0, 3, 1, 1, 1, 1, 1, 1, 1, 1])
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    write_partitions(Path("data/partitions/d/jule/cc.parquet"), {"cc": clusters}, {"cc": {}}, fingerprint)
    assert evaluate("jule/cc").exit_code == 0
    found = {row["class"]: row for row in rows("classes") if row["method"] == "train/jule/cc"}
    (lost,) = (name for name in "bc" if not found[name]["cluster"])
    assert float(found[lost]["f1"]) == 0 < float(found[lost]["fowlkes_mallows"])
    named = {(row["cluster"], row["cluster_name"], row["cluster_place"]) for row in rows("confusion")[3:]}
    own = "c" if lost == "b" else "b"
    assert named == {("0", "a", "0"), ("3", "(cluster 3)", "3"), ("1", own, str("abc".index(own)))}


@pytest.mark.parametrize(("method", "scored"), [("jule/dmvc", "train/jule/dmvc"), ("ensemble", "ensemble")])
def test_classes_of_the_result_have_the_numbers_that_its_clusters_kept(
    project: Path, method: str, scored: str
) -> None:
    """Those of other methods have their own; scores are the same."""
    assert evaluate("jule/dmvc", "jule/cc").exit_code == 0
    before, classes = scores(), rows("classes")
    labels = partition(1) if method == "jule/dmvc" else CLASSES
    numbers = {0: 7, 1: 0, 2: 5}
    write_result(method, np.array([numbers[label] for label in labels.tolist()]))
    file = Path("data/results/d/result.json")
    write_json(file, replace(read_result(file.parent), numbers=numbers).to_json())
    assert evaluate("jule/dmvc", "jule/cc").exit_code == 0
    for row, old in zip(rows("classes"), classes, strict=True):
        number = old["cluster"]
        assert row == old | {"cluster": str(numbers[int(number)]) if old["method"] == scored else number}
    cells = [row for row in rows("confusion") if row["method"] == scored]
    assert {row["cluster"] for row in cells} == {"7", "0", "5"}
    after = scores()
    assert {name: after[name] for name in after if name != "result"} == {
        name: before[name] for name in before if name != "result"
    }
    assert [row["cluster"] for row in rows("cluster_sizes")] == ["0", "5", "7"]


def test_images_without_labels_are_in_no_comparison_and_none_leaves_a_header(project: Path) -> None:
    file = Path("data/images/d.parquet")
    for labels, names, expected in (([0, None] * 6, ["a"], 6), ([None] * 12, [], 0)):
        write_images(file, [Image(f"{i}.png", b"%d" % i, label, 4, 4) for i, label in enumerate(labels)], names)
        assert evaluate("jule/dmvc").exit_code == 0
        assert sum(int(row["images"]) for row in rows("classes") if row["method"] == "ensemble") == expected
        assert {int(row["labelled_images"]) for row in rows("nmi")} <= {expected}
    for name, first in (("classes", "method,class,"), ("confusion", "method,class,"), ("nmi", "method,nmi_")):
        text = Path(f"metrics/d/{name}.csv").read_text()
        assert text.startswith(first)
        assert text.count("\n") == 1
    assert len(rows("dendrogram")) == 11


def test_the_last_merges_are_written_with_their_clusters(project: Path) -> None:
    assert evaluate().exit_code == 0
    merges = rows("dendrogram")
    # A chain: image after image joins; the first three merges are of class a alone.
    assert [row["left_cluster"] for row in merges] == ["0", "0", "0", "0", *[""] * 7]
    assert [row["undone"] for row in merges] == ["0"] * 9 + ["1"] * 2
    assert list(merges[10].values()) == ["22", "21", "11", "0.833333", "12", "11", "1", "", "2", "1"]


def test_a_rerun_changes_no_byte_and_the_report_waits_for_every_figure(project: Path) -> None:
    def files() -> dict[Path, bytes]:
        return {file: file.read_bytes() for top in ("metrics", "data") for file in Path(top).rglob("*.*")}

    names = ("jule/views", "jule/mvec", "jule/dmvc")
    assert evaluate(*names).exit_code == 0
    before = files()
    assert evaluate(*names).exit_code == 0
    assert files() == before
    on = {(row["images"], row["labelled_images"]) for name in ("methods", "runs") for row in rows(name)}
    assert on == {("12", "12")}
    assert {row["images"] for name in ("agreement", "cluster_counts") for row in rows(name)} == {"12"}
    digests = json_of(Path("data/evaluations/d.json"))["d"]
    tables = {"dendrogram.csv", "classes.csv", "confusion.csv", "cluster_counts.csv", "agreement.csv"}
    assert digests.keys() >= tables | {"training-jule-views.csv", "training-jule-dmvc.csv"}
    write_text(Path("metrics/d/training-jule-dmvc.csv"), "record,loss\n1,0.25\n")
    assert evaluate(*names).exit_code == 0
    after = json_of(Path("data/evaluations/d.json"))["d"]
    assert {name for name in digests if digests[name] != after[name]} == {"training-jule-dmvc.csv"}


@pytest.mark.parametrize(
    "file", ["results/d/result.json", "results/d/assignments.csv", "partitions/d/n_clusters.json"]
)
def test_the_report_waits_for_the_result_and_what_is_said_of_the_number(project: Path, file: str) -> None:
    assert evaluate("jule/dmvc").exit_code == 0
    before = json_of(Path("data/evaluations/d.json"))["d"]
    place = Path("data", file)
    if place.suffix == ".csv":
        place.write_text(place.read_text().replace("1.0", "0.5"))
    else:
        write_json(place, {**json_of(place), "other": 1})
    assert evaluate("jule/dmvc").exit_code == 0
    after = json_of(Path("data/evaluations/d.json"))["d"]
    assert {name for name in before if before[name] != after[name]} == {Path(file).name}


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("assignments.csv", None, "data/results/d/assignments.csv does not exist; run `dvc repro`"),
        (
            "assignments.csv",
            "path,cluster,confidence\nother.png,0,1\n",
            "data/results/d/assignments.csv lists other images than the image table; run `dvc repro`",
        ),
        ("result.json", None, "data/results/d/result.json does not exist; run `dvc repro`"),
        (
            "assignments.csv",
            "path,cluster\n" + "".join(f"{i}.png,0\n" for i in range(len(CLASSES))),
            "data/results/d/assignments.csv cannot be used (the column 'confidence' is missing); delete",
        ),
        (
            "result.json",
            sealed_json({}),
            "data/results/d/result.json cannot be used ('modularity' is missing); delete it and",
        ),
    ],
)
def test_a_result_that_cannot_be_used_is_told_in_one_line(
    project: Path, file: str, text: str | None, message: str
) -> None:
    place = Path("data/results/d", file)
    place.unlink()
    if text is not None:
        place.write_text(text)
    error = error_line(evaluate())
    assert error.startswith(message)


@pytest.mark.parametrize("file", ["graphs/d.parquet", "partitions/d/cuts.parquet"])
def test_links_and_cuts_of_other_images_are_refused(project: Path, file: str) -> None:
    if file.startswith("graphs"):
        write_links(Path("data", file), LINKS, "other", {"structure": {"odds": 2.0, "cut": 1.0}})
    else:
        write_partitions(Path("data", file), {"cut-3": CLASSES}, {"cut-3": {}}, "other")
    assert f"{file} was made from other images" in error_line(evaluate())


def test_a_training_curve_that_is_not_there_is_named(project: Path) -> None:
    Path("metrics/d/training-jule-cc.csv").unlink()
    error = evaluate("jule/cc").exception
    assert str(error) == (
        "metrics/d/training-jule-cc.csv does not exist; run `dvc repro` to make it or `dvc pull` to fetch it"
    )


def test_a_corrected_result_is_scored_before_and_after_on_the_images_in_a_group(project: Path) -> None:
    assert evaluate("jule/dmvc").exit_code == 0
    before, files = scores(), {file: file.read_bytes() for file in Path("metrics").rglob("*.csv")}
    found, corrected = partition(2), partition(0)
    corrected[[11, 3]] = -1, 0
    columns = ["path", "cluster", "confidence", "name", "uncorrected"]
    lines = [(f"{i}.png", corrected[i], "1.0", "", found[i]) for i in range(12)]
    write_text(Path("data/results/d/assignments.csv"), csv_text(columns, lines))
    done = Corrections((("aside", "", "11.png"),), {}, {}, 2, 1, 0)
    answer = {"method": "jule/dmvc", "chosen": "auto", "modularity": {"jule/dmvc": 0.5}}
    write_json(Path("data/results/d/result.json"), answer | {"corrections": asdict(done)})
    assert evaluate("jule/dmvc").exit_code == 0
    after = scores()
    assert list(after)[:4] == ["dataset", "result", "uncorrected", "ensemble"]
    inside = corrected >= 0
    nmi = normalized_mutual_info_score(CLASSES[inside], found[inside], average_method="geometric")
    assert after["uncorrected"]["nmi_geometric"] == pytest.approx(nmi, abs=1e-6)
    assert (after["result"]["method"], after["result"]["nmi_geometric"], after["result"]["accuracy"]) == (
        "jule/dmvc",
        1,
        1,
    )
    assert after["uncorrected"]["accuracy"] == pytest.approx(9 / 11, abs=1e-6)
    assert [after[name]["smallest_cluster"] for name in ("result", "uncorrected")] == [3, 2]
    assert after["result"]["modularity"] == round(modularity(LINKS, corrected), 6)
    assert after["uncorrected"]["modularity"] == round(modularity(LINKS, np.where(inside, found, -1)), 6)
    assert after["dataset"] == before["dataset"]
    assert [after[name] for name in ("ensemble", "train", "baseline")] == [
        before[name] for name in ("ensemble", "train", "baseline")
    ]
    changed = {file.name for file, content in files.items() if file.read_bytes() != content}
    assert changed == {"cluster_sizes.csv", "dendrogram.csv"}, (
        "no score of a method, so that no experiment is rerun"
    )
    assert [row["images"] for row in rows("cluster_sizes")] == ["4", "4", "3"]
    summed = json.loads(Path("metrics/d/summary.json").read_text())
    assert list(summed) == ["images", "clusters", "result", "uncorrected", "ensemble", "jule/dmvc"]
