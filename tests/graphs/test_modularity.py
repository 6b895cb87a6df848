"""Modularity by hand, against a sum over the adjacency matrix, and what must not change it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.graphs import modularity
from stages.graphs.modularity import link_agreement

# Two triangles, each a ring of one direction, joined by a link from the first to the second.
RINGS = np.array([[0, 1], [1, 2], [2, 0], [3, 4], [4, 5], [5, 3], [2, 3]], dtype=np.int32)
TRIANGLES = np.repeat(np.arange(2), 3)


def both_ways(links: np.ndarray) -> np.ndarray:
    return np.concatenate([links, links[:, ::-1]])


def reference(links: np.ndarray, labels: np.ndarray, resolution: float = 1.0) -> float:
    """The sum over all pairs of images of one label, as Leicht and Newman write it; -1 is none."""
    n_images = len(labels)
    adjacency = np.zeros((n_images, n_images))
    np.add.at(adjacency, (links[:, 0], links[:, 1]), 1)
    out, into, n_links = adjacency.sum(axis=1), adjacency.sum(axis=0), adjacency.sum()
    total = 0.0
    for i in range(n_images):
        for j in range(n_images):
            if i == j or (labels[i] == labels[j] and labels[i] >= 0):
                total += adjacency[i, j] - resolution * out[i] * into[j] / n_links
    return total / n_links


@st.composite
def graphs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Links among a few images, none to itself, some twice; and labels, some -1."""
    n_images = draw(st.integers(2, 12))
    ends = st.tuples(st.integers(0, n_images - 1), st.integers(1, n_images - 1))
    drawn = draw(st.lists(ends, min_size=1, max_size=40))
    links = np.array([(start, (start + step) % n_images) for start, step in drawn], dtype=np.int32)
    return links, draw(arrays(np.int32, n_images, elements=st.integers(-1, 4)))


def test_two_triangles_that_a_link_joins() -> None:
    # 14 ends of links lie half in each triangle: 6 of 7 links inside, 2 * (7 / 14)^2 by chance.
    assert modularity(both_ways(RINGS), TRIANGLES) == pytest.approx(6 / 7 - 1 / 2)
    # One way: 4 links start in the first and 3 end there, of the second it is the other way round.
    assert modularity(RINGS, TRIANGLES) == pytest.approx(6 / 7 - (4 * 3 + 3 * 4) / 49)


def test_one_cluster_has_none_and_single_images_have_less() -> None:
    assert modularity(RINGS, np.zeros(6, dtype=np.int32)) == 0
    # Images 0, 1, 4, 5 have a link out and a link in, 2 has two out, and 3 two in.
    assert modularity(RINGS, np.arange(6)) == pytest.approx(-(4 + 2 + 2) / 49)


def test_an_image_in_no_cluster_counts_as_one_by_itself() -> None:
    labels = np.array([0, 0, -1, 1, 1, -1])
    assert modularity(RINGS, labels) == modularity(RINGS, np.array([0, 0, 2, 1, 1, 3]))
    assert modularity(RINGS, np.full(6, -1)) == modularity(RINGS, np.arange(6))


def test_without_links_nothing_is_said() -> None:
    assert modularity(np.empty((0, 2), dtype=np.int32), np.array([0, 1, -1])) == 0
    assert link_agreement(np.empty((0, 2), dtype=np.int32), np.array([0])) == (0, 0)


@given(graphs(), st.sampled_from([0.4, 0.85, 1.0, 1.5]))
@settings(deadline=None, max_examples=150)
def test_it_is_the_sum_over_all_pairs_of_images(graph: tuple[np.ndarray, np.ndarray], resolution: float) -> None:
    links, labels = graph
    found = link_agreement(links, labels).modularity(resolution)
    assert found == pytest.approx(reference(links, labels, resolution), abs=1e-12)
    assert modularity(links, labels) <= 1


@given(graphs(), st.data())
@settings(deadline=None, max_examples=80)
def test_neither_names_nor_the_order_of_images_and_links_matter(
    graph: tuple[np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    links, labels = graph
    expected = modularity(links, labels)
    names = np.array([*data.draw(st.permutations(range(0, 50, 10))), -1])
    assert modularity(links, names[labels]) == pytest.approx(expected, abs=1e-12)
    place = np.array(data.draw(st.permutations(range(len(labels)))))  # where each image stands now
    moved = np.empty_like(labels)
    moved[place] = labels
    assert modularity(place[links][::-1], moved) == pytest.approx(expected, abs=1e-12)
