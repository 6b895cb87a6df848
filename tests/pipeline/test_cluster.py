"""The command `cluster` and plain `dvc repro` on a folder outside the project."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.params.file import read_params
from stages.tables import read_images
from tests.pipeline.conftest import SMALL
from tests.pipeline.project import NAMES, Project, draw_images

pytestmark = pytest.mark.slow


def test_from_a_folder_elsewhere_to_a_page_and_its_changes_noticed(computed: Project, tmp_path: Path) -> None:
    project = computed.copy(tmp_path / "project")
    project.change(**SMALL)
    drawings = project.tables()
    photos = tmp_path / "Föhr, $HOME & 'Sylt'"
    draw_images(photos, labelled=False)
    os.mkfifo(photos / "pipe.jpg")
    (photos / "gone.jpg").symlink_to("nowhere.jpg")
    (photos / "ka\nputt.jpg").write_bytes(b"\xff\xd8 no more")
    (photos / os.fsdecode(b"\xff.jpg")).write_bytes(b"\xff\xd8 no more")
    before = {file: file.lstat().st_mtime_ns for file in photos.rglob("*")}
    groups = tmp_path / "groups"

    def cluster(*options: object) -> str:
        command = [sys.executable, "-m", "stages.commands", "cluster", str(photos), *map(str, options)]
        done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def images() -> list[str]:
        return list(read_images(project.folder / "data/images/Fohr-HOME-Sylt.parquet").paths)

    out = cluster("--to", groups, "--groups", "3")
    page = project.folder / "metrics/Fohr-HOME-Sylt/report.html"
    assert out.splitlines()[-2:] == ["Fohr-HOME-Sylt: 3 groups", "metrics/Fohr-HOME-Sylt/report.html"] or (
        out.splitlines()[-2].startswith("Fohr-HOME-Sylt: 3 groups, as asked for; the images speak for ")
    )
    assert "git add" not in out and "dvc push" not in out and "drawings" not in out
    assert "Fohr-HOME-Sylt" in page.read_text(encoding="utf-8")
    assert len(images()) == 3 * len(NAMES)
    assert len(list(groups.rglob("*.png"))) == 3 * len(NAMES)
    assert {file: file.lstat().st_mtime_ns for file in photos.rglob("*")} == before
    assert read_params(project.folder / "params.yaml")["datasets"] == ["drawings", "Fohr-HOME-Sylt"]
    now = project.tables()
    assert {name: now[name] for name in drawings} == drawings, "the other dataset is left alone"

    written = page.stat().st_mtime_ns
    with (project.folder / "dvc.lock").open("a", encoding="utf-8") as lock:  # as a kill leaves it
        lock.write("  report:\n    cmd")
    (project.folder / ".dvc/tmp/rwlock").write_text("")
    out = cluster()
    assert "dvc.lock is cut short" in out and "rwlock is cut short" in out
    assert [line for line in out.splitlines() if line.endswith(" ...")] == ["watch@Fohr-HOME-Sylt ..."]
    assert page.stat().st_mtime_ns == written

    (photos / f"{NAMES[0]}disc.png").unlink()
    assert "download@Fohr-HOME-Sylt ..." in cluster()
    assert len(images()) == 3 * len(NAMES) - 1 and page.stat().st_mtime_ns != written
    (photos / f"{NAMES[0]}noise.png").unlink()
    assert {"watch@Fohr-HOME-Sylt", "download@Fohr-HOME-Sylt"} <= project.repro()
    assert len(images()) == 3 * len(NAMES) - 2
    assert project.repro() == {"watch@Fohr-HOME-Sylt"}
    photos.rename(tmp_path / "away")
    assert project.repro() == {"watch@Fohr-HOME-Sylt"}, "a colleague without the photos uses what is there"
