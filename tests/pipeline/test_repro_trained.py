"""The pipeline with networks that are trained, under real `dvc repro`; each test in a copy of one run."""

import re
import shutil

import pytest
import yaml

from stages.tables import read_partitions
from tests.pipeline.project import Project, assert_restored, draw_images
from tests.pipeline.stagenames import CHECK, GRAPH, JOINT, RESULT, SCORED, VIEWS, own, trained

pytestmark = [pytest.mark.slow, pytest.mark.network]

TWO_VIEWS = {
    "datasets": ["drawings"],
    "backbones": ["mobilenet_v2", "efficientnet_lite0"],
    "baseline": {"seeds": 2, "n_init": 2},
    "objectives": ["jule"],
    "jule": {"steps": 5, "reruns": 1},
    "idec": {"pretrain_epochs": 10, "anchor_epochs": 5, "refine_epochs": 5, "runs": 2},
}


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    """Two views, every stage; to be read or copied."""
    project = Project(tmp_path_factory.mktemp("trained") / "project", **TWO_VIEWS)
    draw_images(project.folder / "data" / "raw" / "drawings")
    ran = project.repro()
    everything = {CHECK, "download@drawings", VIEWS, GRAPH, *trained("jule"), *JOINT}
    assert ran == everything | own("mobilenet_v2") | own("efficientnet_lite0")
    project.commit("Two views")
    return project


@pytest.fixture
def project(run_once, tmp_path):
    """A copy, to be changed."""
    return run_once.copy(tmp_path / "project")


def test_every_method_and_every_view_is_scored(run_once):
    scores = run_once.scores()
    rows = [*(f"views/{backbone}" for backbone in TWO_VIEWS["backbones"]), "cc", "mvec", "dmvc-fix", "dmvc"]
    assert list(scores["train"]) == [f"jule/{row}" for row in rows]
    assert set(scores["baseline"]) == {
        f"{backbone}/L3/{algorithm}"
        for backbone in TWO_VIEWS["backbones"]
        for algorithm in ("kmeans", "ward", "gdl:n_neighbors=10")
    }
    result = dict(scores["result"])
    name = result.pop("method")
    assert result == {"ensemble": scores["ensemble"], "jule/dmvc": scores["train"]["jule/dmvc"]}[name]


def test_ensemble_parameters_train_nothing(project):
    before = project.tables()
    project.change(ensemble={"linkage": "single"})
    assert project.repro() == {CHECK, *JOINT}
    assert_restored(project, before)


def test_an_objective_added_to_the_list_is_trained_and_its_leftovers_are_not_used(project):
    before = project.tables()
    project.change(objectives=["jule", "idec"])
    assert project.repro() == trained("idec") | {CHECK, *SCORED}
    assert {name.split("/")[0] for name in project.scores()["train"]} == {"jule", "idec"}
    # A parameter of one objective leaves the other alone.
    project.change(idec={"gamma": 0.5})
    stale = re.findall(r"^(\S+@\S+):$", project.dvc("status").stdout, re.MULTILINE)
    assert {"train_views@drawings-idec", "train_cc@drawings-idec"} <= set(stale) <= trained("idec")
    project.change(objectives=[])
    assert project.repro() == {CHECK, *SCORED}
    assert (project.folder / "data" / "partitions" / "drawings" / "idec" / "dmvc.parquet").exists()
    assert project.scores()["train"] == {}
    assert_restored(project, before)


def test_an_embedding_is_clustered_listed_and_scored_without_any_training(project):
    before = project.tables()
    project.change(representations=["jule/cc"], representation={"algorithms": ["kmeans", "nmf_lp"]})
    assert project.repro() == {CHECK, "cluster_representations@drawings-jule/cc", *SCORED}
    made = {f"jule/cc-embedding-{name}" for name in ("kmeans", "nmf_lp")}
    assert made <= set(project.scores()["train"])
    project.change(representations=[])
    assert project.repro() == {CHECK, RESULT}, "the leftover table is in a folder of its deps, and changes nothing"
    assert_restored(project, before)


def test_a_sweep_trains_nothing_else_and_each_has_values_of_its_own(project):
    before = project.tables()
    eta, steps = (
        {"dataset": "drawings", "objective": "jule", "method": "cc", "name": name} for name in ("eta", "steps")
    )
    project.change(sweeps=[eta], sweep={"eta": {"values": {"eta": [0.3, 0.9]}, "seeds": 2}})
    assert project.repro() == {CHECK, "train_sweep@sweep0", "sweep@sweep0"}
    table = (project.folder / "metrics/drawings/sweep-jule-cc-eta.csv").read_text(encoding="utf-8").splitlines()
    assert len(table) == 1 + 2 * 2 and table[0].startswith("eta,seed,images,nmi_geometric,")
    project.change(sweeps=[eta, steps], sweep={"steps": {"values": {"steps": [0, 5]}, "seeds": 1}})
    assert project.repro() == {CHECK, "train_sweep@sweep1", "sweep@sweep1"}
    project.change(sweeps=[])
    assert project.repro() == {CHECK}
    assert_restored(project, before)


def test_networks_are_trained_again_on_the_views_of_another_backbone(project):
    before = project.tables()
    project.change(backbones=["mobilenet_v2", "efficientnet_lite1"])
    assert project.repro() == own("efficientnet_lite1") | {CHECK, VIEWS, GRAPH, *trained("jule"), *JOINT}
    assert_restored(project, before)


def test_a_changed_registry_entry_touches_its_backbone_alone(project):
    before = project.tables()
    registry = project.folder / "stages" / "registry" / "backbones.yaml"
    original = registry.read_text(encoding="utf-8")
    resized = "*half, resize: 256"  # that of efficientnet_lite0
    assert original.count(resized) == 1
    registry.write_text(original.replace(resized, "*half, resize: 300"), encoding="utf-8")
    ran = project.repro()
    # Every backbone's card is made again, and one of them has changed. The stages after its features run as far as
    # they make a difference: partitions that come out the same change no ensemble.
    assert own("efficientnet_lite0") <= ran
    later = {VIEWS, GRAPH, *trained("jule"), *JOINT}
    assert ran - own("efficientnet_lite0") <= {CHECK, "weights@mobilenet_v2"} | later
    assert trained("jule") - {"vote@drawings-jule"} <= ran
    registry.write_text(original, encoding="utf-8")
    assert_restored(project, before)


def test_a_run_from_scratch_gives_the_same_bytes(run_once, tmp_path):
    other = Project(tmp_path / "elsewhere", **TWO_VIEWS)
    shutil.copytree(run_once.folder / "data" / "raw", other.folder / "data" / "raw", dirs_exist_ok=True)
    other.repro()
    ours, theirs = run_once.tables(), other.tables()
    assert ours.keys() == theirs.keys()
    for name, content in theirs.items():
        assert ours[name] == content, name
    locks = [(project.folder / "dvc.lock").read_text(encoding="utf-8") for project in (run_once, other)]
    assert yaml.safe_load(locks[0]) == yaml.safe_load(locks[1])
    assert {name for name in theirs if name.endswith(".parquet")} >= {
        "data/images/drawings.parquet",
        "data/features/drawings/mobilenet_v2/L3.parquet",
        "data/partitions/drawings/baseline/mobilenet_v2.parquet",
        "data/graphs/drawings.parquet",
        "data/partitions/drawings/cuts.parquet",
        "data/partitions/drawings/ensemble.parquet",
        "data/partitions/drawings/jule/mvec.parquet",
        "data/embeddings/drawings/jule/views/mobilenet_v2.parquet",
        "data/embeddings/drawings/jule/dmvc.parquet",
    }


def test_images_without_labels_go_through(tmp_path):
    project = Project(tmp_path, **TWO_VIEWS)
    project.change(backbones=["mobilenet_v2"])  # and so does a single view
    draw_images(project.folder / "data" / "raw" / "drawings", labelled=False)
    failed = project.dvc("repro")
    assert failed.returncode != 0
    assert "n_clusters is 'classes' but the images of data/images/drawings.parquet have no labels" in failed.stderr
    assert "Traceback" not in failed.stderr
    project.change(n_clusters=3)
    project.repro()
    scores = project.scores()
    sizes = {"n_clusters", "largest_cluster", "smallest_cluster"}
    assert set(scores["ensemble"]) == {"modularity", "silhouette", *sizes}
    assert scores["dataset"]["labelled"] == 0


def test_a_parameter_that_the_file_lacks_can_be_given_to_an_experiment(project):
    """With a plus, as DVC has it: it reaches the network, its metadata and the list of what differs."""
    project.dvc_prints("exp", "run", "-S", "+jule.eta=0.9", "train_cc@drawings-jule")
    table = read_partitions(project.folder / "data/partitions/drawings/jule/cc.parquet")
    assert table.settings["cc"]["eta"] == 0.9
    assert re.search(r"jule\.eta\s+-\s+0\.9", project.dvc_prints("params", "diff"))
