import pytest

from stages.clustering import ALGORITHMS
from stages.reporting.scoretable import SUMMARY_FROM, score_table
from stages.tables.methods import METHODS
from stages.training.on_images import IMAGE_JOBS

LABELLED = {"ari": 0.5, "silhouette": -0.25, "largest_cluster": 1200.0}


def test_the_best_of_each_column_is_marked() -> None:
    table = score_table({"ensemble": LABELLED}, {"a/L3/ward": {"ari": 0.4999, "silhouette": -0.5}}, "ensemble")
    assert [column.key for column in table.columns] == ["ari", "silhouette", "largest_cluster"]
    ours, theirs = table.joint[0].cells, table.single[0].cells
    assert [(cell.text, cell.best) for cell in ours] == [
        ("0.500", True),
        ("\N{MINUS SIGN}0.250", True),
        ("1,200", False),
    ]
    # Values that read the same are marked the same; an absent value is never the best.
    assert [(cell.text, cell.best) for cell in theirs] == [
        ("0.500", True),
        ("\N{MINUS SIGN}0.500", False),
        ("\N{EN DASH}", False),
    ]


def test_one_method_alone_is_not_the_best() -> None:
    assert not any(cell.best for cell in score_table({"ensemble": LABELLED}, {}, "ensemble").joint[0].cells)


def test_undefined_metrics_have_no_column() -> None:
    table = score_table({"ensemble": {"silhouette": None, "smallest_cluster": 1.0}}, {}, "ensemble")
    assert [column.key for column in table.columns] == ["smallest_cluster"]


def test_many_single_views_are_summed_up() -> None:
    single = {f"v{i}/L3/ward": {"ari": i / 100} for i in range(SUMMARY_FROM + 1)}
    table = score_table({"ensemble": {"ari": 0.05}}, single, "ensemble")
    middle, best = table.summary
    assert (middle.cells[0].text, middle.cells[0].best) == ("0.060", False)
    assert (best.cells[0].text, best.cells[0].best) == ("0.120", True)
    assert best.note == "v12/L3/ward: of 13 the best by ARI, known only after scoring"
    assert [row.cells[0].best for row in table.single] == [False] * SUMMARY_FROM + [True]


def test_trained_networks_on_single_views_have_a_median_of_their_own() -> None:
    single = {f"v{i}/L3/ward": {"ari": i / 100} for i in range(SUMMARY_FROM - 2)}
    single |= {f"jule/views/v{i}": {"ari": 0.5 + i / 10} for i in range(3)}
    rows = {row.method: row.cells[0].text for row in score_table({}, single, "ensemble").summary}
    assert rows == {
        "median single view": "0.045",
        "median single view by jule": "0.600",
        "best single view": "0.700",
    }


def test_every_trained_method_is_explained() -> None:
    table = score_table({f"jule/{method}": LABELLED for method in METHODS if method != "views"}, {}, "ensemble")
    assert all(row.note for row in table.joint)


def test_every_result_of_a_method_on_images_is_explained() -> None:
    results = (
        *(column for method, job in IMAGE_JOBS.items() for column in getattr(job, "RESULTS", [method])),
        "pixels-kmeans",
        "transfer-s-top-kmeans",
        "jule-embedding-gdl:n_neighbors=10",
    )
    table = score_table({f"images/{name}": LABELLED for name in results}, {}, "ensemble")
    assert all(row.note for row in table.joint)


def test_a_clustered_embedding_says_whose_it_is_and_what_was_done_to_negative_numbers() -> None:
    names = [f"images/jule-embedding-{name}" for name in ALGORITHMS]
    table = score_table(dict.fromkeys([*names, "jule/dmvc-embedding-nmf_lp:rank=5"], LABELLED), {}, "ensemble")
    assert table.joint[0].note == "the embedding of images/jule, clustered by a plain algorithm"
    shift = "; each feature less its least value, so that none is negative"
    assert table.joint[-1].note == f"the embedding of jule/dmvc, clustered by a plain algorithm{shift}"
    shifted = {row.method.rpartition("-")[2] for row in table.joint[:-1] if row.note.endswith(shift)}
    assert shifted == {name for name, algorithm in ALGORITHMS.items() if algorithm.nonnegative}


@pytest.mark.parametrize("result", ["ensemble", "jule/dmvc"])
def test_the_method_whose_clusters_the_page_shows_is_said(result: str) -> None:
    rows = score_table({"ensemble": LABELLED, "jule/dmvc": LABELLED}, {"a/L3/ward": LABELLED}, result)
    said = [row.method for row in (*rows.joint, *rows.single) if row.note.endswith(": the clusters of this page")]
    assert said == [result]


def test_a_single_view_whose_clusters_the_page_shows_is_said_alike() -> None:
    (row,) = score_table({"ensemble": LABELLED}, {"jule/views/a": LABELLED}, "jule/views/a").single
    assert row.note == "the clusters of this page"
