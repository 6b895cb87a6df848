"""Corrections by hand and the numbers of earlier clusters, which git keeps, in the stage `result`."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from stages.consensus import membership_confidence
from stages.core.atomic import write_text
from stages.tables import read_images
from stages.tables.results import read_assignments, read_result
from stages.tables.textfiles import json_of
from tests.result.stage import BASE, GROUPS, assignments, chosen, refused, run_stage


def correct(*rows: str) -> None:
    """Write a file of corrections about the GROUPS, called a, b and c there."""
    members = [f"member,{'abc'[group]},{number}.png" for number, group in enumerate(GROUPS)]
    write_text(Path("data/corrections/d.csv"), "\n".join(["action,group,value", *members, *rows, ""]))


def test_corrections_change_the_result_and_nothing_that_it_was_chosen_by(project: Path) -> None:
    before = chosen("jule")
    correct("rename,a,oak", "move,a,4.png", "merge,b,c", "aside,,5.png")
    after = chosen("jule")
    assert {name: after[name] for name in ("method", "chosen", "modularity")} == {
        name: before[name] for name in ("method", "chosen", "modularity")
    }
    rows = assignments()
    assert list(rows[0]) == ["path", "cluster", "confidence", "name", "uncorrected"]
    expected = [0, 0, 0, 0, 0, -1, 1, 1, 1, 1, 1, 1]
    assert [int(row["cluster"]) for row in rows] == expected
    assert [int(row["uncorrected"]) for row in rows] == GROUPS.tolist()
    assert [row["name"] for row in rows] == ["oak"] * 5 + [""] * 7
    base = np.column_stack(list(BASE.values()))
    confidence = membership_confidence(base, np.array(expected), np.array([1.5, 0.5]))
    assert [float(row["confidence"]) for row in rows] == pytest.approx(confidence.tolist(), abs=1e-6)
    assert rows[5]["confidence"] == "0.000000"
    assert list(after["names"]) == ["0", "1"]
    images, folder = read_images(Path("data/images/d.parquet")), Path("data/results/d")
    result = read_result(folder)
    assert (found := result.corrections) is not None
    assert found.summary == "1 image moved, 1 group merged into another, 1 group renamed, 1 image set aside"
    assert (found.groups, found.merged) == ({"a": 0, "b": 1, "c": 2}, {2: 1})
    assert found.rows[-4:] == (
        ("rename", "a", "oak"),
        ("move", "a", "4.png"),
        ("merge", "b", "c"),
        ("aside", "", "5.png"),
    )
    assert (read_assignments(folder, images).found == GROUPS).all()
    assert (read_assignments(folder, images).labels == expected).all()
    assert result.names_of("jule/dmvc") == {}, "they are no longer those of the method"
    assert result.names[0].name == "oak"


@pytest.mark.parametrize("text", [None, "", "action,group,value\n"])
def test_without_corrections_nothing_is_as_if_there_were_some(project: Path, text: str | None) -> None:
    chosen("jule")
    files = {file: file.read_bytes() for file in Path("data").rglob("*.*")}
    correct("rename,a,oak")
    chosen("jule")
    Path("data/corrections/d.csv").unlink()
    if text is not None:
        write_text(Path("data/corrections/d.csv"), text)
    assert "corrections" not in chosen("jule")
    assert {file: file.read_bytes() for file in files} == files
    assert read_result(Path("data/results/d")).corrections is None


def note(*numbers: int, extra: str = "") -> None:
    """Write a file of earlier numbers, of the images from 0.png on."""
    lines = [
        f"{number},{sha256(b'%d' % place).hexdigest()[:16]},old/{place}.png"
        for place, number in enumerate(numbers)
    ]
    write_text(Path("data/corrections/numbers/d.csv"), "\n".join(["cluster,image,path", *lines, extra]))


def test_clusters_keep_the_numbers_of_earlier_ones(project: Path) -> None:
    """The images are known by their bytes; the last group is new."""
    before = chosen("jule")
    without = assignments()
    note(*GROUPS[:8] * -3 + 5, extra="9,,\n")
    output = run_stage("jule")
    assert output.splitlines()[2:] == ["d: 2 of 3 clusters keep the number of an earlier one"]
    rows = assignments()
    assert [int(row["cluster"]) for row in rows] == [5] * 4 + [2] * 4 + [10] * 4
    assert [row["confidence"] for row in rows] == [row["confidence"] for row in without]
    after = json_of(Path("data/results/d/result.json"))
    assert after["numbers"] == {"0": 5, "1": 2, "2": 10} and list(after["names"]) == ["2", "5", "10"]
    assert after["modularity"] == before["modularity"]
    result = read_result(Path("data/results/d"))
    assert result.names_of("jule/dmvc").keys() == {0, 1, 2}, "those of the method's own table"


def test_corrections_come_after_the_numbers(project: Path) -> None:
    """The group that another one joined keeps its number, whatever the run called it; and back again."""
    note(*GROUPS + 4)
    correct("rename,a,oak", "merge,c,b", "aside,,5.png")
    run_stage("jule")
    rows = assignments()
    assert [int(row["cluster"]) for row in rows] == [4] * 4 + [6, -1] + [6] * 6
    assert [int(row["uncorrected"]) for row in rows] == (GROUPS + 4).tolist()
    assert rows[0]["name"] == "oak"
    assert read_result(Path("data/results/d")).number_of(1) == 6


@pytest.mark.parametrize("numbers", [GROUPS, None, np.array([3])])
def test_without_other_numbers_nothing_is_as_if_there_were_some(project: Path, numbers: np.ndarray | None) -> None:
    """The same numbers, no file, and a file of another image set."""
    chosen("jule")
    files = {file: file.read_bytes() for file in Path("data/results").rglob("*.*")}
    if numbers is None:
        write_text(Path("data/corrections/numbers/d.csv"), "")
    elif len(numbers) > 1:
        note(*numbers)
    else:
        write_text(Path("data/corrections/numbers/d.csv"), "cluster,image,path\n3,0f,x.png\n")
        assert run_stage("jule").splitlines()[-1] == (
            "d: no number is kept: none of the images that have one is there"
        )
    chosen("jule")
    assert {file: file.read_bytes() for file in files} == files


def test_numbers_that_cannot_be_used_are_refused_before_anything_is_written(project: Path) -> None:
    note(1, extra="many,0f,x.png\n")
    assert refused("jule") == (
        "data/corrections/numbers/d.csv, line 3: the cluster is 'many'; write a number from 0 to 1000000"
    )


def test_what_could_not_be_corrected_is_a_line_each_and_stops_nothing(project: Path) -> None:
    correct("member,other,20.png", "rename,other,x", "aside,,21.png")
    assert run_stage("jule").splitlines()[2:] == [
        "d: corrected by hand: nothing",
        "d: not corrected: group 'other': none of its images is there; 1 row not applied",
        "d: not corrected: 2 rows of images that are not there, such as '20.png', passed over",
    ]
    assert [int(row["cluster"]) for row in assignments()] == GROUPS.tolist()


def test_corrections_that_cannot_be_used_are_refused_before_anything_is_written(project: Path) -> None:
    correct("delete,a,b")
    assert refused("jule") == (
        "data/corrections/d.csv, line 14: the action is 'delete'; write member, new, rename, merge, move, aside"
    )
    correct(*(f"aside,,{number}.png" for number in range(12)))
    assert refused("jule") == "data/corrections/d.csv sets all images aside; remove some of its rows"
