"""The command `keep`, and that `cluster` and `add` keep numbers without being asked."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pytest

from stages.commands import add, cluster, keep
from stages.core.atomic import write_text
from stages.core.csvtext import csv_text
from stages.tables import Image, write_images
from stages.tables.corrections import Corrections
from stages.tables.textfiles import write_json
from tests.commands.folders import calls, make_images, make_project
from tests.exporting.project import METHOD, refused, rows
from tests.shell import Outcome, Shell

FILE = Path("data/corrections/numbers/photos.csv")
KEPT = f"{FILE}: the groups keep their numbers"
Call = Callable[..., Outcome]


def write_run(clusters: dict[str, int], found: dict[str, int] | None = None) -> None:
    """What a run wrote: images by their clusters, and those before corrections. "a2" is a renamed "a"."""
    images = [Image(path, path.strip("2").encode(), None, 4, 4) for path in clusters]
    write_images(Path("data/images/photos.parquet"), images, [])
    lines = [(path, cluster, "0.5", (found or clusters)[path]) for path, cluster in clusters.items()]
    table = Path("data/results/photos/assignments.csv")
    write_text(table, csv_text(["path", "cluster", "confidence", "uncorrected"], lines))
    corrected = {"corrections": asdict(Corrections((), {}, {}, 0, 0, 0))} if found else {}
    write_json(table.with_name("result.json"), METHOD | corrected)


def noted() -> dict[str, str]:
    """The cluster of each path in the file."""
    return {row["path"]: row["cluster"] for row in rows(FILE)}


@pytest.fixture
def root(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project beside a folder `photos`, which it knows nothing of yet."""
    root = make_project(workdir / "project")
    make_images(workdir / "photos")
    (workdir / "home").mkdir()
    monkeypatch.setenv("HOME", str(workdir / "home"))
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def run(root: Path, shell: Shell) -> Call:
    return partial(shell, keep.app)


def test_the_numbers_of_the_result_are_written_and_brought_up_to_date(run: Call) -> None:
    write_run({"a": 0, "b": 0, "=c": 1})
    assert run() == (0, f"{FILE}\n", "")
    text = "cluster,image,path\n0,ca978112ca1bbdca,a\n0,3e23e8160039594a,b\n1,9740ef3e90d779d5,'=c\n"
    assert FILE.read_text() == text
    FILE.chmod(0o444)
    assert run("--dataset", "photos") == (0, f"{FILE}\n", "")
    assert FILE.stat().st_mode & 0o777 == 0o444, "it was not written again"
    write_run({"a2": 0, "b": 3, "d": 3})
    assert run()[0] == 0
    assert noted() == {"a2": "0", "b": "3", "d": "3", "'=c": "1"}, "a was renamed, =c may come back"


def test_clusters_are_noted_as_they_were_before_corrections(run: Call) -> None:
    """The next run corrects them again, by corrections that go by images."""
    write_run({"a": 0, "b": -1, "c": 0}, {"a": 0, "b": 0, "c": 1})
    assert run()[0] == 0
    assert noted() == {"a": "0", "b": "0", "c": "1"}
    write_run({"a": 0, "b": 0, "c": 7}, {"a": 0, "b": 0, "c": 1})
    assert run()[0] == 0
    assert noted() == {"a": "0", "b": "0", "c": "1", "": "7"}, "7 was made by hand, and is given to no other"


def test_without_a_result_and_with_a_damaged_file_it_is_one_line(run: Call) -> None:
    assert refused(run("--dataset", "photos")).startswith(
        "data/images/photos.parquet does not exist; run `dvc repro`"
    )
    write_run({"a": 0})
    write_text(Path("data/results/photos/assignments.csv"), "path,cluster,confidence\nz,0,1\n")
    assert "lists other images than the image table; run `dvc repro`" in refused(run())
    assert not FILE.exists()
    write_text(FILE, "cluster,image,path\nmany,0,a\n")
    assert refused(run()) == f"{FILE}, line 2: the cluster is 'many'; write a number from 0 to 1000000"


@pytest.mark.parametrize("command", [add.app, cluster.app])
def test_a_folder_that_was_grouped_before_keeps_its_numbers(root: Path, shell: Shell, command: object) -> None:
    """Whatever came first: numbers are written before anything else is, and only where there is a result."""
    (root / "metrics/photos").mkdir(parents=True)
    started = partial(shell, command, "../photos")
    lines = started().out.splitlines()
    assert not FILE.exists() and not any(str(FILE) in line for line in lines)
    write_run({"a": 0, "b": 1})
    calls(root)
    assert started().out.splitlines()[0] == KEPT
    assert noted() == {"a": "0", "b": "1"}
    assert KEPT not in started().out, "nothing has changed since"
    write_run({"a": 0, "b": 2})
    assert started().out.splitlines()[0] == KEPT
    assert noted() == {"a": "0", "b": "2", "": "1"}, "1 was given, and is not given again"
    assert started("--renumber").out.splitlines()[0] == f"{FILE}: removed, the groups get other numbers"
    assert not FILE.exists()
    assert not any(str(FILE) in line for line in started("--renumber").out.splitlines())
    write_text(FILE, "<<<<<<< HEAD\n")
    calls(root)
    assert refused(started()).startswith(f"{root / FILE} has no column 'cluster', 'image', 'path'; its first line")
    assert calls(root) == [], "before anything runs"
