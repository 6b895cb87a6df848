"""The command `cluster` and plain `dvc repro` on a folder outside the project."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages.params.file import read_params
from stages.tables import read_images
from tests.exporting.project import rows
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
    stages = [line for line in out.splitlines() if line.endswith(" ...")]
    assert stages == ["watch@Fohr-HOME-Sylt ...", "result@Fohr-HOME-Sylt ..."], "which now depends on the numbers"
    assert page.stat().st_mtime_ns == written
    out = cluster()
    assert [line for line in out.splitlines() if line.endswith(" ...")] == ["watch@Fohr-HOME-Sylt ..."]

    (photos / f"{NAMES[0]}disc.png").unlink()
    assert "download@Fohr-HOME-Sylt ..." in cluster()
    assert len(images()) == 3 * len(NAMES) - 1 and page.stat().st_mtime_ns != written
    (photos / f"{NAMES[0]}noise.png").unlink()
    assert {"watch@Fohr-HOME-Sylt", "download@Fohr-HOME-Sylt"} <= project.repro()
    assert len(images()) == 3 * len(NAMES) - 2
    assert project.repro() == {"watch@Fohr-HOME-Sylt"}
    photos.rename(tmp_path / "away")
    assert project.repro() == {"watch@Fohr-HOME-Sylt"}, "a colleague without the photos uses what is there"


def test_groups_keep_their_numbers_when_photos_are_added(tmp_path: Path) -> None:
    """Forty pictures in three colours, two more of the last one, which makes it the largest; then a new group."""
    project = Project(tmp_path / "project", **{**SMALL, "datasets": []})
    photos, groups, rng = tmp_path / "photos", tmp_path / "groups", np.random.default_rng(0)
    photos.mkdir()
    colours = {"red": (200, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 200), "white": (220, 220, 220)}

    def draw(colour: str, first: int, last: int) -> None:
        for number in range(first, last):
            pixels = np.array(colours[colour]) + rng.integers(0, 30, (24, 24, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(photos / f"{colour}-{number:02}.png")

    def run(*command: object) -> str:
        line = [sys.executable, "-m", "stages.commands", *map(str, command)]
        done = subprocess.run(line, cwd=project.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def numbers(table: Path, column: str = "cluster") -> dict[str, set[str]]:
        """The cluster numbers of each colour in a table of images."""
        found: dict[str, set[str]] = {}
        for row in rows(table):
            found.setdefault(row["path"].partition("-")[0], set()).add(row[column])
        return found

    result, data = project.folder / "data/results/photos/assignments.csv", project.folder / "data"
    draw("red", 0, 14), draw("green", 0, 13), draw("blue", 0, 13)
    run("cluster", photos, "--groups", 3, "--to", groups)
    first = numbers(result)
    assert sorted(map(len, first.values())) == [1, 1, 1] and first["red"] == {"0"}, "the largest is 0"
    project.commit("Forty photos")

    draw("blue", 13, 15)
    (photos / "red-00.png").rename(photos / "red-renamed.png")
    out = run("cluster", photos, "--to", groups)
    assert "  photos: 3 of 3 clusters keep the number of an earlier one" in out.splitlines()
    assert numbers(result) == first == numbers(groups / "clusters.csv")
    run("export", "--dataset", "photos", "--method", "ensemble", "--to", tmp_path / "own")
    assert numbers(tmp_path / "own/clusters.csv")["blue"] == {"0"}, "as the run numbers it"
    sizes = {row["cluster"]: row["images"] for row in rows(project.folder / "metrics/photos/cluster_sizes.csv")}
    assert [sizes[number] for colour in ("red", "green", "blue") for number in first[colour]] == ["14", "13", "15"]
    (blue,) = first["blue"]
    page = (project.folder / "metrics/photos/report.html").read_text(encoding="utf-8")
    assert page.index(f">Cluster {blue}<") < page.index(">Cluster 0<"), "the largest comes first on the page"
    changed = run("changes", "HEAD", "--dataset", "photos")
    assert "40 images" not in changed and "ARI 1.000" in changed

    table = data / "corrections/numbers/photos.csv"
    assert numbers(table).keys() == {"red", "green", "blue"}, "those before the last run"
    draw("white", 0, 20)
    for photo in photos.glob("green-*.png"):
        photo.unlink()
    run("keep", "--dataset", "photos")
    assert {"result@photos", "evaluate@photos", "report"} <= project.repro()
    assert numbers(result) == {"red": first["red"], "blue": first["blue"], "white": {"3"}}, (
        "no number is used again"
    )
    run("cluster", photos, "--renumber")
    assert numbers(result)["white"] == {"0"}
