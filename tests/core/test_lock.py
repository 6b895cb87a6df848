"""Locks between processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stages.core.errors import ParameterError
from stages.core.lock import is_locked, locked


def test_only_one_holds_it(tmp_path: Path) -> None:
    file = tmp_path / "made" / "a.lock"
    with locked(file, "the table"):
        assert is_locked(file)
        message = r"^another process is at work on the table; wait until it ends, or stop it$"
        with pytest.raises(ParameterError, match=message), locked(file, "the table"):
            pass
    assert file.exists() and not is_locked(file)


def test_a_process_that_is_killed_lets_go(tmp_path: Path) -> None:
    file = tmp_path / "a.lock"
    program = (
        "import pathlib, sys\nfrom stages.core.lock import locked\n"
        "with locked(pathlib.Path(sys.argv[1]), 'it'): print('held', flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program, str(file)], **pipes) as other:  # type: ignore[call-overload]
        assert other.stdout.readline() == b"held\n"
        assert is_locked(file)
        with pytest.raises(ParameterError), locked(file, "it"):
            pass
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    with locked(file, "it"):
        pass
