"""Corrections applied to clusters: each action by hand, and what becomes of them in another run."""

import numpy as np
import pytest

from stages.correcting import Corrected, Row, correct

PATHS = [f"{number}.png" for number in range(9)]
LABELS = np.repeat([0, 1, 2], 3)
A, B, C = ([Row("member", key, f"{number}.png") for number in range(3 * place, 3 * place + 3)]
           for place, key in enumerate("abc"))  # fmt: skip
GROUPS = [*A, *B, *C]


def done(*rows: tuple[str, str, str], labels: np.ndarray = LABELS, paths: list[str] = PATHS) -> Corrected:
    return correct(paths, labels, [*GROUPS, *(Row(*row) for row in rows)])


def test_members_alone_change_nothing() -> None:
    found = done()
    assert found.labels.tolist() == LABELS.tolist()
    assert found.labels.dtype == np.int32
    assert found.done.groups == {"a": 0, "b": 1, "c": 2}
    assert (found.names, found.done.summary, found.done.skipped) == ({}, "nothing", ())


def test_each_action() -> None:
    renamed = done(("rename", "b", "daisy"))
    assert renamed.names == {1: "daisy"}
    assert renamed.labels.tolist() == LABELS.tolist()
    merged = done(("merge", "a", "c"))
    assert merged.labels.tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0]
    assert merged.done.merged == {2: 0}
    moved = done(("move", "b", "0.png"))
    assert moved.labels.tolist() == [1, 0, 0, 1, 1, 1, 2, 2, 2]
    aside = done(("aside", "", "8.png"))
    assert aside.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, -1]
    summaries = [found.done.summary for found in (renamed, merged, moved, aside)]
    assert summaries == ["1 group renamed", "1 group merged into another", "1 image moved", "1 image set aside"]
    assert not any(found.done.skipped for found in (renamed, merged, moved, aside))


@pytest.mark.parametrize(
    ("rows", "labels", "names"),
    [
        # Into a group that then joins another one, or has joined it.
        ([("move", "b", "0.png"), ("merge", "c", "b")], [2, 0, 0, 2, 2, 2, 2, 2, 2], {}),
        ([("merge", "c", "b"), ("move", "b", "0.png")], [2, 0, 0, 2, 2, 2, 2, 2, 2], {}),
        # A chain of merges, either way round.
        ([("merge", "b", "a"), ("merge", "c", "b")], [2] * 9, {}),
        ([("merge", "c", "b"), ("merge", "b", "a")], [2] * 9, {}),
        # The last word on an image counts.
        ([("move", "b", "0.png"), ("move", "c", "0.png")], [2, 0, 0, 1, 1, 1, 2, 2, 2], {}),
        ([("aside", "", "0.png"), ("move", "a", "0.png")], LABELS.tolist(), {}),
        ([("move", "b", "0.png"), ("aside", "", "0.png")], [-1, 0, 0, 1, 1, 1, 2, 2, 2], {}),
        # An image that was set aside stays so when its group joins another one.
        ([("aside", "", "0.png"), ("merge", "c", "a")], [-1, 2, 2, 1, 1, 1, 2, 2, 2], {}),
        # A group that joins another one takes its name; a name given later is that of both.
        ([("rename", "a", "x"), ("rename", "b", "y"), ("merge", "a", "b")], [0] * 6 + [2] * 3, {0: "x"}),
        ([("rename", "b", "y"), ("merge", "a", "b")], [0] * 6 + [2] * 3, {}),
        ([("merge", "a", "b"), ("rename", "b", "y")], [0] * 6 + [2] * 3, {0: "y"}),
        # A group merged with itself, also by two names, is what it was.
        ([("merge", "a", "a")], LABELS.tolist(), {}),
        ([("merge", "a", "b"), ("merge", "b", "a")], [0] * 6 + [2] * 3, {}),
        # A name taken away.
        ([("rename", "a", "")], LABELS.tolist(), {0: ""}),
    ],
)
def test_actions_in_sequence(rows: list[tuple[str, str, str]], labels: list[int], names: dict[int, str]) -> None:
    found = done(*rows)
    assert found.labels.tolist() == labels
    assert found.names == names
    assert found.done.skipped == ()


@pytest.mark.parametrize(
    ("rows", "labels", "names"),
    [
        # A group split, and named; its own number, or the next one where a cluster has that.
        ([("new", "n", "7"), ("move", "n", "0.png"), ("rename", "n", "x")], [7, 0, 0, 1, 1, 1, 2, 2, 2], {7: "x"}),
        ([("new", "n", "1"), ("move", "n", "0.png"), ("move", "n", "8.png")], [3, 0, 0, 1, 1, 1, 2, 2, 3], {}),
        # Two new groups, also of one number; the row of a group counts once.
        (
            [*(("new", name, "5") for name in "nmn"), ("move", "n", "0.png"), ("move", "m", "1.png")],
            [5, 6, 0, 1, 1, 1, 2, 2, 2],
            {},
        ),
        # It joins another one, and others join it, whatever comes to it later.
        (
            [("new", "n", "5"), ("move", "n", "0.png"), ("merge", "b", "n"), ("move", "n", "8.png")],
            [1, 0, 0, 1, 1, 1, 2, 2, 1],
            {},
        ),
        ([("new", "n", "5"), ("merge", "n", "b"), ("move", "n", "0.png")], [5, 0, 0, 5, 5, 5, 2, 2, 2], {}),
        # One that nothing came to is none.
        ([("new", "n", "5"), ("rename", "n", "x")], LABELS.tolist(), {}),
    ],
)
def test_new_groups(rows: list[tuple[str, str, str]], labels: list[int], names: dict[int, str]) -> None:
    found = done(*rows)
    assert found.labels.tolist() == labels
    assert found.names == names
    assert found.done.skipped == ()


def test_a_group_that_all_images_have_left_has_no_name() -> None:
    found = done(("rename", "a", "x"), *(("move", "b", f"{number}.png") for number in range(3)))
    assert found.names == {}
    assert found.done.summary == "3 images moved"


def test_two_names_for_one_group_are_reported_and_the_last_is_taken() -> None:
    found = done(("rename", "a", "x"), ("rename", "a", "y"))
    assert found.names == {0: "y"}
    assert found.done.skipped == ("cluster 0 is named 'x' and 'y'; the last is taken",)
    same = done(("rename", "a", "x"), ("rename", "b", "y"), labels=np.repeat([5, 5, 2], 3))
    assert same.names == {5: "y"}, "another run has made one cluster of both"
    assert same.done.skipped == ("cluster 5 is named 'x' and 'y'; the last is taken",)


def test_images_that_are_gone_are_counted_in_one_line() -> None:
    rows = (("move", "b", "0.png"), ("aside", "", "gone.png"), ("move", "a", "g\none.png"))
    found = done(*rows, labels=LABELS[1:], paths=PATHS[1:])
    assert found.labels.tolist() == LABELS[1:].tolist()
    assert found.done.skipped == ("4 rows of images that are not there, such as '0.png', passed over",)
    one = done(("aside", "", "g\none.png"))
    assert one.done.skipped == ("1 row of an image that is not there, such as 'g\\\\none.png', passed over",)


ROWS = [("rename", "a", "x"), ("merge", "b", "c"), ("move", "a", "3.png"), ("aside", "", "8.png")]


def test_corrections_survive_other_numbers_and_new_images() -> None:
    """The same groups, renumbered and with twice as many images in another order."""
    paths = [*(f"new-{number}.png" for number in range(9)), *reversed(PATHS)]
    labels = np.concatenate([[7, 4, 1] * 3, np.repeat([1, 4, 7], 3)])  # a is 7 now, b is 4, c is 1
    found = done(*ROWS, labels=labels, paths=paths)
    by_path = dict(zip(paths, found.labels.tolist(), strict=True))
    assert [by_path[path] for path in PATHS] == [7, 7, 7, 7, 4, 4, 4, 4, -1]
    assert [by_path[f"new-{number}.png"] for number in range(9)] == [7, 4, 4] * 3
    assert found.names == {7: "x"}
    assert found.done.skipped == ()


def test_a_group_is_the_cluster_of_more_than_half_of_its_images() -> None:
    labels = LABELS.copy()
    labels[2] = 1  # two of three are left
    assert done(*ROWS, labels=labels).names == {0: "x"}
    labels[1] = 2
    found = done(*ROWS, ("rename", "b", "y"), labels=labels)
    assert found.done.groups == {"a": None, "b": 1, "c": 2}
    assert found.names == {1: "y"}
    assert found.done.skipped == (
        "group 'a': no cluster has more than half of its 3 images, one has 1; 2 rows not applied",
    )
    assert found.labels.tolist() == [0, 1, 1, 1, 1, 1, 1, 1, -1], "the image that should move to it stays"
    half = correct(PATHS, LABELS, [Row("member", "a", "0.png"), Row("member", "a", "3.png")])
    assert half.done.groups == {"a": None}, "exactly half is not more than half"


def test_a_group_whose_images_are_gone_is_reported() -> None:
    found = done(("merge", "a", "b"), labels=LABELS[3:], paths=PATHS[3:])
    assert found.labels.tolist() == LABELS[3:].tolist()
    assert found.done.skipped == (
        "group 'a': none of its images is there; 1 row not applied",
        "3 rows of images that are not there, such as '0.png', passed over",
    )
