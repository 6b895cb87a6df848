"""Merge conflicts, files of killed runs, runs at work."""

from pathlib import Path

from stages.core.lock import locked
from stages.diagnosis.leftovers import find_leftovers, find_running


def test_parts_that_a_killed_run_left(tmp_path: Path) -> None:
    parts = [tmp_path / "a/.partial-x.parquet", tmp_path / "a/b/.partial-y/.partial-z"]
    for file in (*parts, tmp_path / "a/whole.parquet"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert list(find_leftovers([tmp_path / "a", tmp_path / "none"])) == [parts[0], parts[1].parent]


def test_locks_that_a_process_holds(tmp_path: Path) -> None:
    (tmp_path / "old.lock").touch()
    with locked(tmp_path / "d/now.lock", "something"):
        assert list(find_running(tmp_path)) == [tmp_path / "d/now.lock"]
    assert list(find_running(tmp_path)) == []
    assert list(find_running(tmp_path / "none")) == []
