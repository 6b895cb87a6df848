"""How clusters are numbered, and what is set apart where there are too few."""

import numpy as np

from stages.consensus.hypergraph import hypergraph
from stages.consensus.numbering import split_up_to
from stages.core.dendrogram import number_by_size


def test_the_largest_cluster_is_number_0_and_ties_go_by_the_first_image():
    labels = number_by_size(np.array([9, 4, 4, 9, 7, 4]))
    assert labels.tolist() == [1, 0, 0, 1, 2, 0]
    assert labels.dtype == np.int32
    assert number_by_size(np.array([5, 3, 3, 5])).tolist() == [0, 1, 1, 0]


def test_the_rows_that_agree_least_are_set_apart():
    # Row 2 shares one label with the others, row 3 none.
    rows = np.array([[0, 0, 0], [0, 0, 0], [0, 1, 1], [1, 2, 2]])
    labels = np.zeros(4, dtype=np.int32)
    arguments = hypergraph(rows), np.ones(4), np.ones(3)
    assert split_up_to(1, labels, *arguments).tolist() == [0, 0, 0, 0]
    assert split_up_to(2, labels, *arguments).tolist() == [0, 0, 0, 1]
    assert split_up_to(3, labels, *arguments).tolist() == [0, 0, 2, 1]
    assert sorted(split_up_to(4, labels, *arguments).tolist()) == [0, 1, 2, 3]


def test_weights_and_counts_tell_what_agrees_least():
    rows = np.array([[0, 0], [1, 0], [1, 1]])
    labels = np.zeros(3, dtype=np.int32)
    graph = hypergraph(rows)
    # Row 0 has 1/3 and 2/3 of the cluster, row 2 the other way round: the weights decide.
    assert split_up_to(2, labels, graph, np.ones(3), np.array([1.0, 3])).tolist() == [0, 0, 1]
    assert split_up_to(2, labels, graph, np.ones(3), np.array([3.0, 1])).tolist() == [1, 0, 0]
    # 20 images like row 2 agree with one another.
    assert split_up_to(2, labels, graph, np.array([1.0, 1, 20]), np.array([1.0, 3])).tolist() == [1, 0, 0]


def test_no_cluster_loses_its_last_row():
    rows = np.array([[0, 0], [1, 1], [1, 2]])
    labels = np.array([0, 1, 1])
    made = split_up_to(3, labels, hypergraph(rows), np.ones(3), np.ones(2))
    assert sorted(made.tolist()) == [0, 1, 2]
