"""The dendrogram's coordinates, by hand."""

from pathlib import Path

import pytest

from stages.core.dendrogram import Merge
from stages.core.errors import TableError
from stages.reporting.tree import read_merges, tree
from tests.reporting.partials import drawings, fill

HEAD = "parent,left,right,height,images,left_images,right_images,left_cluster,right_cluster,undone\n"
# Two pairs, joined, and an image alone.
FIVE = (
    Merge(5, 0, 1, 0.1, 2, 1, 1, 0, 0, False),
    Merge(6, 2, 3, 0.2, 2, 1, 1, 1, 1, False),
    Merge(7, 5, 6, 0.5, 4, 2, 2, 0, 1, True),
    Merge(8, 7, 4, 0.9, 5, 4, 1, None, 2, True),
)


def test_five_images_by_hand():
    drawn = tree(FIVE)
    # Leaves are 652 / 5 apart, from 56 on; heights go from 262 (0) to 12 (.9).
    assert [leaf.x for leaf in drawn.leaves] == [121.2, 251.6, 382.0, 512.4, 642.8]
    assert [leaf.images for leaf in drawn.leaves] == [1] * 5
    assert [link.path for link in drawn.links] == [
        "M121.2 262.0V234.2H251.6V262.0",
        "M382.0 262.0V206.4H512.4V262.0",
        "M186.4 234.2V123.1H447.2V206.4",
        "M316.8 123.1V12.0H642.8V262.0",
    ]
    assert [link.cluster for link in drawn.links] == [0, 1, None, None]
    assert [(span.start, span.stop, span.cluster, span.images) for span in drawn.spans] == [
        (57, 315.8, 0, 2),
        (317.8, 576.6, 1, 2),
        (578.6, 707, 2, 1),
    ]
    # Half way from .2 to .5, the lowest merge undone.
    assert (drawn.cut_height, drawn.cut, drawn.groups) == (pytest.approx(0.35), 164.8, 3)
    assert not drawn.crowded


def test_the_cut_of_one_cluster_lies_above_all_and_of_single_images_below():
    one = tree([merge._replace(undone=False) for merge in FIVE])
    assert (one.groups, one.cut) == (1, 12)
    singles = tree([merge._replace(undone=True) for merge in FIVE])
    assert (singles.groups, singles.cut_height) == (5, pytest.approx(0.05))


def test_a_cut_below_the_drawing_is_not_drawn():
    drawn = tree([Merge(30, 20, 21, 0.5, 9, 4, 5, None, None, True)])
    assert (drawn.cut, drawn.cut_height, drawn.groups) == (None, None, 2)
    assert "The cut is below what is drawn." in fill("dendrogram", dendrogram=drawn)


def test_many_leaves_widen_the_drawing_and_their_numbers_stand_upright():
    chain = [
        Merge(100 + i, 99 + i if i else 0, i + 1, i / 100, i + 2, i + 1, 1, None, 100 + i, i > 3)
        for i in range(80)
    ]
    drawn = tree(chain)
    assert drawn.box.width == 56 + 81 * 16 + 80
    assert drawn.leaves[-1].x == 56 + 80.5 * 16
    assert drawn.crowded
    assert "rotate(-90)" in fill("dendrogram", dendrogram=drawn)


def test_read_and_shown(tmp_path: Path):
    file = tmp_path / "dendrogram.csv"
    rows = ["5,0,1,0.1,2,1,1,0,0,0", "6,2,3,0.2,2,1,1,1,1,0", "7,5,6,0.5,4,2,2,0,1,1", "8,7,4,0.9,5,4,1,,2,1"]
    file.write_text(HEAD + "\n".join(rows) + "\n")
    merges = read_merges(file)
    assert merges == list(FIVE)
    html = fill("dendrogram", dendrogram=tree(merges), images=5, k=3)
    (svg,) = drawings(html)
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == (
        "Dendrogram of 5 images: the last 4 merges, from 5 groups to one; "
        "the cut at a distance of 0.35 makes 3 groups for 3 clusters."
    )
    texts = [text.text for text in svg.iter("text")]
    assert texts[:5] == ["0", "0.2", "0.4", "0.6", "0.8"]
    assert "co-association distance (0 to 1)" in texts
    assert "metrics/d/dendrogram.csv" in html


def test_groups_that_joined_others_are_told():
    html = fill("dendrogram", dendrogram=tree(FIVE), images=5, k=2)
    assert "it makes 3 groups, of which the 1 smallest one joined the cluster that it agrees with most." in html


def test_one_image_has_no_tree(tmp_path: Path):
    file = tmp_path / "dendrogram.csv"
    file.write_text(HEAD)
    assert tree(read_merges(file)) is None
    assert "nothing to join" in fill("dendrogram", dendrogram=None)


def test_a_damaged_file_is_named(tmp_path: Path):
    file = tmp_path / "dendrogram.csv"
    file.write_text(HEAD + "5,0,1,high,2,1,1,0,0,0\n")
    with pytest.raises(
        TableError, match=r"dendrogram\.csv cannot be used \(could not convert string to float: 'high'\)"
    ):
        read_merges(file)
