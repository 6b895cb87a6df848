"""What stages cost, read from their logs and drawn."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from stages.reporting.costs import BOX, Cost, draw_costs, read_costs, render_costs

SCORES = {
    "ensemble": {"nmi_geometric": 0.5},
    "jule/mvec": {"nmi_geometric": 0.6},
    "jule/views/a": {"nmi_geometric": 0.25},
    "jule/views/b": {"nmi_geometric": 0.75},
    "images/jule-sf": {"nmi_geometric": 0.375},
    "images/jule-rc": {"nmi_geometric": None},
    "images/pixels-kmeans": {"nmi_geometric": 0.125},
    "a/L3/ward": {"nmi_geometric": 0.875},
}
TRAINED = ("jule/views", "jule/mvec", "images/jule", "images/pixels", "images/transfer-s")


def log(workdir: Path, name: str, seconds: float = 2.0, **facts: object) -> None:
    (workdir / "logs").mkdir(exist_ok=True)
    content = {"seconds": seconds, "cpu_seconds": 3.0, "peak_memory_mib": 40.0, **facts}
    (workdir / f"logs/{name}.json").write_text(json.dumps(content))


def test_each_stage_has_the_costs_of_its_log_and_its_best_score(workdir: Path) -> None:
    for name in ("extract-d-a", "baseline-d-a", "graph-d", "ensemble-d", "train-d-jule-views", "vote-d-jule-mvec"):
        log(workdir, name)
    for name in (
        "train-d-images-jule",
        "cluster-d-pixels",
        "transfer-d-s",
        "ensemble-d-e",
        "train-d-e-jule-views",
    ):
        log(workdir, name, 2 if name.count("-") < 3 or "images" in name else 1000)
    found = read_costs("d", ["a"], TRAINED, SCORES)
    assert {cost.stage: cost.score for cost in found} == {
        "features of a": None,
        "base partitions of a": 0.875,
        "neighbour graph": None,
        "ensemble": 0.5,
        "jule/views": 0.75,
        "jule/mvec": 0.6,
        "images/jule": 0.375,
        "images/pixels": 0.125,
        "images/transfer-s": None,
    }
    assert {(cost.seconds, cost.cpu_seconds, cost.peak_memory_mib) for cost in found} == {(2, 3, 40)}


def test_a_stage_has_the_score_of_its_own_clusters_and_none_of_those_whose_names_go_on(workdir: Path) -> None:
    logs = {
        "jule/dmvc": "train-d-jule-dmvc",
        "jule/dmvc-fix": "train-d-jule-dmvc-fix",
        "images/jule": "train-d-images-jule",
        "images/jule-embedding": "cluster-d-images-jule-embedding",
        "images/transfer-s": "transfer-d-s",
        "images/transfer-s-embedding": "transfer-d-s-embedding",
    }
    for name in logs.values():
        log(workdir, name)
    made = ("jule/dmvc", "jule/dmvc-fix", "images/jule-rc", "images/jule-embedding-kmeans")
    made += ("images/transfer-s-top-kmeans", "images/transfer-s-embedding-top-kmeans")
    scores = {name: {"nmi_geometric": place / 8} for place, name in enumerate(made)}
    found = read_costs("d", [], list(logs), scores)
    assert {cost.stage: cost.score for cost in found if cost.stage in logs} == {
        name: place / 8 for place, name in enumerate(logs)
    }


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"seconds": "x", "cpu_seconds": 1, "peak_memory_mib": 1}'])
def test_a_log_that_says_nothing_of_costs_is_left_out(workdir: Path, text: str) -> None:
    log(workdir, "graph-d")
    (workdir / "logs/ensemble-d.json").write_text(text)
    assert [cost.stage for cost in read_costs("d", ["a"], TRAINED, SCORES)] == ["neighbour graph"]


def test_without_labels_the_score_is_the_modularity(workdir: Path) -> None:
    log(workdir, "ensemble-d")
    (cost,) = read_costs("d", [], [], {"ensemble": {"modularity": 0.25, "silhouette": 0.5}})
    assert cost.score == 0.25


def test_the_page_is_well_formed_and_escaped() -> None:
    costs = [Cost("graph", 1.25, 0.0, 1234, None), Cost("a <b>", 1.25, 0.0, 9, 0.5), Cost("c", 1, 90, 9, 1.0)]
    page = render_costs({"d <i>": costs, "e": costs[:1], "f": []}, "")
    root = ElementTree.fromstring(page.partition("<body>")[2].partition("</body>")[0].strip())
    assert "<b>" not in page.replace("<b>Cost", "") and "<i>" not in page
    rows = [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]
    assert rows[1] == ["graph", "1", "1.2", "0.0", "1,234", ""]
    assert rows[2] == ["a <b>", "2", "1.2", "0.0", "9", "0.500"]
    assert len(list(root.iter("circle"))) == 2, "one for each stage that made clusters"
    assert len(list(root.iter("svg"))) == 1


def test_numbers_of_equal_stages_stand_below_each_other() -> None:
    figure = draw_costs([Cost("graph", 1, 1, 9, None), *(Cost(name, 1, 20, 9, 1.0) for name in "abc")])
    assert figure is not None
    assert [number for number, *_ in figure.points] == [2, 3, 4]
    assert {(x, y) for _, x, y, _ in figure.points} == {(BOX.right, BOX.top)}
    assert [text - BOX.top for *_, text in figure.points] == [0, 12, 24]
    assert draw_costs([Cost("graph", 1, 1, 9, None)]) is None
