"""Logs of what a run cost."""

import json
from pathlib import Path

import pytest

from stages.core.runlog import write_runlog


def test_a_log_that_cannot_be_written_is_a_warning(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_runlog("stage", seconds=1)
    log = json.loads((workdir / "logs/stage.json").read_text())
    assert log["seconds"] == 1 and 0 < log["cpu_seconds"] < 1e5
    assert 10 < log["peak_memory_mib"] < 1e5, "a Python with NumPy in it has tens of MiB"
    (workdir / "logs/stage.json").unlink()
    (workdir / "logs").rmdir()
    (workdir / "logs").touch()  # as for a folder that only others may write into
    write_runlog("stage", seconds=1)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: logs/stage.json could not be written (")
    assert line.endswith("); nothing else is missing")
