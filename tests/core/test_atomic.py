"""Files that appear whole or not at all; what killed processes left; full disks."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stages.core.atomic import full_disk, is_leftover, partial_prefix, replacing, write_text
from stages.core.errors import ManyviewsError, WriteError


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "file.txt"
    write_text(file, "old\n")
    with pytest.raises(RuntimeError), replacing(file) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert file.read_bytes() == b"old\n"
    assert list(file.parent.iterdir()) == [file]


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_text(tmp_path / "ours", "")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "ours")}
    assert len(modes) == 1


def test_the_next_file_in_a_folder_removes_what_a_killed_process_left_there(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from stages.core.atomic import replacing\n"
        "with replacing(Path(sys.argv[1])) as partial: partial.write_text('half'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "a.txt"], check=False)
    (left,) = tmp_path.iterdir()
    assert left.read_text() == "half" and is_leftover(left)
    # Another process that lives, another machine, the beginning of a download, a user's file.
    others = [
        partial_prefix().replace(str(os.getpid()), str(os.getppid())) + "x",
        ".partial-000000-99999999-x",
        ".partial-weights.pth",
        "partial-x",
    ]
    for name in others:
        (tmp_path / name).touch()
    with replacing(tmp_path / "b.txt"), replacing(tmp_path / "c.txt"):
        pass  # of one process, two files at once do not take each other's
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([*others, "b.txt", "c.txt"])


def test_errors_of_a_full_disk_are_known_whoever_raises_them(tmp_path: Path) -> None:
    for error in (
        OSError(errno.ENOSPC, "No space left on device"),
        OSError("[Errno 28] Error writing bytes to file. Detail: [errno 28] No space left on device"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ):
        with pytest.raises(WriteError) as caught, replacing(tmp_path / "x.parquet"):
            raise error
        line = f"{tmp_path / 'x.parquet'} cannot be written: the disk is full; make room there, and run this again"
        assert str(caught.value) == line and isinstance(caught.value, ManyviewsError)
    assert "(`ulimit -f`)" in (full_disk(OSError(errno.EFBIG, "File too large")) or "")
    assert full_disk(OSError(errno.ENOENT, "No such file")) is None
    assert full_disk(ValueError("28")) is None
    assert list(tmp_path.iterdir()) == []
