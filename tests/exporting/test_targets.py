"""Where an export may go, and that it is there whole or not at all."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.exporting.images import ImageWriter
from stages.exporting.target import MARKER, new_folder
from tests.exporting.project import PATHS, Call, files, refused, remains


def test_targets_that_are_not_free(project: Path, export: Call) -> None:
    for inside in ("data/raw/d/groups", "data/raw", "data/groups"):
        assert refused(export(to=inside)) == (
            f"{project / inside} is in data, where the pipeline's own files are; name a folder outside"
        )
    Path("file").write_text("mine")
    assert refused(export(to="file")) == f"{project / 'file'} is a file; name a folder"
    Path("full").mkdir()
    Path("full/mine.txt").write_text("mine")
    assert refused(export(to="full")) == (
        f"{project / 'full'} holds files, such as 'mine.txt'; name a new folder, or replace an earlier export "
        "by --force"
    )
    assert refused(export("--force", to="full")) == (
        f"{project / 'full'} holds 'mine.txt', which is not as an export wrote it; move it away, or name a new "
        "folder"
    )
    assert Path("full/mine.txt").read_text() == "mine" and Path("file").read_text() == "mine"
    assert refused(export(to="/proc")) == "/proc is a whole disk; name a folder on it"
    Path("empty").mkdir()
    assert export(to="empty")[0] == 0
    assert export(to="new/deep/folder")[0] == 0


def test_force_replaces_an_export_and_nothing_else(project: Path, export: Call) -> None:
    export()
    status, _, _ = export("--force", "--cluster", "1")
    assert status == 0
    assert {path.split("/")[0] for path in files(Path("out"))} == {"cluster-01", "clusters.csv"}
    assert remains(project) == ["out"]
    mine = Path("out/cluster-01/mine.txt")
    mine.write_text("mine")
    assert "holds 'cluster-01/mine.txt', which is not as an export wrote it" in refused(export("--force"))
    mine.unlink()
    table = Path("out/clusters.csv")
    before = table.read_text()
    table.write_text(edited := before.replace(",1,0.99", ",1,0.98", 1))
    assert edited != before and len(edited) == len(before)
    assert "holds 'clusters.csv', which is not as an export wrote it" in refused(export("--force"))
    assert table.read_text() == edited
    table.write_text(before)
    with Path("out/clusters.csv").open("a") as stream:
        stream.write("my note\n")
    assert "holds 'clusters.csv', which is not as an export wrote it" in refused(export("--force"))
    assert Path("out/clusters.csv").read_text().endswith("my note\n")
    assert remains(project) == ["out"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device", "x"), KeyboardInterrupt()])
def test_half_way_through_nothing_is_left(
    project: Path, export: Call, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    export(to="before")
    before = files(project / "before")
    whole = ImageWriter.write
    written: list[str] = []

    def failing(self: ImageWriter, place: str, path: str, content: bytes) -> None:
        if len(written) == 5:
            raise error
        whole(self, place, path, content)
        written.append(place)

    monkeypatch.setattr(ImageWriter, "write", failing)
    for target, options in (("deep/out", []), ("before", ["--force", "--cluster", "0"])):
        written.clear()
        status, out, err = export(*options, to=target)
        assert len(written) == 5 and out == ""
        if isinstance(error, OSError):
            assert err.startswith(f"error: the disk of {target} is full, nothing was written; make room, or")
        assert status == (1 if isinstance(error, OSError) else 130)
    assert remains(project) == ["before"]
    assert files(project / "before") == before


def test_what_a_killed_run_left_is_cleared_away(project: Path, export: Call) -> None:
    program = (
        "import os, sys\nfrom stages.exporting.images import ImageWriter\nfrom stages.core.command import run\n"
        "from stages.commands.export import app\n"
        "ImageWriter.write = lambda *_: os.kill(os.getpid(), 9)\n"
        "sys.argv = ['export', '--dataset', 'd', '--to', 'out']\nrun(app)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == -9
    assert remains(project) == [".lock-out", ".partial-out"]
    assert export()[0] == 0
    assert remains(project) == ["out"]
    # Killed between the two moves of --force.
    Path("out").rename(".replaced-out")
    assert refused(export()).endswith("name a new folder, or replace an earlier export by --force")
    assert remains(project) == ["out"], "the earlier export is back"
    assert len(files(Path("out"))) == len(PATHS) + 1


def test_what_is_left_of_a_deletion_blocks_nothing(
    project: Path, export: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Path.unlink

    def killed(place: Path, missing_ok: bool = False) -> None:
        whole(place, missing_ok)
        raise KeyboardInterrupt

    def cut_short(*options: str) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", killed)
            assert export("--as", "csv", *options)[0] == 130

    export("--as", "csv")
    os.link(Path("out", MARKER), "backup.json")
    backup = Path("backup.json").read_bytes()
    cut_short("--force")
    assert Path("backup.json").read_bytes() == backup != b""
    Path("backup.json").unlink()
    assert remains(project) == [".replaced-out", "out"]
    assert [file.name for file in Path(".replaced-out").iterdir()] == [MARKER], "the marker goes last"
    assert export("--as", "csv", "--force")[0] == 0
    assert remains(project) == ["out"]

    cut_short("--force")
    Path("out").rename("kept")
    assert export("--as", "csv")[0] == 0, "what is half deleted does not come back"
    assert remains(project) == ["kept", "out"]

    Path("out").rename(".partial-out")  # what a run leaves that is killed before the last move
    cut_short()
    assert remains(project) == [".partial-out", "kept"]
    assert [file.name for file in Path(".partial-out").iterdir()] == [MARKER]
    assert export("--as", "csv")[0] == 0
    assert remains(project) == ["kept", "out"]


def test_names_that_differ_by_an_ending_do_not_meet(project: Path, export: Call) -> None:
    export(to="groups")
    with new_folder(project / "groups.old", False) as folder:
        (folder / "a").write_text("a")
        assert export("--force", "--cluster", "0", to="groups")[0] == 0
    assert files(Path("groups.old")) == {"a"}
    for name in (".partial-groups", ".replaced-groups"):
        start = name.removesuffix("groups")
        assert refused(export(to=name)) == (
            f"{project / name} begins with {start!r}, as unfinished exports do; name it otherwise"
        )
    assert remains(project) == ["groups", "groups.old"]


def test_an_earlier_export_is_left_to_the_run_that_moves_it(
    project: Path, export: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    export()
    lines = []
    rename = Path.rename

    def meanwhile(place: Path, to: Path) -> Path:
        moved = rename(place, to)
        if place == project / ".partial-out":  # the new one is in its place, the earlier one not yet deleted
            monkeypatch.setattr(Path, "rename", rename)
            lines.append(refused(export("--force")))
        return moved

    monkeypatch.setattr(Path, "rename", meanwhile)
    assert export("--force")[0] == 0
    assert remains(project) == ["out"]
    assert lines == [f"another process writes {project / 'out'}; wait until it ends, or stop it"]


def test_a_folder_of_somebody_else_in_the_way(project: Path, export: Call) -> None:
    Path(".partial-out").mkdir()
    Path(".partial-out/mine").write_text("mine")
    assert refused(export()) == f"{project / '.partial-out'} is in the way and no export made it; move it away"
    assert Path(".partial-out/mine").read_text() == "mine"


def test_two_at_once_do_not_disturb_each_other(project: Path, export: Call) -> None:
    with new_folder(project / "out", False) as folder:
        (folder / "a").write_text("a")
        line = refused(export())
        assert line == f"another process writes {project / 'out'}; wait until it ends, or stop it"
    assert files(Path("out")) == {"a"}


def test_too_little_room(project: Path, export: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 100})())
    assert refused(export()) == (
        "copies of the images take 0.0 GiB, of which 0.0 GiB are free; make room, or take --link"
    )
    assert remains(project) == []
