"""Logs of what a run cost."""

import json
from pathlib import Path

import pytest

from stages.core.runlog import write_runlog


def test_a_log_that_cannot_be_written_is_a_warning(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_runlog("stage", seconds=1)
    assert json.loads((workdir / "logs/stage.json").read_text())["seconds"] == 1
    (workdir / "logs/stage.json").unlink()
    (workdir / "logs").rmdir()
    (workdir / "logs").touch()  # as for a folder that only others may write into
    write_runlog("stage", seconds=1)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: logs/stage.json could not be written (")
    assert line.endswith("); nothing else is missing")
