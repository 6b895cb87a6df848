"""Two branches, experiments and merges under real DVC: what a user sees and does to compare."""

import csv
import io
import json

import pytest
import yaml

from tests.pipeline.stagenames import CHECK, GRAPH

pytestmark = pytest.mark.slow

WIDEST = 115  # characters of a table that does not wrap in a terminal of usual size


def _rows(table):
    """The cells of a table that DVC prints, without its heading."""
    return [line.split() for line in table.splitlines()[1:] if line]


def _is_small(table):
    return len(table.splitlines()) <= 20 and all(len(line) <= WIDEST for line in table.splitlines())


@pytest.fixture(scope="module")
def branches(computed, tmp_path_factory):
    """A project with the branch main, of three clusters, and the branch four, which is checked out."""
    project = computed.copy(tmp_path_factory.mktemp("branches") / "project")
    project.git("switch", "-q", "-c", "four")
    project.change(n_clusters=4)
    ran = project.repro()
    assert "ensemble@drawings" in ran
    assert not {"download@drawings", "extract@drawings-pixels", GRAPH} & ran
    project.commit("Four clusters")
    return project


def test_params_diff_names_what_a_branch_changed(branches):
    table = branches.dvc_prints("params", "diff", "main")
    assert _rows(table) == [["params.yaml", "n_clusters", "classes", "4"]]


def test_metrics_diff_is_a_small_table_of_the_joint_methods(branches):
    summaries = []
    for branch in ("main", "four"):
        branches.git("switch", "-q", branch)
        branches.dvc_prints("checkout")
        summaries.append(json.loads((branches.folder / "metrics" / "drawings" / "summary.json").read_text()))
    main, four = summaries
    assert (main["images"], main["clusters"], four["clusters"]) == (24, 3, 4)
    table = branches.dvc_prints("metrics", "diff", "main")
    assert _is_small(table)
    rows = {name: [float(old), float(new)] for _, name, old, new, _ in _rows(table)}
    names = [
        f"{method}.{score}"
        for method in ("ensemble", "result")
        for score in ("accuracy", "modularity", "nmi_geometric", "silhouette")
    ]
    assert rows["clusters"] == [3, 4]
    for name in names:
        method, _, score = name.partition(".")
        assert rows.get(name, [main[method][score]] * 2) == [main[method][score], four[method][score]]
    assert rows.keys() <= {"clusters", *names}
    # On how many images, and all that did not change.
    everything = branches.dvc_prints("metrics", "diff", "--all", "main")
    assert ["metrics/drawings/summary.json", "images", "24", "24", "0"] in _rows(everything)
    assert {row[1] for row in _rows(everything)} == {"images", "clusters", *names}
    # The full scores can be asked for.
    full = branches.dvc_prints("metrics", "diff", "main", "--targets", "metrics/drawings/scores.json")
    assert "pixels/L3/kmeans" in full


def test_plots_diff_draws_both_branches_into_every_figure(branches):
    printed = branches.dvc_prints("plots", "diff", "main")
    assert (branches.folder / "dvc_plots" / "index.html").as_uri() == printed.strip()
    figures = json.loads(branches.dvc_prints("plots", "diff", "main", "--json"))
    assert not figures.get("errors")
    names = ("cluster_counts", "cluster_sizes", "confusion", "methods", "nmi")
    assert {f"metrics/drawings/{name}.csv" for name in names} <= figures["data"].keys()
    for name, drawn in figures["data"].items():
        for figure in drawn:
            content = figure["content"]
            assert set(figure["revisions"]) == {"workspace", "main"}, name
            title = content["title"]["text"] if isinstance(content["title"], dict) else content["title"]
            assert title.endswith(("drawings", "drawings (images)")), name
    assert branches.git("status", "--short") == "", "what DVC draws is not for git"


def test_a_conflict_in_the_lock_file_is_resolved_by_either_side_and_repro(branches, tmp_path):
    project = branches.copy(tmp_path / "project")
    project.git("switch", "-q", "main")
    project.dvc_prints("checkout")
    project.change(report={"images_per_cluster": 6})
    assert project.repro() == {CHECK, "report"}
    project.commit("Six images a cluster")
    locks = []
    for side in ("--ours", "--theirs"):
        project.git("merge", "-q", "four", fails=True)
        assert project.git("diff", "--name-only", "--diff-filter=U") == "dvc.lock\n"
        project.git("checkout", side, "dvc.lock")
        project.repro()
        project.git("add", "dvc.lock")
        project.git("commit", "-q", "--no-edit")
        locks.append(yaml.safe_load((project.folder / "dvc.lock").read_text(encoding="utf-8")))
        assert project.git("status", "--short") == ""
        assert "up to date" in project.dvc_prints("status")
        params = yaml.safe_load((project.folder / "params.yaml").read_text(encoding="utf-8"))
        assert (params["n_clusters"], params["report"]["images_per_cluster"]) == (4, 6)
        project.git("reset", "-q", "--hard", "HEAD^")
        project.dvc_prints("checkout")
    assert locks[0] == locks[1]


def _experiments(project):
    """The rows of `dvc exp show` by the value of ensemble.linkage, without the workspace's."""
    printed = project.dvc_prints("exp", "show", "--csv", "--no-pager")
    rows = csv.DictReader(io.StringIO(printed))
    return {row["ensemble.linkage"]: row for row in rows if row["rev"] != "workspace"}


def test_experiments_in_place_and_queued(computed, tmp_path):
    project = computed.copy(tmp_path / "project")
    project.dvc_prints("exp", "run", "-S", "ensemble.linkage=single")
    assert "linkage: single" in (project.folder / "params.yaml").read_text()
    project.git("checkout", "-q", ".")
    project.dvc_prints("checkout")

    # A queued experiment runs in a folder of its own, which git's ignored photos are to be copied to.
    queue = ["exp", "run", "--queue", "--copy-paths", "data/raw/drawings"]
    project.dvc_prints(*queue, "-S", "ensemble.linkage=single,complete")
    project.dvc_prints("exp", "run", "--run-all")
    found = _experiments(project)
    assert found.keys() == {"average", "single", "complete"}
    assert found["complete"]["State"] == "Success"
    for row in found.values():
        assert (row["images"], row["clusters"]) == ("24", "3")
        assert 0 < float(row["ensemble.nmi_geometric"]) <= 1
    # Without the digests of what stages read, the table shows what differs and no more.
    digests = "^(data/|stages|params.yaml$)"
    table = project.dvc_prints("exp", "show", "--only-changed", "--drop", digests, "--md", "--no-pager")
    assert all(len(line) <= WIDEST for line in table.splitlines())
    (heading,) = [line for line in table.splitlines() if "Experiment" in line]
    assert "ensemble.linkage" in heading
    assert project.git("status", "--short") == ""

    project.dvc_prints("exp", "apply", found["complete"]["Experiment"])
    assert project.repro() == set(), "all that the experiment computed is there"
    assert "linkage: complete" in (project.folder / "params.yaml").read_text()
