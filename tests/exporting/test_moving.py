"""Originals moved into an export and back, also after a kill; a preview; images that fit nowhere."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stages.core.atomic import write_text
from stages.core.csvtext import csv_text
from stages.exporting.clusters import find_unsure
from stages.exporting.target import JOURNAL, MARKER
from stages.tables.clusters import Clusters
from tests.exporting.project import PATHS, RESULT, Call, assign, files, refused, remains, rows

RAW = Path("data/raw/d")


def contents(folder: Path) -> dict[str, bytes]:
    return {path: (folder / path).read_bytes() for path in files(folder)}


def test_a_preview_says_where_each_image_would_go_and_writes_nothing(project: Path, export: Call) -> None:
    status, out, err = export("--preview", "--ranked")
    assert (status, err, remains(project)) == (0, "", [])
    assert export("--ranked")[0] == 0
    expected = [
        f"{row['path']} -> out/{row['file']}".replace("\n", "\\n") for row in rows(Path("out/clusters.csv"))
    ]
    assert out.splitlines() == expected
    assert "holds files, such as" in refused(export("--preview"))


def test_moved_images_are_in_their_groups_alone_and_go_back(project: Path, export: Call) -> None:
    before = contents(RAW)
    times = {path: (RAW / path).stat().st_mtime_ns for path in before}
    status, out, err = export("--move")
    assert (status, err) == (0, "")
    assert out.splitlines()[1:] == [
        "the originals were moved; `manyviews export --undo --to out` takes them back",
        "out",
    ]
    index = rows(Path("out/clusters.csv"))
    assert {row["path"]: Path("out", row["file"]).read_bytes() for row in index} == {
        path: before[path] for path in PATHS
    }
    assert contents(RAW) == {"one/broken.png": b"no image"}, "what is in no group stays"
    line = "holds images that were moved there; take them back by `manyviews export --undo --to"
    for option in ("--force", "--copy", "--move"):
        assert line in refused(export(option))
    assert export("--undo") == (0, f"{len(PATHS)} images back where they were\n", "")
    assert contents(RAW) == before
    assert {path: (RAW / path).stat().st_mtime_ns for path in before} == times
    assert remains(project) == []
    assert refused(export("--undo")) == (
        f"{project / 'out'} holds no images that were moved there, so none can go back"
    )


def test_to_another_disk_images_are_copied_and_compared(
    project: Path, export: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_disk(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    before = contents(RAW)
    times = {path: (RAW / path).stat().st_mtime_ns for path in before}
    monkeypatch.setattr("os.link", other_disk)
    assert export("--move")[0] == 0
    assert contents(RAW) == {"one/broken.png": b"no image"}
    assert export("--undo")[0] == 0
    assert contents(RAW) == before
    assert {path: (RAW / path).stat().st_mtime_ns for path in before} == times
    monkeypatch.setattr("filecmp.cmp", lambda *_, **__: False)
    line = refused(export("--move"))
    assert "cannot be moved (its copy differs); 0 of 17 images are in" in line
    assert contents(RAW) == before


KILLS = {
    "before a link": "os.link = stop_at(5, os.link)",
    "between a link and the removal of the old name": "Path.unlink = stop_at(5, Path.unlink)",
    "half-way through a copy": "os.link = none; shutil.copy2 = stop_at(5, half)",
    "before a copy has its name": "os.link = none; Path.rename = stop_at(6, Path.rename)",
    "between a copy and the removal of the original": "os.link = none; Path.unlink = stop_at(9, Path.unlink)",
    "before the journal is written": "os.fsync = stop_at(1, os.fsync)",
}
PROGRAM = """
import errno, os, shutil, sys
from pathlib import Path
from stages.commands.export import app
from stages.core.command import run

def none(*_, **__):
    raise OSError(errno.EXDEV, "other disk")

def half(source, target):
    Path(target).write_bytes(Path(source).read_bytes()[:20])
    os.kill(os.getpid(), 9)

def stop_at(number, whole):
    calls = []
    def counted(*values, **options):
        calls.append(values)
        if len(calls) == number:
            os.kill(os.getpid(), 9) if whole is not half else half(*values)
        return (shutil_copy2 if whole is half else whole)(*values, **options)
    return counted

shutil_copy2 = shutil.copy2
KILL
sys.argv = ["export", "--dataset", "d", "--to", "out", *sys.argv[1:]]
run(app)
"""


@pytest.mark.parametrize(
    ("kill", "undoing"),
    [*((kill, False) for kill in KILLS), *((kill, True) for kill in KILLS if "a link" in kill or "half" in kill)],
)
def test_a_kill_at_any_moment_loses_nothing(project: Path, export: Call, kill: str, undoing: bool) -> None:
    before = contents(RAW)
    if undoing:
        assert export("--move")[0] == 0
    options = ["--undo"] if undoing else ["--move"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    program = PROGRAM.replace("KILL", KILLS[kill])
    killed = subprocess.run([sys.executable, "-c", program, *options], env=environment, check=False)
    assert killed.returncode == -9
    whole = {*contents(RAW).values(), *(contents(Path("out")).values() if Path("out").exists() else [])}
    assert {*before.values()} <= whole
    if Path("out").exists():
        assert Path("out", JOURNAL).is_file()
        assert export("--undo")[0] == 0
    assert contents(RAW) == before
    assert not list(project.rglob(".partial-[0-9a-f]*")), "no half copy stays beside the photos"
    assert export("--move")[0] == export("--undo")[0] == 0, "what was left is cleared away"
    assert remains(project) == []


def test_nothing_is_written_over_on_the_way_back(project: Path, export: Call) -> None:
    before = contents(RAW)
    assert export("--move")[0] == 0
    (RAW / "top.png").write_bytes(b"a new one")
    place = next(row["file"] for row in rows(Path("out/clusters.csv")) if row["path"] == "top.png")
    line = refused(export("--undo"))
    assert line == (
        f"16 of 17 images are back in their places; {project / 'out' / place} cannot go back to "
        f"{project / RAW / 'top.png'} (another file is there); make room for it or put it back by hand, then run "
        "this again"
    )
    assert (RAW / "top.png").read_bytes() == b"a new one"
    assert Path("out", place).read_bytes() == before["top.png"]
    (RAW / "top.png").unlink()
    Path("out/mine.txt").write_text("mine")
    assert export("--undo")[0] == 0
    assert contents(RAW) == before
    assert [file.name for file in Path("out").iterdir()] == ["mine.txt"], "what an export did not write stays"


def test_a_disk_that_is_out_is_not_written_beside(project: Path, export: Call) -> None:
    before = contents(RAW)
    assert export("--move")[0] == 0
    RAW.rename("aside")
    assert refused(export("--undo")) == (
        f"{project / RAW}, where the images were, does not exist; mount or make it first"
    )
    Path("aside").rename(RAW)
    for folder in ("two", "one"):
        for file in (RAW / folder).iterdir():
            file.rename(project / "broken.png")
        (RAW / folder).rmdir()
    assert export("--undo")[0] == 0, "sub-folders that were removed as empty are made again"
    (project / "broken.png").rename(RAW / "one/broken.png")
    assert contents(RAW) == before


def test_an_image_that_is_gone_is_named(project: Path, export: Call) -> None:
    assert export("--move")[0] == 0
    place = Path("out", rows(Path("out/clusters.csv"))[0]["file"])
    place.rename("elsewhere.png")
    assert refused(export("--undo")).startswith(
        f"16 of 17 images are back in their places; {project / place} is gone; make room for it or put it back"
    )
    Path("elsewhere.png").rename(place)
    assert export("--undo")[0] == 0


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            lambda file: file.write_bytes(b"changed"),
            "has changed since the image table was made; run `dvc repro`, or",
        ),
        (lambda file: file.unlink(), "does not exist; run `dvc repro`, or leave out --move for copies"),
        (
            lambda file: (file.rename("aside.png"), file.symlink_to(Path("aside.png").absolute())),
            "is a link, which cannot be moved; leave out --move for copies",
        ),
    ],
)
def test_what_cannot_be_moved_is_refused_before_anything_is(
    project: Path, export: Call, change: Callable[[Path], object], line: str
) -> None:
    change(RAW / "top.png")
    before = contents(RAW)
    assert line in refused(export("--move"))
    assert contents(RAW) == before and not Path("out").exists()


def test_one_file_by_two_paths_is_not_moved(project: Path, export: Call) -> None:
    folder = Path("data/raw/d/two")
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.symlink_to("one")
    from stages.download import app as download
    from stages.tables import read_images
    from tests.shell import exit_status

    assert exit_status(download, "--dataset", "d") == 0
    paths = list(read_images(Path("data/images/d.parquet")).paths)
    write_text(RESULT, csv_text(["path", "cluster", "confidence"], assign(paths)))
    assert "are one file, which cannot be in two places; leave out --move for copies" in refused(export("--move"))
    assert not Path("out").exists()


def test_wrong_options_with_move(project: Path, export: Call) -> None:
    assert refused(export("--move", "--link")) == (
        "--link leaves the originals in their place, --move does not; take one of them"
    )
    assert refused(export("--move", "--as", "csv")) == "--as csv writes no image files; leave out --move"
    assert refused(export("--unsure", "--as", "coco")) == (
        "--as coco has one folder for all images; leave out --unsure"
    )
    assert refused(export("--unsure", "--method", "cut-2")) == (
        "cut-2 has no confidences; leave out --unsure, or take --method result"
    )
    assert export("--copy")[0] == 0
    assert refused(export("--undo")).endswith("holds no images that were moved there, so none can go back")
    Path("out", JOURNAL).write_text("{")
    assert "manyviews-moved.json is damaged (" in refused(export("--undo"))
    assert Path("out", MARKER).is_file()


def test_images_below_half_the_median_of_their_cluster_are_unsure() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1])
    confidence = np.array([0.8, 0.6, 0.4, 0.24, 0.1, 0.1, 0.05])  # medians .5 and .1
    assert find_unsure(Clusters(labels, confidence)).tolist() == [3]


def test_unsure_images_have_a_folder_of_their_own(project: Path, export: Call) -> None:
    found = [(path, cluster, "0.1" if path == "top.png" else value) for path, cluster, value in assign(PATHS)]
    write_text(RESULT, csv_text(["path", "cluster", "confidence"], found))
    status, out, _ = export("--unsure")
    assert status == 0 and "d: 1 image in unsure\n" in out
    index = {row["path"]: row for row in rows(Path("out/clusters.csv"))}
    assert index["top.png"]["file"] == "unsure/top.png" and index["top.png"]["cluster"] == "2"
    assert sum(row["file"].startswith("unsure/") for row in index.values()) == 1
