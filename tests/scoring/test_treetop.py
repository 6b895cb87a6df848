"""The last merges of a dendrogram."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage

from stages.consensus import ConsensusCuts
from stages.core.dendrogram import Dendrogram
from stages.scoring.treetop import FEWEST, MOST, last_merges

# Two pairs, joined, and an image alone.
MERGES = np.array([[0, 1, 0.1, 2], [2, 3, 0.2, 2], [5, 6, 0.5, 4], [7, 4, 0.9, 5]])


def test_five_images_by_hand():
    merges = last_merges(MERGES, np.array([0, 0, 1, 1, 2]))
    assert [tuple(merge) for merge in merges] == [
        (5, 0, 1, 0.1, 2, 1, 1, 0, 0, False),
        (6, 2, 3, 0.2, 2, 1, 1, 1, 1, False),
        (7, 5, 6, 0.5, 4, 2, 2, 0, 1, True),
        (8, 7, 4, 0.9, 5, 4, 1, None, 2, True),
    ]


def test_a_cut_that_counts_large_groups_alone_goes_deeper():
    # Two clusters of at least .8 * 5 / 2 = 2 images: the image alone is passed over, the next merge undone.
    merges = last_merges(MERGES, np.array([0, 0, 1, 1, 1]), min_cluster_fraction=0.8)
    assert [merge.undone for merge in merges] == [False, False, True, True]
    assert [merge.undone for merge in last_merges(MERGES, np.array([0, 0, 0, 0, 1]))] == [False] * 3 + [True]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6])
def test_as_many_merges_are_undone_as_the_ensemble_undoes(share):
    rng = np.random.default_rng(0)
    views = rng.normal(size=(90, 2)) * np.array([4, 1])
    dendrogram = Dendrogram(linkage(views, "single"))
    partitions = np.column_stack([dendrogram.cut(k) for k in (10, 20, 40)])
    clusters = ConsensusCuts(dendrogram, partitions, None, share)(6)
    groups = 1 + sum(merge.undone for merge in last_merges(dendrogram.merges, clusters, share))
    least = share * 90 / 6

    def large(count):
        return int((np.bincount(dendrogram.cut(count)) >= least).sum())

    if share == 0.6:
        assert max(large(count) for count in range(1, 91)) < 6, "there is no such cut, so the plain one is taken"
        assert groups == 6
    else:
        assert large(groups) >= 6 > large(groups - 1)
        assert (groups > 6) == (share > 0)
    # Every group that the cut makes is of one cluster, but for the images of those too small to count.
    cut = dendrogram.cut(groups)
    for group in np.flatnonzero(np.bincount(cut) >= least):
        assert len(np.unique(clusters[cut == group])) == 1


@pytest.mark.parametrize(("n_clusters", "shown"), [(1, FEWEST), (50, FEWEST), (90, 95), (250, MOST)])
def test_how_many_are_shown(n_clusters, shown):
    dendrogram = Dendrogram(linkage(np.random.default_rng(1).normal(size=(300, 3)), "average"))
    merges = last_merges(dendrogram.merges, dendrogram.cut(n_clusters))
    assert len(merges) == shown - 1
    assert sum(merge.undone for merge in merges) == min(n_clusters, shown) - 1
    # What the merges shown start from are groups of all images.
    made = {merge.parent for merge in merges}
    sides = [(m.left, m.left_images) for m in merges] + [(m.right, m.right_images) for m in merges]
    assert sum(images for node, images in sides if node not in made) == 300


def test_an_image_alone_has_no_merges():
    assert last_merges(np.empty((0, 4)), np.array([0])) == []
