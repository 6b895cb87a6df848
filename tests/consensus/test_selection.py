"""How many clusters a consensus has, and which numbers are compared."""

import numpy as np
import pytest

from stages.consensus import candidates, consensus_stability, linkage
from stages.consensus.selection import longest_lived, most_clusters


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
