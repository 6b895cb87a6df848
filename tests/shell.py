"""Stages and commands called in this process, as a shell calls them."""

from typing import NamedTuple, Protocol

import pytest
from typer.testing import Result

from stages.core.command import run
from stages.core.errors import ManyviewsError


class Outcome(NamedTuple):
    """The exit status of a command, and all that it printed."""

    status: int
    out: str
    err: str


class Shell(Protocol):
    """Call an application with these arguments (see the fixture `shell`)."""

    def __call__(self, application: object, *arguments: object) -> Outcome: ...


def exit_status(application: object, *arguments: object) -> int:
    """Run an application with these arguments; return its exit status."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["command", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            run(application)  # type: ignore[arg-type]
    return int(end.value.code or 0)


def error_line(result: Result) -> str:
    """The message of an application that typer's test runner called and that must have refused, one line."""
    error = result.exception
    assert isinstance(error, ManyviewsError), repr(error)
    assert "\n" not in str(error)
    return str(error)
