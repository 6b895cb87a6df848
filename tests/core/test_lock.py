"""Locks between processes."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from stages.core.errors import ParameterError
from stages.core.lock import is_locked, locked, locked_beside


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


def test_the_lock_beside_a_file_goes_when_it_is_released(tmp_path: Path) -> None:
    place = tmp_path / "a.zip"

    def busy() -> None:
        raise ParameterError("busy")

    with locked_beside(place, busy):
        with pytest.raises(ParameterError, match=r"^busy$"), locked_beside(place, busy):
            pass
        assert is_locked(tmp_path / ".lock-a.zip"), "the attempt took nothing away"
    assert list(tmp_path.iterdir()) == []


def test_one_who_waits_for_the_lock_beside_a_file_holds_it_alone(tmp_path: Path) -> None:
    place = tmp_path / "a.zip"
    waits, held = threading.Event(), threading.Event()
    entered: list[int] = []

    def second() -> None:
        with locked_beside(place, waits.set):
            entered.append(1)
            assert is_locked(tmp_path / ".lock-a.zip"), "on the file that has the name now"
            held.set()

    with locked_beside(place, busy=lambda: None):
        other = threading.Thread(target=second)
        other.start()
        assert waits.wait(10) and not entered
    assert held.wait(10)
    other.join()


def test_a_file_system_without_locks_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object, **__: object) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr("stages.core.lock.FileLock.acquire", no_locks)
    entered = False
    with locked_beside(tmp_path / "a.zip", busy=lambda: None):
        entered = True
    assert entered
