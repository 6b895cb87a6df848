"""Words of clusters, by small cases and by an independent computation."""

import numpy as np
import pytest
import torch

from stages.naming import cluster_words

WORDS = ("daisy", "pot", "bee", "daisy")  # ImageNet, too, has a word twice


def scores(*chances: list[float]) -> np.ndarray:
    """Scores whose softmax is as given."""
    return np.log(np.array(chances, dtype=np.float32))


def test_words_by_hand() -> None:
    # p of cluster 3 is (.8, .1, .05, .05), q is (.45, .1, .4, .05): .8 ln(.8/.45) = .46, others are 0 or below.
    # p of cluster 7 is (.1, .1, .75, .05): .75 ln(.75/.4) = .47.
    views = scores([0.8, 0.1, 0.05, 0.05], [0.1, 0.1, 0.75, 0.05])
    two = np.array([3, 7]), np.array([0.5, 0.5]), WORDS
    assert cluster_words([[views]], *two, clear=0.45) == {3: ("daisy",), 7: ("bee",)}
    assert cluster_words([[views]], *two, clear=0.465) == {3: (), 7: ("bee",)}
    assert cluster_words([[views]], *two) == {3: (), 7: ()}


def test_only_the_surer_half_of_a_cluster_speaks_for_it() -> None:
    daisy, bee = [0.97, 0.01, 0.01, 0.01], [0.01, 0.01, 0.97, 0.01]
    view = scores(daisy, daisy, bee, bee, bee, bee)
    clusters, confidence = np.array([0, 0, 0, 0, 1, 1]), np.array([0.9, 0.8, 0.2, 0.1, 0.5, 0.5])
    assert cluster_words([[view]], clusters, confidence, WORDS, 0.3) == {0: ("daisy",), 1: ("bee",)}
    assert cluster_words([[view]], clusters, 1 - confidence, WORDS, 0.3)[0] == ("bee",)


def test_what_all_images_have_in_common_names_no_cluster() -> None:
    view = scores(*[[0.9, 0.04, 0.03, 0.03]] * 4)
    assert cluster_words([[view]], np.array([0, 0, 1, 1]), np.ones(4), WORDS) == {0: (), 1: ()}


def test_a_word_that_two_classes_have_comes_once() -> None:
    view = scores([0.49, 0.01, 0.01, 0.49], [0.01, 0.49, 0.49, 0.01])
    found = cluster_words([[view]], np.array([0, 1]), np.ones(2), WORDS, clear=0.3)
    assert found == {0: ("daisy",), 1: ("pot", "bee")}


def test_without_views_there_are_no_words() -> None:
    assert cluster_words([], np.array([0, 1, 1]), np.ones(3), ()) == {0: (), 1: ()}


@pytest.mark.parametrize("block", [1, 7, 60])
def test_ranking_against_a_plain_computation_whatever_the_blocks(block: int) -> None:
    rng = np.random.default_rng(0)
    clusters, confidence = rng.integers(0, 4, 60), rng.random(60)
    views = [(3 * rng.normal(size=(60, 9)) + 6 * np.eye(9)[clusters]).astype(np.float32) for _ in range(2)]
    words = [f"w{place}" for place in range(9)]
    found = cluster_words(
        ([view[start : start + block] for start in range(0, 60, block)] for view in views),
        clusters,
        confidence,
        words,
    )
    chances = np.mean([torch.softmax(torch.from_numpy(view), 1).numpy() for view in views], axis=0)
    for cluster in range(4):
        members = np.flatnonzero(clusters == cluster)
        sure = members[confidence[members] >= np.median(confidence[members])]
        p, q = chances[sure].mean(axis=0), chances.mean(axis=0)
        terms = p * np.log(p / q)
        expected = [words[word] for word in np.argsort(-terms)[:3] if terms[word] >= 0.5]
        assert expected and list(found[cluster]) == expected
