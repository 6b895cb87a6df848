"""The summary that `dvc metrics` shows."""

from stages.scoring.evaluation import summary

SCORES = {
    "dataset": {"images": 24, "rejected": 1, "labelled": 24, "classes": 3, "clusters": 5},
    "ensemble": {
        "nmi_geometric": 0.853938,
        "ari": 0.5,
        "accuracy": 0.75,
        "silhouette": -0.123456,
        "n_clusters": 5,
    },
    "train": {
        "jule/views/vgg16": {"nmi_geometric": 0.1, "accuracy": 0.2, "silhouette": 0.3},
        "jule/dmvc-fix": {"nmi_geometric": 0.2, "accuracy": 0.3, "silhouette": 0.4, "purity": 0.5},
    },
    "baseline": {"vgg16/L3/kmeans": {"nmi_geometric": 0.4, "accuracy": 0.5, "silhouette": 0.6}},
}


def test_it_holds_three_scores_of_each_method_that_sees_all_views():
    assert summary(SCORES) == {
        "images": 24,
        "clusters": 5,
        "ensemble": {"nmi_geometric": 0.8539, "accuracy": 0.75, "silhouette": -0.1235},
        "jule/dmvc-fix": {"nmi_geometric": 0.2, "accuracy": 0.3, "silhouette": 0.4},
    }


def test_without_labels_or_with_one_cluster_it_holds_what_there_is():
    unlabelled = SCORES | {"ensemble": {"silhouette": 0.25, "n_clusters": 5}, "train": {}}
    assert summary(unlabelled) == {"images": 24, "clusters": 5, "ensemble": {"silhouette": 0.25}}
    assert summary(unlabelled | {"ensemble": {"n_clusters": 1}})["ensemble"] == {}
