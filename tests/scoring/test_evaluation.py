"""The summary that `dvc metrics` shows, and the tables of scores."""

import numpy as np
import pandas as pd

from stages.scoring.evaluation import (
    count_rows,
    mean_by_method,
    nested,
    size_rows,
    spread_over_seeds,
    summary,
)

SCORES = {
    "dataset": {"images": 24, "rejected": 1, "labelled": 24, "classes": 3, "clusters": 5},
    "result": {"method": "jule/dmvc", "nmi_geometric": 0.5, "modularity": 0.61},
    "ensemble": {
        "nmi_geometric": 0.853938,
        "ari": 0.5,
        "accuracy": 0.75,
        "silhouette": -0.123456,
        "modularity": 0.654321,
        "n_clusters": 5,
    },
    "train": {
        "jule/views/vgg16": {"nmi_geometric": 0.1, "accuracy": 0.2, "silhouette": 0.3},
        "jule/dmvc-fix": {"nmi_geometric": 0.2, "accuracy": 0.3, "silhouette": 0.4, "purity": 0.5},
    },
    "baseline": {"vgg16/L3/kmeans": {"nmi_geometric": 0.4, "accuracy": 0.5, "silhouette": 0.6}},
}


def test_it_holds_the_main_scores_of_the_result_and_of_each_method_that_sees_all_views():
    assert summary(SCORES) == {
        "images": 24,
        "clusters": 5,
        "result": {"nmi_geometric": 0.5, "modularity": 0.61},
        "ensemble": {"nmi_geometric": 0.8539, "accuracy": 0.75, "silhouette": -0.1235, "modularity": 0.6543},
        "jule/dmvc-fix": {"nmi_geometric": 0.2, "accuracy": 0.3, "silhouette": 0.4},
    }


def test_without_labels_or_with_one_cluster_it_holds_what_there_is():
    result = {"method": "ensemble", "modularity": 0.5}
    unlabelled = SCORES | {"result": result, "ensemble": {"silhouette": 0.25, "n_clusters": 5}, "train": {}}
    assert summary(unlabelled) == {
        "images": 24,
        "clusters": 5,
        "result": {"modularity": 0.5},
        "ensemble": {"silhouette": 0.25},
    }
    assert summary(unlabelled | {"ensemble": {"n_clusters": 1}})["ensemble"] == {}


def test_scores_are_nested_by_kind_the_result_first():
    methods = {
        "baseline/a/L3/ward": {"modularity": 0.1},
        "ensemble": {"modularity": 0.2},
        "train/jule/dmvc": {"modularity": 0.3},
    }
    found = nested({"images": 3}, {"result": {"method": "ensemble", "modularity": 0.2}}, methods)
    assert found == {
        "dataset": {"images": 3},
        "result": {"method": "ensemble", "modularity": 0.2},
        "ensemble": {"modularity": 0.2},
        "train": {"jule/dmvc": {"modularity": 0.3}},
        "baseline": {"a/L3/ward": {"modularity": 0.1}},
    }
    assert list(found) == ["dataset", "result", "ensemble", "train", "baseline"]


def test_the_mean_of_the_runs_has_the_scores_that_all_of_them_have():
    runs = [
        {"method": "m", "multiple": 1, "run": "0", "modularity": 0.2, "silhouette": 0.5},
        {"method": "m", "multiple": 1, "run": "1", "modularity": 0.4},
    ]
    assert mean_by_method(runs) == {"m": {"modularity": 0.3}}


def test_mean_standard_error_and_best_over_seeds_by_hand():
    """Of .1, .2 and .6 the squares about .3 are .04, .01 and .09: s = sqrt(.14 / 2), and the error s / sqrt 3."""
    runs = [
        {"nmi_geometric": nmi, "silhouette": -nmi, "n_clusters": clusters, **more}
        for nmi, clusters, more in ((0.1, 3, {"purity": 1.0}), (0.6, 4, {}), (0.2, 3, {}))
    ]
    ste = round((0.14 / 2 / 3) ** 0.5, 6)
    assert ste == 0.152753
    assert spread_over_seeds(runs) == {
        "nmi_geometric": 0.3,
        "silhouette": -0.3,
        "n_clusters": 3.333333,
        "seeds": 3,
        "nmi_geometric_ste": ste,
        "nmi_geometric_best": 0.6,
        "silhouette_ste": ste,
        "silhouette_best": -0.1,
    }
    both = spread_over_seeds([{"accuracy": 0.5}, {"accuracy": 0.7}])
    assert both == {"accuracy": 0.6, "seeds": 2, "accuracy_ste": 0.1, "accuracy_best": 0.7}


def test_the_summary_has_the_spread_beside_the_mean():
    scores = SCORES | {"train": {"jule/cc": spread_over_seeds([{"accuracy": 0.5}, {"accuracy": 0.8}])}}
    assert summary(scores)["jule/cc"] == {"accuracy": 0.65, "accuracy_ste": 0.15, "accuracy_best": 0.8}


def test_sizes_and_mean_confidences_of_the_clusters_that_have_images():
    """A network may leave a cluster empty, and its clusters are the result."""
    found = size_rows(np.array([3, 0, -1, 3, 0, 0]), np.array([0.5, 1, 0, 1, 0.25, 0.25]))
    assert found == [
        {"cluster": 0, "images": 3, "confidence": 0.5},
        {"cluster": 3, "images": 2, "confidence": 0.75},
    ]


def test_every_number_of_clusters_has_the_silhouette_of_its_cut():
    curves = pd.DataFrame({"clusters": [1, 2], "modularity": [0.0, 0.5], "lifetime": [0.25, 0.75]})
    features = [np.array([[0.0], [0], [4], [4]], dtype=np.float32)]
    cuts = {"cut-1": np.zeros(4, dtype=int), "cut-2": np.array([0, 0, 1, 1]), "cut-9": np.arange(4)}
    one, two = count_rows(curves, cuts, features)
    assert one.items() >= {"clusters": 1, "modularity": 0.0, "lifetime": 0.25, "images": 4}.items()
    assert pd.isna(one["silhouette"]), "one cluster has none"
    assert two == {"clusters": 2, "modularity": 0.5, "lifetime": 0.75, "silhouette": 1.0, "images": 4}
