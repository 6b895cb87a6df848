"""The consensus by graph partitioning: its parts, and what all functions have in common."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from stages.consensus import graph_consensus
from stages.consensus.cspa import CSPA
from stages.consensus.graph_consensus import split_up_to
from stages.consensus.hbgf import HBGF
from stages.consensus.hypergraph import hypergraph
from stages.consensus.mcla import MCLA
from stages.consensus.nmf import NMFConsensus
from stages.core import memory
from stages.core.dendrogram import number_by_size
from stages.core.errors import ParameterError
from tests.consensus.ensembles import noisy_copies
from tests.pipeline.project import ROOT

COIL = ROOT.parent / "shared" / "datasets" / "coil20.npz"

every = pytest.mark.parametrize("consensus", [CSPA, MCLA, HBGF, NMFConsensus])


@every
def test_agreeing_partitions_come_back_whatever_their_names(consensus):
    labels = np.array([2, 2, 0, 1, 1, 1])
    clustering = consensus(3, random_state=0).fit(np.column_stack([labels, labels + 7, 9 - labels]))
    assert clustering.labels_.tolist() == [1, 1, 2, 0, 0, 0]
    assert clustering.labels_.dtype == np.int32
    assert clustering.n_features_in_ == 3


@every
def test_a_hidden_partition_is_recovered(consensus):
    hidden, copies = noisy_copies(1000, 10, 20, share=0.3)
    assert max(adjusted_rand_score(hidden, column) for column in copies.T) < 0.7
    assert adjusted_rand_score(hidden, consensus(10, random_state=0).fit_predict(copies)) > 0.95


@every
def test_missing_labels(consensus):
    hidden, copies = noisy_copies(1000, 10, 20, share=0.3)
    copies[np.random.default_rng(1).random(copies.shape) < 0.3] = -1
    assert adjusted_rand_score(hidden, consensus(10, random_state=0).fit_predict(copies)) > 0.95


@every
def test_an_image_of_one_label_follows_it(consensus):
    partitions = np.column_stack([np.repeat([0, 1], 6)] * 4)
    partitions[5, :3] = -1
    partitions[11, 1:] = -1
    assert consensus(2, random_state=0).fit_predict(partitions).tolist() == [0] * 6 + [1] * 6


@every
def test_a_weight_of_zero_leaves_a_partition_out(consensus):
    _, copies = noisy_copies(200, 5, 6, share=0.6)
    expected = consensus(5, random_state=0).fit_predict(copies[:, [0, 2, 3, 5]])
    found = consensus(5, weights=[2, 0, 2, 2, 0, 2], random_state=0).fit_predict(copies)
    np.testing.assert_array_equal(found, expected)


@every
def test_a_heavy_partition_decides(consensus):
    by_two, by_three = np.arange(60) % 2, np.arange(60) // 20
    partitions = np.column_stack([by_two, by_three])
    for weights, expected in (([50, 1], by_two), ([1, 50], by_three)):
        clustering = consensus(len(set(expected)), weights=weights, random_state=0)
        assert adjusted_rand_score(clustering.fit_predict(partitions), expected) == 1


@pytest.mark.parametrize("consensus", [CSPA, MCLA, NMFConsensus])
def test_a_weight_of_two_is_a_partition_given_twice(consensus):
    hidden, copies = noisy_copies(200, 4, 5, share=0.5)
    twice = consensus(4, random_state=0).fit_predict(copies[:, [0, 0, 1, 2, 2, 3, 4]])
    weighted = consensus(4, weights=[2, 1, 2, 1, 1], random_state=0).fit_predict(copies)
    assert adjusted_rand_score(hidden, weighted) < 1, "an easy case would prove nothing"
    assert adjusted_rand_score(twice, weighted) == 1


@every
@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=5)
def test_the_order_of_images_and_the_names_of_labels_do_not_matter(consensus, seed):
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 6, (80, 4))  # without structure any rounding would show
    order, names = rng.permutation(80), rng.permutation(50)
    one = consensus(5, random_state=0).fit_predict(noise)
    other = consensus(5, random_state=0).fit_predict(names[noise][order])
    assert adjusted_rand_score(one[order], other) == 1


@every
@given(st.integers(0, 10**6), st.data())
@settings(deadline=None, max_examples=15)
def test_as_many_clusters_as_asked_for_if_as_many_images_differ(consensus, seed, data):
    rng = np.random.default_rng(seed)
    partitions = rng.integers(0, 3, (12, 2))
    partitions[rng.random(12) < 0.3, 1] = -1
    count = data.draw(st.integers(1, 12))
    labels = consensus(count, random_state=0).fit_predict(partitions)
    distinct, row = np.unique(partitions, axis=0, return_inverse=True)
    assert sorted(set(labels.tolist())) == list(range(min(count, len(distinct))))
    assert (np.diff(np.bincount(labels)) <= 0).all(), "the largest cluster comes first"
    assert len(set(zip(row.reshape(-1), labels, strict=True))) == len(distinct), "equal images stay together"


@every
def test_the_same_seed_gives_the_same_labels(consensus):
    noise = np.random.default_rng(0).integers(0, 8, (300, 5))
    clustering = consensus(8, random_state=3)
    np.testing.assert_array_equal(clustering.fit(noise).labels_, clone(clustering).fit(noise).labels_)


@every
def test_partitions_of_different_numbers_of_clusters(consensus):
    labels = np.repeat(np.arange(4), 10)
    partitions = np.column_stack([labels, labels, labels, labels // 2, np.arange(40) // 5])
    assert adjusted_rand_score(consensus(4, random_state=0).fit_predict(partitions), labels) == 1


@every
def test_small_cases(consensus):
    assert consensus(1).fit_predict([[3, 1]]).tolist() == [0]
    assert consensus(1).fit_predict([[3, 1], [0, 0], [3, 1]]).tolist() == [0, 0, 0]
    assert consensus(3).fit_predict([[3, 1], [0, 0], [2, 1]]).tolist() == [0, 1, 2]
    assert consensus(2).fit_predict([[4], [4], [4]]).tolist() == [0, 0, 0], "nothing tells the images apart"


@every
def test_refused(consensus):
    with pytest.raises(ParameterError, match="n_clusters is 4; give a whole number from 1 to 3"):
        consensus(4).fit([[0], [1], [2]])
    with pytest.raises(ParameterError, match="n_clusters is 0"):
        consensus(0).fit([[0], [1], [2]])
    with pytest.raises(ParameterError, match="partitions hold -2 in row 0"):
        consensus(2).fit([[-2], [1], [2]])
    with pytest.raises(ParameterError, match="weights are all 0"):
        consensus(2, weights=[0]).fit([[0], [1], [2]])


@every
def test_what_would_not_fit_in_memory_is_refused(consensus, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    with pytest.raises(ParameterError, match=r"would take .* GiB of memory, .*; (ask for|combine) fewer"):
        consensus(2).fit(noisy_copies(50, 4, 3, share=0.5)[1])


@pytest.fixture(scope="module", params=["digits", "coil20"])
def runs(request):
    """Ten K-means runs on pixels, of k to nearly 2 k clusters, and the k true classes."""
    if request.param == "digits":
        images, classes = load_digits(return_X_y=True)
    elif COIL.is_file():
        with np.load(COIL) as file:
            images, classes = file["images"].reshape(-1, 1024), file["labels"]
    else:
        pytest.skip("COIL-20 is not beside the repository")
    pixels, k = normalize(images.astype(np.float32)), len(np.unique(classes))
    with threadpool_limits(1):  # the same sums on every machine
        counts = [k + k * seed // 10 for seed in range(10)]
        partitions = [KMeans(n, n_init=1, random_state=seed).fit_predict(pixels) for seed, n in enumerate(counts)]
    return np.column_stack(partitions), classes


@every
def test_the_consensus_of_real_partitions_is_better_than_their_mean(consensus, runs):
    partitions, classes = runs
    mean = np.mean([normalized_mutual_info_score(classes, column) for column in partitions.T])
    clustering = consensus(len(np.unique(classes)), random_state=0)
    assert normalized_mutual_info_score(classes, clustering.fit_predict(partitions)) > mean


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


def _sparse(rows, columns):
    rng = np.random.default_rng(1)
    return csr_matrix(rng.random((rows, columns)) * (rng.random((rows, columns)) < 0.4))


@pytest.mark.parametrize("dense_up_to", [1, 3000], ids=["iterative", "dense"])
@pytest.mark.parametrize("shape", [(60, 25), (25, 60)])
def test_singular_vectors_equal_the_dense_ones(monkeypatch, dense_up_to, shape):
    monkeypatch.setattr(graph_consensus, "_DENSE", dense_up_to)
    matrix = _sparse(*shape)
    left, right = graph_consensus.leading_singular_vectors(matrix, 4)
    expected_left, _, expected_right = np.linalg.svd(matrix.toarray())
    for found, expected in ((left, expected_left[:, :4]), (right, expected_right[:4].T)):
        np.testing.assert_allclose(np.abs((found * expected).sum(axis=0)), 1, atol=1e-8)
        np.testing.assert_allclose(np.linalg.norm(found, axis=0), 1, atol=1e-8)


@pytest.mark.parametrize("dense_up_to", [1, 3000], ids=["iterative", "dense"])
def test_eigenvectors_equal_the_dense_ones(monkeypatch, dense_up_to):
    monkeypatch.setattr(graph_consensus, "_DENSE", dense_up_to)
    half = _sparse(40, 30).toarray()
    values, vectors = graph_consensus.leading_eigenvectors(half @ half.T, 5)
    expected_values, expected = np.linalg.eigh(half @ half.T)
    np.testing.assert_allclose(values, expected_values[::-1][:5])
    np.testing.assert_allclose(np.abs((vectors * expected[:, ::-1][:, :5]).sum(axis=0)), 1, atol=1e-8)


def test_no_more_vectors_than_the_rank():
    matrix = csr_matrix(np.outer(np.arange(1.0, 8), [1, 2, 3]))
    left, right = graph_consensus.leading_singular_vectors(matrix, 3)
    assert left.shape == (7, 1)
    assert right.shape == (3, 1)


def test_points_that_coincide_give_fewer_clusters_without_a_warning():
    points = np.array([[0.0, 1], [0, 1], [1, 0], [1, 0]])
    labels = graph_consensus.kmeans(points, np.ones(4), 3, random_state=0)
    assert labels[0] == labels[1] != labels[2] == labels[3]


def test_unit_rows_leave_zeros():
    np.testing.assert_allclose(graph_consensus.unit_rows(np.array([[3.0, 4], [0, 0]])), [[0.6, 0.8], [0, 0]])
