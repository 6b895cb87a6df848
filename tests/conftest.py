"""What tests of all packages share: a folder to work in, and a shell."""

import os
from pathlib import Path

import pytest

from tests.shell import Outcome, Shell, exit_status

# Two test processes share the cores (see pyproject.toml): each, and all that it starts, computes on one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, made the current one; the user's settings of machine and cache do not reach the test."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("MANYVIEWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MANYVIEWS_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    """Call a stage or a command as a shell does; what was printed before is not counted."""

    def call(application: object, *arguments: object) -> Outcome:
        capsys.readouterr()
        return Outcome(exit_status(application, *arguments), *capsys.readouterr())

    return call
