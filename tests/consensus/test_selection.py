"""The number of clusters that a dendrogram and the partitions suggest, against explicit computations."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import cut_tree
from scipy.cluster.hierarchy import linkage as scipy_linkage
from scipy.spatial.distance import squareform
from sklearn.metrics import adjusted_rand_score

from stages.consensus import candidates, consensus_stability, linkage
from stages.consensus.selection import longest_lived, most_clusters, resampling_stability
from stages.core.errors import ParameterError
from tests.consensus.ensembles import noisy_copies


def test_the_most_clusters_that_are_looked_for():
    assert [most_clusters(n) for n in (1, 2, 3, 9, 210, 7200)] == [1, 2, 3, 6, 28, 170]


def test_candidates():
    assert candidates(9, 3) == [2, 3, 4, 5, 6]
    assert candidates(9, 7) == [2, 3, 4, 5, 6, 7, 8]
    assert candidates(2, 2) == candidates(1, 1) == []
    assert candidates(3, 1) == [2]
    many = candidates(70_000, 123)
    assert 40 < len(many) <= 61
    assert (many[0], many[-1]) == (2, most_clusters(70_000))
    assert 123 in many
    assert (np.diff(many) > 0).all()


def test_the_longest_lifetime_is_not_looked_for_among_the_first_merges():
    """Pairs that few partitions join last from the first merge on, but are more than images fall into."""
    hidden = np.repeat([0, 1, 2], 20)
    fine = np.stack([hidden * 100 + np.random.default_rng(seed).integers(0, 60, 60) for seed in range(9)], axis=1)
    values = np.column_stack([hidden, fine])
    dendrogram = linkage(values)
    assert np.argmax(dendrogram.lifetimes()) > most_clusters(60)
    assert 2 <= longest_lived(dendrogram) <= most_clusters(60)


def test_stability_is_greatest_at_the_number_there_is():
    rng = np.random.default_rng(0)
    hidden = rng.integers(0, 4, 200)
    values = np.where(rng.random((200, 12)) < 0.2, rng.integers(0, 4, (200, 12)), hidden[:, None])
    counts = [2, 3, 4, 6, 9]
    stability = consensus_stability(values, counts)
    assert np.argmax(stability) == 2
    np.testing.assert_array_equal(stability, consensus_stability(values, counts))
    # Partitions without weight take no part.
    noise = rng.integers(0, 4, (200, 12))
    weighted = consensus_stability(np.column_stack([values, noise]), counts, weights=[1] * 12 + [0] * 12)
    np.testing.assert_array_equal(weighted, stability)


@pytest.mark.parametrize("values", [np.zeros((9, 1), int), np.array([[0, -1], [0, 1], [1, 1], [1, 0]])])
def test_what_has_no_halves_has_no_stability(values):
    assert np.isnan(consensus_stability(values, [2, 3])).all()


def _average_linkage(partitions, weights):
    distances = np.mean([column[:, None] != column for column in partitions.T], axis=0)
    tree = scipy_linkage(squareform(distances), "average")
    return lambda count: cut_tree(tree, count)[:, 0]


def _first_column(partitions, weights):
    return lambda count: np.minimum(partitions[:, 0], count - 1)


def test_the_hidden_number_of_clusters_is_the_most_stable():
    _, copies = noisy_copies(300, 5, 20, share=0.2)
    stability = resampling_stability(copies, _average_linkage, [2, 3, 4, 5, 6, 8, 12], 6, random_state=0)
    assert stability.dtype == np.float64
    assert np.argmax(stability) == 3
    assert stability[3] > 0.99
    assert stability[[0, 1, 2, -1]].max() < 0.95


def test_two_partitions_are_compared_with_each_other():
    one, other = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 1, 2, 2, 2])
    stability = resampling_stability(np.column_stack([one, other]), _first_column, [2, 3], 4)
    expected = [adjusted_rand_score(np.minimum(one, k - 1), np.minimum(other, k - 1)) for k in (2, 3)]
    np.testing.assert_allclose(stability, expected)


def test_one_dendrogram_of_each_half_serves_all_candidates():
    partitions = (
        np.tile(np.arange(7) * 10, (8, 1)) + np.arange(8)[:, None]
    )  # tens name the column, units the image
    given = []

    def record(columns, weights):
        given.append({int(label) // 10 for label in columns[0]})
        return lambda count: np.arange(len(columns)) % count

    np.testing.assert_allclose(resampling_stability(partitions, record, [2, 3, 4], 5, random_state=1), 1)
    assert len(given) == 10
    for one, other in zip(given[::2], given[1::2], strict=True):
        assert len(one) == len(other) == 3
        assert not one & other, "halves share no partition"
    assert len({frozenset(half) for half in given}) > 2, "each resample deals anew"


def test_images_without_a_label_in_a_half_are_left_out():
    labels = np.array([0, 0, 1, 1, 2, 2])
    partitions = np.column_stack([labels, labels])
    partitions[4, 1] = -1

    def cluster(columns, weights):
        assert columns[:, 0].tolist() == [0, 0, 1, 1, 2]
        return lambda count: columns[:, 0]

    assert resampling_stability(partitions, cluster, [3], 2).tolist() == [1]


def test_partitions_that_read_none_of_the_images_left_are_left_out():
    labels = np.array([0, 0, 1, 1, 2, 2])
    partitions = np.column_stack([labels, labels, labels, np.full(6, -1)])
    partitions[4, 3], partitions[4, :3] = 0, -1  # the last partition reads image 4 alone, and only it does so

    def cluster(columns, weights):
        assert (columns >= 0).any(axis=0).all()
        return lambda count: columns[:, 0]

    assert resampling_stability(partitions, cluster, [3], 5, random_state=0).tolist() == [1]


def test_each_half_comes_with_its_weights():
    partitions = np.array([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]])  # labels that tell which partition it is

    def cluster(columns, weights):
        np.testing.assert_array_equal(weights, columns[0] + 10)
        return lambda count: np.arange(len(columns)) % count

    assert resampling_stability(partitions, cluster, [2], 5, weights=[10, 11, 12, 13]).tolist() == [1]


def test_the_same_seed_gives_the_same_figures():
    _, copies = noisy_copies(60, 4, 6, share=0.6)
    one, same, other = (
        resampling_stability(copies, _average_linkage, [3, 4], 3, random_state=seed) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.parametrize(
    ("partitions", "candidates", "n_resamples", "message"),
    [
        (np.zeros((5, 2)), [2, 1], 3, "candidates hold 1; give whole numbers from 2 to 4"),
        (np.zeros((5, 2)), [5], 3, "candidates hold 5; give whole numbers from 2 to 4"),
        (np.zeros((5, 2)), [2.5], 3, "candidates hold 2.5"),
        (np.zeros((5, 2)), [], 3, "candidates are missing"),
        (np.zeros((5, 2)), [2], 0, "n_resamples is 0"),
        (np.zeros((5, 1)), [2], 3, "one partition has no halves to compare; give at least 2"),
        (np.array([[0, -1], [0, -1], [0, 0], [0, 0]]), [2], 3, "only 2 images have labels in both halves"),
        (np.array([[0.5, 1]]), [2], 3, "partitions hold 0.5"),
    ],
)
def test_refused(partitions, candidates, n_resamples, message):
    with pytest.raises(ParameterError, match=message):
        resampling_stability(partitions, _first_column, candidates, n_resamples)
