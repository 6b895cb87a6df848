"""The number of clusters whose cut has the most modularity, how clear it is, and the line that says so."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import cut_tree, ward

from stages.core.dendrogram import most_clusters
from stages.graphs import ClusterCount, choose_cluster_count, measure_structure, view_links
from stages.graphs.cluster_count import Cut
from stages.graphs.modularity import link_agreement


def separate_groups(n_groups: int, each: int, seed: int = 0) -> list[np.ndarray]:
    """Two views of images about corners that are far apart."""
    random = np.random.default_rng(seed)
    kinds = np.repeat(np.arange(n_groups), each)
    return [
        (9 * np.eye(n_groups, width)[kinds] + random.normal(size=(len(kinds), width))).astype(np.float32)
        for width in (n_groups, n_groups + 2)
    ]


def wards_cuts(views: list[np.ndarray]) -> Cut:
    """The cuts of Ward's tree of the views side by side."""
    cuts = cut_tree(ward(np.concatenate(views, axis=1)))  # a column for each number of clusters, the most first
    return lambda count: cuts[:, -count]


def counted(views: list[np.ndarray]) -> ClusterCount:
    clear = measure_structure(views, 0).clear
    return choose_cluster_count(wards_cuts(views), view_links(views), len(views[0]), clear)


@pytest.mark.parametrize("n_groups", [2, 3, 5, 8])
def test_groups_that_are_far_apart_are_counted(n_groups: int) -> None:
    found = counted(separate_groups(n_groups, 15))
    assert found.n_clusters == n_groups
    assert found.clear
    assert found.plausible[0] <= n_groups <= found.plausible[1]


def test_groups_within_groups_are_the_finer_number() -> None:
    """Three groups of four each: few links join the groups, and next to none the threes."""
    random = np.random.default_rng(0)
    kinds = np.repeat(np.arange(12), 15)
    images = 100 * np.eye(3, 15)[kinds // 4] + 5 * np.eye(12, 15, 3)[kinds] + random.normal(size=(180, 15))
    found = counted([images.astype(np.float32)])
    assert found.n_clusters == 12
    assert found.coarser is None or 3 <= found.coarser < 12


def test_a_cloud_has_no_clear_groups() -> None:
    random = np.random.default_rng(3)
    found = counted([random.normal(size=(200, 10)).astype(np.float32)])
    assert not found.clear
    assert str(found).startswith(f"no clear groups, {found.n_clusters} group")


def test_the_curve_is_that_of_all_cuts_and_the_number_its_greatest() -> None:
    views = separate_groups(4, 20)
    links, cut = view_links(views), wards_cuts(views)
    found = choose_cluster_count(cut, links, 80, True)
    assert found.counts.tolist() == list(range(1, most_clusters(80) + 1))
    for resolution, number in ((0.75, found.n_clusters), (0.4, found.coarser), (1.5, found.finer)):
        values = [link_agreement(links, cut(count)).modularity(resolution) for count in found.counts]
        assert number in (None, found.counts[np.argmax(values)])
        if resolution == 0.75:
            np.testing.assert_array_equal(found.modularity, values)
            good = found.counts[np.array(values) >= max(values) - 0.02]
            assert found.plausible == (max(good[0], found.coarser or number), min(good[-1], found.finer or number))


@pytest.mark.parametrize("n_images", [1, 2, 3])
def test_few_images_and_copies_have_one_group_that_is_not_clear(n_images: int) -> None:
    for view in (np.ones((n_images, 2)), np.random.default_rng(0).random((n_images, 2))):
        links = view_links([view.astype(np.float32)])
        found = choose_cluster_count(lambda count: np.arange(n_images) % count, links, n_images, False)
        assert (found.n_clusters, found.clear) == (1, False)
        assert found.counts.tolist() == list(range(1, most_clusters(n_images) + 1))
        assert found.coarser is None


def test_of_equal_modularities_the_fewest_clusters_win() -> None:
    labels = np.repeat(np.arange(2), 10)
    links = view_links([labels[:, None].astype(np.float32) + np.arange(20)[:, None] / 1000], 3)
    found = choose_cluster_count(lambda count: labels if count > 1 else 0 * labels, links, 20, True)
    assert (found.n_clusters, found.finer, found.coarser) == (2, None, None)
    assert found.plausible == (2, 2)


def ring(n_images: int, reach: int) -> np.ndarray:
    """Links from each image to the next ones on a ring."""
    starts = np.arange(n_images)
    return np.concatenate([np.column_stack([starts, (starts + step) % n_images]) for step in range(1, reach + 1)])


def arcs(n_images: int) -> Cut:
    """The cuts of the ring into arcs of nearly one length."""
    return lambda count: np.arange(n_images) * count // n_images


@pytest.mark.parametrize("reach", [2, 10, 60])
def test_of_many_numbers_some_are_looked_at_and_the_best_is_still_found(reach: int) -> None:
    n_images = 3600
    links, cut = ring(n_images, reach), arcs(n_images)
    looked: list[int] = []

    def counting(count: int) -> np.ndarray:
        looked.append(count)
        return cut(count)

    found = choose_cluster_count(counting, links, n_images, False)
    most = most_clusters(n_images)
    assert most == 120
    assert looked[0] == 1 and max(looked) <= most and len(looked) == len(set(looked)) < 100
    assert found.counts.tolist() == sorted(looked)
    every = [link_agreement(links, cut(count)).modularity(0.75) for count in range(1, most + 1)]
    assert found.n_clusters == 1 + int(np.argmax(every))


@given(st.permutations(range(36)))
@settings(deadline=None, max_examples=20)
def test_the_order_of_the_images_changes_nothing(order: list[int]) -> None:
    views = separate_groups(3, 12)
    expected = choose_cluster_count(wards_cuts(views), view_links(views), 36, True)
    moved = [view[np.array(order)] for view in views]
    found = choose_cluster_count(wards_cuts(moved), view_links(moved), 36, True)
    assert (found.n_clusters, found.plausible, str(found)) == (3, expected.plausible, str(expected))
    np.testing.assert_allclose(found.modularity, expected.modularity)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "15 groups (13 to 24 plausible; coarser 9, finer 24)"),
        ({"coarser": None}, "15 groups (13 to 24 plausible; finer 24)"),
        ({"finer": None}, "15 groups (13 to 24 plausible; coarser 9)"),
        ({"coarser": None, "finer": None}, "15 groups (13 to 24 plausible)"),
        ({"plausible": (15, 15)}, "15 groups (coarser 9, finer 24)"),
        ({"plausible": (15, 15), "coarser": None, "finer": None}, "15 groups"),
        ({"n_clusters": 1, "plausible": (1, 1), "coarser": None}, "1 group (finer 24)"),
        ({"clear": False}, "no clear groups, 15 groups at best (13 to 24 plausible; coarser 9, finer 24)"),
        (
            {"clear": False, "n_clusters": 1, "plausible": (1, 1), "coarser": None, "finer": None},
            "no clear groups, 1 group at best",
        ),
    ],
)
def test_the_line_that_says_it(changes: dict[str, Any], line: str) -> None:
    found = ClusterCount(15, (13, 24), 9, 24, True, np.arange(1, 30), np.zeros(29))
    assert str(replace(found, **changes)) == line
