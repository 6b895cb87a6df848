"""Where images go: names that are safe, free and short enough, whatever the paths hold."""

from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.exporting.images import cluster_names, lay_out, needs_plain_names, ranks, safe_parts, shortened
from stages.tables.results import ClusterName

PARTS = st.text("abAB./\0é\u0301: ", max_size=6) | st.just("..") | st.just("x" * 300 + ".png")


def _all(paths: list[str], keep_folders: bool = True, plain: bool = False) -> list[str]:
    return list(lay_out(paths, dict.fromkeys(range(len(paths)), "c"), keep_folders, None, plain).values())


@given(st.lists(st.lists(PARTS, min_size=1, max_size=4).map("/".join), min_size=1, max_size=8), st.booleans())
def test_places_are_below_the_folder_and_no_two_the_same(paths: list[str], keep_folders: bool) -> None:
    places = _all(paths, keep_folders)
    assert len({place.casefold() for place in places}) == len(paths)
    folders = {str(parent) for place in places for parent in PurePosixPath(place).parents}
    for place in places:
        top, *parts = place.split("/")
        assert top == "c" and parts
        assert all(part not in ("", ".", "..") and "\0" not in part for part in parts)
        assert all(len(part.encode()) <= 255 for part in parts)
        assert place not in folders, "a file where another one needs a folder"


def test_equal_names_are_numbered_in_order_of_the_table() -> None:
    assert _all(["a/x.png", "b/x.png", "c/x (2).png", "d/X.PNG"], keep_folders=False) == [
        "c/x.png",
        "c/x (2).png",
        "c/x (2) (2).png",
        "c/X (3).PNG",
    ]
    assert _all(["e\u0301.png", "é.png"], keep_folders=False) == ["c/e\u0301.png", "c/é (2).png"]
    assert _all(["x.png", "x.png/y.png"]) == ["c/x (2).png", "c/x.png/y.png"]


def test_long_names_are_cut_before_their_extension() -> None:
    assert shortened("a" * 300 + ".png") == "a" * 251 + ".png"
    assert shortened("é" * 200 + ".png") == "é" * 125 + ".png", "no half of a letter"
    assert shortened("a." + "b" * 300) == "a." + "b" * 253
    first, second = _all(["b/" + "a" * 251 + ".png", "c/" + "a" * 251 + ".png"], keep_folders=False)
    assert first == "c/" + "a" * 251 + ".png"
    assert second == "c/" + "a" * 247 + " (2).png"


def test_plain_names_hold_nothing_that_other_file_systems_refuse() -> None:
    assert safe_parts('a:b?/c"d\n./e<f>|*\\.png', plain=True) == ["a_b_", "c_d_", "e_f____.png"]
    assert safe_parts("...", plain=True) == ["___"]
    assert _all(["a:.png", "a?.png"], keep_folders=False, plain=True) == ["c/a_.png", "c/a_ (2).png"]


def test_whether_plain_names_are_needed_is_tried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not needs_plain_names(tmp_path)
    assert list(tmp_path.iterdir()) == []

    def refuse(*_: object) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(Path, "touch", refuse)
    assert needs_plain_names(tmp_path)


def test_names_of_clusters_sort_as_their_numbers() -> None:
    assert cluster_names(np.array([2, 0, 2])) == {0: "cluster-00", 2: "cluster-02"}
    named = {0: ClusterName("daisy"), 2: ClusterName(""), 12: ClusterName("jack-o'-lantern / \0'a:b?' ..")}
    assert cluster_names(np.array([-1, 0, 2, 12]), named) == {
        -1: "unclustered",
        0: "00-daisy",
        2: "02-unnamed",
        12: "12-jack-o'-lantern--'a-b-'",
    }
    assert cluster_names(np.array([0]), {0: ClusterName("../..")}) == {0: "cluster-00"}
    (long,) = cluster_names(np.array([3]), {3: ClusterName("é" * 300)}).values()
    assert long.startswith("03-é") and len(long.encode()) < 255
    many = cluster_names(np.array([-1, 7, 1000]))
    assert many == {-1: "unclustered", 7: "cluster-0007", 1000: "cluster-1000"}


def test_ranks_fall_with_confidence_and_keep_the_order_of_equals() -> None:
    labels = np.array([0, 1, 0, 0, 1] + [2] * 10)
    confidence = np.array([0.5, 0.1, 0.9, 0.5, 0.2] + [1.0] * 10)
    found = ranks(labels, confidence, np.arange(15))
    assert [found[row] for row in range(5)] == ["2", "2", "1", "3", "1"]
    assert [found[row] for row in range(5, 15)] == [f"{n:02d}" for n in range(1, 11)]
    assert lay_out(["x.png"] * 15, {5: "c", 14: "c"}, False, found) == {5: "c/01-x.png", 14: "c/10-x.png"}
