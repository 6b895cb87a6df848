"""Items that count as one: by hand, and there and back again."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stages.core.dendrogram import Dendrogram, dendrogram_of
from stages.core.representatives import Representatives

# Of six items, 1 represents 0 and 4, and 3 represents 5.
BY_HAND = Representatives(np.array([1, 2, 3]), np.array([0, 0, 1, 2, 0, 2]))


def test_labels_are_given_to_all_and_numbered_by_size_again() -> None:
    assert BY_HAND.labels_of_all(np.array([1, 0, 0])).tolist() == [0, 0, 1, 1, 0, 1]
    assert BY_HAND.labels_of_all(np.array([2, 0, 1])).tolist() == [0, 0, 2, 1, 0, 1]


def test_all_join_their_representatives_first() -> None:
    three = Dendrogram(np.array([[1, 2, 0.25, 2], [0, 3, 0.5, 3]]))
    whole = BY_HAND.dendrogram_of_all(three)
    assert whole.merges.tolist() == [[0, 1, 0, 2], [4, 6, 0, 3], [3, 5, 0, 2], [2, 8, 0.25, 3], [7, 9, 0.5, 6]]
    assert whole.cut(3).tolist() == [0, 0, 2, 1, 0, 1]
    assert whole.lifetimes()[:4].tolist() == three.lifetimes().tolist()
    assert BY_HAND.dendrogram_of_rows(whole).merges.tolist() == three.merges.tolist()


@given(st.integers(1, 12), st.integers(0, 20), st.integers(0, 2**32 - 1))
def test_a_dendrogram_of_all_is_that_of_the_representatives(n_rows: int, n_others: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(n_rows + n_others)[:n_rows])
    place = rng.integers(0, n_rows, n_rows + n_others)
    place[rows] = np.arange(n_rows)
    once, order = Representatives(rows, place), rng.permutation(n_rows)
    few = dendrogram_of(np.column_stack([order[:-1], order[1:]]), np.sort(rng.random(n_rows - 1)))
    whole = once.dendrogram_of_all(few)
    np.testing.assert_array_equal(once.dendrogram_of_rows(whole).merges, few.merges)
    for count in range(1, n_rows + 1):
        np.testing.assert_array_equal(whole.cut(count), once.labels_of_all(few.cut(count)))
