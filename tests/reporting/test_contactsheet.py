import numpy as np
import pytest

from stages.reporting.contactsheet import Sheet, Tile, choose_images, cluster_sizes, contact_sheet, on_boundary
from stages.reporting.rivals import Rivals


def no_rivals(confidence: np.ndarray) -> Rivals:
    count = len(confidence)
    return Rivals(np.full(count, -1), confidence, np.zeros(count))


def choose(clusters: np.ndarray, confidence: np.ndarray, per_cluster: int, limit: int = 1000) -> list[Sheet]:
    return choose_images(clusters, confidence, no_rivals(confidence), per_cluster, limit)


def test_most_and_least_confident_by_hand() -> None:
    clusters = np.array([5, 1, 5, 5, 5, 1, 5])
    confidence = np.array([0.2, 0.9, 0.8, 0.5, 0.8, 0.3, 0.1])
    large, small = choose(clusters, confidence, per_cluster=3)
    assert (large.cluster, large.size, small.cluster, small.size) == (5, 5, 1, 2)
    assert large.confidence == pytest.approx(0.48)
    assert large.most.tolist() == [2, 4]  # equal confidence: the table's order
    assert large.least.tolist() == [6]
    assert (small.most.tolist(), small.least.tolist()) == ([1, 5], [])  # shown whole


def test_the_boundary_by_hand() -> None:
    own = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    other = np.array([0.8, 0.39, 0.5, 0.59, 0.2, 0.3])
    rivals = Rivals(np.array([1, 1, 2, 1, 1, 2]), own, other)
    assert on_boundary(rivals).tolist() == [True, False, True, True, False, True]  # at least half as much
    (sheet,) = choose_images(np.zeros(6, int), own, rivals, per_cluster=4, limit=9)
    # The least confident image is not repeated; the lead is .01 for image 3, .2 for image 2.
    assert (sheet.most.tolist(), sheet.boundary.tolist(), sheet.least.tolist()) == ([0, 1], [3], [5])
    (sheet,) = choose_images(np.zeros(6, int), own, no_rivals(own), per_cluster=4, limit=9)
    # Without a boundary, the place goes to the most confident.
    assert (sheet.most.tolist(), sheet.boundary.tolist(), sheet.least.tolist()) == ([0, 1, 2], [], [5])


@pytest.mark.parametrize("per_cluster", [1, 2, 3, 4, 5, 12])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 11, 12, 13, 40])
def test_as_many_as_asked_for_and_none_twice(per_cluster: int, size: int) -> None:
    rng = np.random.default_rng(size)
    own, other = rng.random(size), rng.random(size)
    rivals = Rivals(np.ones(size, int), own, other)
    (sheet,) = choose_images(np.zeros(size, int), own, rivals, per_cluster, limit=1000)
    assert len(sheet.rows) == len(set(sheet.rows)) == min(size, per_cluster)
    assert (np.diff(own[sheet.most]) <= 0).all()
    assert (np.diff(own[sheet.least]) >= 0).all()
    assert on_boundary(rivals)[sheet.boundary].all()
    assert (np.diff(rivals.lead[sheet.boundary]) >= 0).all()


def test_the_smallest_clusters_go_without_where_a_page_would_get_too_heavy() -> None:
    clusters = np.repeat([0, 1, 2], [2, 4, 3])
    assert [sheet.cluster for sheet in choose(clusters, np.ones(9), 3, limit=6)] == [1, 2]
    assert cluster_sizes(clusters) == ((1, 4), (2, 3), (0, 2))


def test_a_sheet_names_the_commonest_label_of_the_labelled() -> None:
    (sheet,) = choose(np.zeros(2, int), np.ones(2), 12)
    tiles = {row: Tile(f"{row}.png", 1.0, "", None, "data:,", row) for row in range(2)}
    laid_out = contact_sheet(sheet, tiles, np.array([1, 1, 0, -1]), ["oak", "elm"])
    assert laid_out.commonest == "2 of 3 labelled elm"
    assert [tile.name for tile in laid_out.strips[0].tiles] == ["0.png", "1.png"]
    assert contact_sheet(sheet, tiles, np.array([-1, -1]), []).commonest == ""


def test_a_sheet_has_three_strips_and_leaves_out_an_empty_one() -> None:
    tiles = {row: Tile(f"{row}.png", 1.0, "", None, "data:,", row) for row in range(9)}
    parts = (np.array([0]), np.array([1]), np.array([2]))
    strips = contact_sheet(Sheet(0, 9, 1.0, *parts), tiles, np.full(9, -1), []).strips
    assert [(strip.heading, strip.tiles[0].place) for strip in strips] == [
        ("Most confident", 0),
        ("Boundary", 2),
        ("Least confident", 1),
    ]
    bare = Sheet(0, 9, 1.0, parts[0], parts[1], np.array([], int))
    assert len(contact_sheet(bare, tiles, np.full(9, -1), []).strips) == 2


def test_images_that_were_set_aside_are_no_cluster_and_come_last() -> None:
    clusters, confidence = np.array([-1, 3, -1, -1, 3]), np.array([0, 0.5, 0, 0, 1])
    assert cluster_sizes(clusters) == ((3, 2),)
    group, aside = choose(clusters, confidence, per_cluster=2)
    assert (group.cluster, group.most.tolist()) == (3, [4, 1])
    assert (aside.cluster, aside.size, aside.rows) == (-1, 3, [0, 2])
    tiles = {row: Tile(f"{row}.png", 0.0, "", None, "data:,", row) for row in aside.rows}
    (strip,) = contact_sheet(aside, tiles, np.full(3, -1), ()).strips
    assert (strip.heading, [tile.name for tile in strip.tiles]) == ("In no group", ["0.png", "2.png"])
