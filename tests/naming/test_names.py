"""One name for a cluster, from labels and words."""

import numpy as np

from stages.naming import name_clusters
from stages.tables.results import ClusterName

CLUSTERS = np.array([4, 4, 4, 4, 6, 6, 6])
WORDS = {4: ("daisy", "bee"), 6: ()}


def test_labels_come_before_words() -> None:
    labels = np.array([1, 0, 1, -1, 0, -1, -1])
    names = name_clusters(CLUSTERS, labels, ("rose", "ox-eye"), WORDS)
    assert names == {
        4: ClusterName("ox-eye", ("daisy", "bee"), "ox-eye", 0.666667),
        6: ClusterName("rose", (), "rose", 1.0),
    }


def test_a_label_of_half_of_the_labelled_images_is_no_name() -> None:
    names = name_clusters(CLUSTERS, np.array([1, 0, 1, 0, 0, 1, -1]), ("rose", "ox-eye"), WORDS)
    assert names == {4: ClusterName("daisy", ("daisy", "bee"), "rose", 0.5), 6: ClusterName("", (), "rose", 0.5)}


def test_words_come_before_labels_that_are_numbers() -> None:
    labels = np.array([1, 0, 1, 1, 0, 0, -1])
    names = name_clusters(CLUSTERS, labels, ("3", "8"), WORDS)
    assert [(name.name, name.label, name.share) for name in names.values()] == [
        ("daisy", "8", 0.75),
        ("label 3", "3", 1.0),
    ]


def test_without_labels_and_words_there_is_no_name() -> None:
    names = name_clusters(CLUSTERS, np.full(7, -1), (), WORDS)
    assert names == {4: ClusterName("daisy", ("daisy", "bee")), 6: ClusterName("")}
