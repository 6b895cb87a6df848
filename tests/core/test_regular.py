"""Pipes and devices where a file is expected."""

import os
from pathlib import Path

import pytest

from stages.core.errors import NotAFileError
from stages.core.regular import check_regular

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes by name")


def test_files_folders_and_what_is_not_there_are_let_through(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "broken").symlink_to("nowhere")
    for path in (tmp_path / "file", tmp_path, tmp_path / "none", tmp_path / "broken"):
        assert check_regular(path) == path


def test_pipes_and_devices_are_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for path, kind in ((tmp_path / "link", "a pipe"), (Path("/dev/zero"), "a device")):
        with pytest.raises(NotAFileError) as error:
            check_regular(path)
        assert str(error.value) == f"{path} is {kind}, not a file; remove it or name a file"
