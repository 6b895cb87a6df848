"""The command `changes`: clusters of two commits matched, by cases that a reader can check, and read from DVC."""

import io
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image as Picture

from stages.commands.changes import app, group_rows, match_clusters
from stages.core.atomic import write_text
from stages.core.csvtext import csv_text
from stages.tables import Image, write_images
from tests.exporting.project import Call, refused
from tests.shell import Shell

RESULT = Path("data/results/d/assignments.csv")
# Cluster 0 becomes 1, and d joins it; cluster 1 becomes 0, and is left by d; 2 is no more, and 5 is new.
BEFORE = {"a": 0, "b": 0, "c": 1, "d": 1, "e": 1, "gone": 2}
NOW = {"a": 1, "b": 1, "c": 0, "d": 1, "e": 0, "new": 5}


def test_clusters_are_matched_by_the_images_in_both() -> None:
    matches = match_clusters(BEFORE, NOW)
    assert matches == {0: 1, 1: 0}
    assert group_rows(BEFORE, NOW, matches) == [
        (0, 2, 1, 3, 2),
        (1, 3, 0, 2, 2),
        (2, 1, "-", "-", 0),
        ("-", "-", 5, 1, 0),
    ]


def test_the_matching_is_the_best_as_a_whole() -> None:
    """Cluster 0 shares most with 0, but then 1 had no match at all: 3 + 2 images are more than 4."""
    before = dict(zip("abcdefghi", [0] * 7 + [1] * 2, strict=True))
    now = dict(zip("abcdefghi", [0] * 4 + [1] * 3 + [0] * 2, strict=True))
    assert match_clusters(before, now) == {0: 1, 1: 0}


@pytest.mark.parametrize(("numbers", "gone"), [([0, 0, 1], []), ([1, 1, 0], []), ([3, 3, 3], [1])])
def test_other_numbers_and_merged_clusters(numbers: list[int], gone: list[int]) -> None:
    before, now = {"a": 0, "b": 0, "c": 1}, dict(zip("abc", numbers, strict=True))
    matches = match_clusters(before, now)
    assert matches[0] == numbers[0]
    assert [old for old in (0, 1) if old not in matches] == gone


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def commit(clusters: dict[str, int]) -> None:
    write_text(RESULT, csv_text(["path", "cluster", "confidence"], ((path, k, 1) for path, k in clusters.items())))
    run(sys.executable, "-m", "dvc", "add", "-q", str(RESULT.parent))
    run("git", "add", "-A")
    run("git", "-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "result")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which the result was BEFORE and is NOW."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run("git", "init", "-qb", "main")
        run(sys.executable, "-m", "dvc", "init", "-q")
        commit(BEFORE)
        commit(NOW)
    return folder


@pytest.fixture
def changes(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: Shell) -> Call:
    """Run the command in a copy of `made`; return its exit status, stdout and stderr."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True, symlinks=True)
    monkeypatch.chdir(tmp_path)
    return lambda *options: shell(app, *options, "--dataset", "d")


def test_groups_and_images_that_moved_since_a_commit(changes: Call) -> None:
    """Of 10 pairs of images 4 are together before, 4 now, 2 both times: ARI (2 - 1.6) / (4 - 1.6)."""
    text = """\
d: 5 images then and now, 1 added, 1 removed; ARI 0.167
before images      now images   in both
     0      2        1      3         2
     1      3        0      2         2
     2      1        -      -         0
     -      -        5      1         0
1 image moved:
  d: from 1 (now 0) to 1
"""
    assert changes("main~1") == (0, text, "")
    assert changes("main~1", "--as", "csv")[1] == "path,before,matched,now\nd,1,0,1\n"
    assert changes("main~1", "--show", "0")[1].endswith("\n1 image moved\n")
    same = changes("HEAD")[1]
    assert "ARI 1.000\n" in same and same.endswith("\n0 images moved\n")


def test_a_page_shows_what_moved(changes: Call, tmp_path: Path) -> None:
    drawn = io.BytesIO()
    Picture.new("RGB", (40, 20), (200, 30, 30)).save(drawn, "PNG")
    images = [Image(path, drawn.getvalue(), None, 40, 20) for path in sorted(NOW)]
    write_images(Path("data/images/d.parquet"), images, [])
    status, text, err = changes("main~1", "--page", "out/changes.html")
    assert (status, err) == (0, "") and "1 image moved" in text
    page = Path("out/changes.html").read_text(encoding="utf-8")
    assert "<h3>From 1, which is 0 now, to 1: 1 image</h3>" in page
    assert page.count('<img src="data:image/jpeg;base64,') == 1 and 'alt="d"' in page
    assert "<tr><td>2</td><td>1</td><td>-</td><td>-</td><td>0</td></tr>" in page
    changes("main~1", "--page", "again.html", "--as", "csv")
    assert Path("again.html").read_text(encoding="utf-8") == page
    assert refused(changes("main~1", "--page", "out")) == "--page is out, a folder; name the file to write"
    Path("data/images/d.parquet").unlink()
    assert "data/images/d.parquet does not exist" in refused(changes("main~1", "--page", "more.html"))
    assert not Path("more.html").exists()


def test_the_rest_of_many_is_counted(changes: Call) -> None:
    write_text(RESULT, csv_text(["path", "cluster"], [("a", 0), ("b", 1), ("c", 2), ("d", 2), ("e", 3)]))
    lines = changes("main~1", "--show", "1")[1].splitlines()
    assert lines[-3:] == ["2 images moved:", "  b: from 0 (now 0) to 1", "  and 1 more; --as csv lists all"]


def test_what_cannot_be_compared_is_one_line(changes: Call) -> None:
    assert refused(changes("nonsense")) == (
        "no clusters of 'nonsense' (unknown Git revision 'nonsense'); name a commit, branch or tag"
    )
    write_text(RESULT, "path,cluster\nz,0\n")
    assert refused(changes("main~1")) == ("no image of d in main~1 is there now; name another commit or dataset")
    RESULT.unlink()
    line = f"{RESULT} does not exist; run `dvc repro` to make it or `dvc pull` to fetch it"
    assert refused(changes("main~1")) == line


def test_a_result_that_was_not_made_or_not_fetched_is_one_line(
    changes: Call, shell: Shell, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shutil.copytree("data/results/d", "data/results/e")
    assert refused(shell(app, "main~1", "--dataset", "e")) == (
        "main~1 has no result of e; name another commit, or a dataset that it has"
    )
    outside = tmp_path_factory.mktemp("outside") / "data"
    shutil.copytree("data", outside)
    line = f"{outside / 'results/d/assignments.csv'} is not in the project {Path.cwd()}; run in its folder"
    assert refused(changes("main~1", "--data", outside)) == line
    shutil.rmtree(".dvc/cache")
    assert refused(changes("main~1")) == (
        f"{RESULT} of main~1 is neither in DVC's cache nor on its remote; run `dvc fetch --all-commits` with the "
        "remote that has it, or `dvc push --all-commits` where it was made"
    )


def test_what_is_not_in_the_cache_comes_from_the_remote_of_today(
    changes: Call, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The old commit knows of no remote yet."""
    right = changes("main~1")
    assert right[0] == 0
    remote = tmp_path_factory.mktemp("remote")
    shutil.move(".dvc/cache/files", remote)
    run(sys.executable, "-m", "dvc", "remote", "add", "-q", "-d", "team", str(remote))
    assert changes("main~1")[:2] == right[:2]


def test_a_folder_without_repository_is_one_line(workdir: Path, shell: Shell) -> None:
    write_text(RESULT, "path,cluster\nz,0\n")
    assert refused(shell(app, "main", "--dataset", "d")).startswith(
        "no clusters of 'main' (you are not inside of a DVC"
    )
