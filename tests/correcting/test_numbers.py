"""Numbers of earlier clusters: how images are found again, which clusters keep a number, and the file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import DatasetError
from stages.correcting import numbers_csv, numbers_file, read_numbers, renew
from stages.correcting.numbers import Numbered, find_images, kept_numbers

NEW = -1


def rows(*cells: tuple[int, str]) -> list[Numbered]:
    """A row for each number and letter: the image "a" is at "a.png"."""
    return [Numbered(number, name, f"{name}.png") for number, name in cells]


def found(rows: list[Numbered], *images: tuple[str, str]) -> tuple[list[int], list[Numbered]]:
    numbers, gone = find_images(rows, [path for _, path in images], [key for key, _ in images])
    return numbers.tolist(), gone


def test_images_are_found_by_their_bytes_and_else_by_their_paths() -> None:
    earlier = rows((4, "a"), (2, "b"), (7, "c"))
    assert found(earlier, ("a", "a.png"), ("b", "b.png")) == ([4, 2], earlier[2:])
    assert found(earlier, ("a", "renamed.png"), ("b", "other.png"))[0] == [4, 2]
    assert found(earlier, ("edited", "a.png"), ("new", "new.png")) == ([4, NEW], earlier[1:])


def test_a_new_image_under_the_path_of_one_that_was_renamed_is_new() -> None:
    """As when a camera begins to count again: a.png is b.png now, b.png is c.png."""
    earlier = rows((4, "a"), (2, "b"))
    assert found(earlier, ("new", "a.png"), ("a", "b.png"), ("b", "c.png"))[0] == [NEW, 4, 2]


def test_of_copies_each_is_that_of_its_path() -> None:
    earlier = [Numbered(number, "a", f"{number}.png") for number in range(3)]
    assert found(earlier, ("a", "2.png"), ("a", "0.png"), ("a", "1.png"))[0] == [2, 0, 1]
    assert found(earlier, ("a", "2.png"), ("a", "x.png"), ("a", "0.png"), ("a", "y.png"))[0] == [2, 1, 0, NEW]


def kept(labels: str, earlier: str, highest: int = 9) -> dict[int, int]:
    """The numbers of clusters, a digit an image; "." is a new image."""
    before = np.array([NEW if digit == "." else int(digit) for digit in earlier])
    return kept_numbers(np.array([int(digit) for digit in labels]), before, highest)


@pytest.mark.parametrize(
    ("labels", "earlier", "numbers"),
    [
        ("000111", "333777", {0: 3, 1: 7}),
        # The same partition by other numbers, and with new images that make the smaller cluster the larger one.
        ("1110000", "33377..", {1: 3, 0: 7}),
        # A cluster of new images, and two of them, get the next numbers after the highest one.
        ("00012", "333..", {0: 3, 1: 10, 2: 11}),
        # Split: the larger part keeps the number. It does so in three parts, none of which has half of the images.
        ("0000111", "3333333", {0: 3, 1: 10}),
        ("0001122", "3333333", {0: 3, 1: 10, 2: 11}),
        # Joined: the number of the one that brings more images; that of the other is not given to the next.
        ("000001", "33344.", {0: 3, 1: 10}),
        # Moved: one image of three changes sides, and each keeps the number of the two others.
        ("001110", "333444", {0: 3, 1: 4}),
        # As many images as possible, 3 + 3; with the 4 that 0 and 3 share, 1 would have no earlier one.
        ("0000000111", "3333444333", {0: 4, 1: 3}),
        # 4 is gone to pieces. One of its three images is no reason to give its number to another group.
        ("00000111112222233333", "33333433334555564666", {0: 3, 1: 10, 2: 5, 3: 6}),
        # Two that change their images altogether.
        ("000111", "111000", {0: 1, 1: 0}),
        # No image was there before.
        ("0011", "....", {0: 10, 1: 11}),
    ],
)
def test_which_cluster_keeps_which_number(labels: str, earlier: str, numbers: dict[int, int]) -> None:
    assert kept(labels, earlier) == numbers


def test_images_that_are_gone_do_not_count() -> None:
    """Of ten images of the cluster 3 two are left: the rows of the others are not among the images."""
    assert kept("00111", "33444") == {0: 3, 1: 4}


partitions = st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 5)), min_size=1, max_size=40)


@given(partitions)
def test_numbers_are_never_given_twice_and_new_ones_are_above_all_others(images: list[tuple[int, int]]) -> None:
    labels, earlier = np.array(images).T
    numbers = kept_numbers(labels, earlier, 5)
    assert numbers.keys() == set(labels.tolist())
    assert len(set(numbers.values())) == len(numbers)
    new = sorted(number for number in numbers.values() if number > 5)
    assert new == list(range(6, 6 + len(new)))
    for own, number in numbers.items():
        if number <= 5:
            shared = ((labels == own) & (earlier == number)).sum()
            others = min(((labels == own) & (earlier >= 0)).sum(), (earlier == number).sum())
            assert 2 * shared > others


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.permutations(range(6)), st.data())
def test_the_same_groups_keep_all_their_numbers_whatever_is_added(
    earlier: list[int], order: list[int], data: st.DataObject
) -> None:
    """As long as new images join groups, or come in groups of their own."""
    added = data.draw(st.lists(st.integers(0, 8), max_size=20))
    labels = [*(order[number] for number in earlier), *(order[at] if at in earlier else 10 + at for at in added)]
    numbers = kept_numbers(np.array(labels), np.array([*earlier, *[NEW] * len(added)]), 5)
    assert all(numbers[order[number]] == number for number in earlier)


@given(partitions)
def test_a_result_that_is_noted_keeps_its_numbers(images: list[tuple[int, int]]) -> None:
    """What a run wrote, noted and computed again, is the same: numbers do not drift."""
    labels, earlier = np.array(images).T
    paths = [f"{place}.png" for place in range(len(images))]
    keys = [f"{place % 3}" for place in range(len(images))]  # with copies
    numbers = kept_numbers(labels, earlier, 5)
    first = np.array([numbers[label] for label in labels.tolist()])
    noted = renew(rows((5, "gone")), paths, keys, first)
    again, _ = find_images(noted, paths, keys)
    assert again.tolist() == first.tolist()
    assert kept_numbers(labels, again, max(row.cluster for row in noted)) == numbers


def test_images_that_are_gone_stay_noted_and_so_do_numbers_that_were_given() -> None:
    earlier = [*rows((0, "a"), (1, "b"), (2, "c"), (3, "d")), Numbered(8, "", "")]
    paths, keys = ["a.png", "renamed.png", "d.png", "new.png"], ["a", "b", "edited", "new"]
    assert renew(earlier, paths, keys, np.array([0, 1, 4, 4])) == [
        Numbered(0, "a", "a.png"),
        Numbered(1, "b", "renamed.png"),
        Numbered(4, "edited", "d.png"),
        Numbered(4, "new", "new.png"),
        Numbered(2, "c", "c.png"),
        Numbered(3, "", ""),
        Numbered(8, "", ""),
    ]


def test_numbers_of_groups_that_were_made_by_hand_are_given_to_no_other() -> None:
    noted = renew([], ["a.png", "b.png"], ["a", "b"], np.array([0, 1]), {6})
    assert noted == [*rows((0, "a"), (1, "b")), Numbered(6, "", "")]


def test_rows_of_another_image_set_are_dropped() -> None:
    earlier = [*rows((40, "a"), (1, "b")), Numbered(80, "", "")]
    assert renew(earlier, ["new.png"], ["new"], np.array([0])) == [Numbered(0, "new", "new.png")]


PATHS = ['a,"b"\r\n é.png', "=cmd.png", "'=.png", "c.png"]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    file = numbers_file(tmp_path, "d")
    written = [*(Numbered(n, f"{n:016x}", path) for n, path in enumerate(PATHS)), Numbered(7, "", "")]
    file.parent.mkdir(parents=True)
    file.write_text(numbers_csv(written), encoding="utf-8", newline="")
    assert read_numbers(file) == written
    assert file.relative_to(tmp_path).as_posix() == "corrections/numbers/d.csv"


@pytest.mark.parametrize("content", [None, b"", b"\n", b"cluster,image,path\n", b"cluster,image,path\n,,\n"])
def test_without_rows_there_are_no_numbers(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "d.csv").write_bytes(content)
    assert read_numbers(tmp_path / "d.csv") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"cluster,path\n", " has no column 'image'; its first line has 'cluster', 'path'; name the columns "),
        (b"PK\3\4\0", " is not text in UTF-8 or UTF-16 (a zero byte in line 1); save it as CSV in UTF-8"),
        (b"cluster,image,path\n1,a,b\nx,a,b\n", ", line 3: the cluster is 'x'; write a number from 0 to 1000000"),
        (b"cluster,image,path\n,a,b\n", ", line 2: the cluster is ''; write a number from 0 to 1000000"),
        (b"cluster,image,path\n-1,a,b\n", ", line 2: the cluster is '-1'; write a number from 0 to 1000000"),
        (b"cluster,image,path\n1000001,a,b\n", ", line 2: the cluster is '1000001'; write a number from 0 to"),
        (b"cluster,image,path\n<<<<<<< HEAD\n", ", line 2: the cluster is '<<<<<<< HEAD'; write a number from 0"),
    ],
)
def test_mistakes_are_answered_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "d.csv").write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        read_numbers(tmp_path / "d.csv")
    assert str(caught.value).startswith(f"{tmp_path / 'd.csv'}{message}")
    assert "\n" not in str(caught.value)
