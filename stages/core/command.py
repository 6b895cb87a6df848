"""Shared by all stage commands: option spelling and how errors reach the user."""

import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import typer

from stages.core.atomic import full_disk
from stages.core.errors import ManyviewsError, printable

SPINS = "3000"  # turns of a loop, some microseconds: as fast as 300,000 on idle cores, docs/performance.md
# What a refusal speaks of if the reason may be that it is not run in the project's folder.
_OF_THE_PROJECT = re.compile("Missing option|(.* )?data/|.*: docs/|.* presets has none")


def application(stage: Callable[..., None], obj: Any = None) -> typer.Typer:
    """Make the Typer application of one stage or command; `obj` is the `obj` of its context.

    Options may be spelt with "-" or "_", as DVC passes the names in a matrix unchanged. A traceback is left to
    programming errors; `run` reports what a user can cause.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    settings = {"token_normalize_func": lambda token: token.replace("_", "-"), "obj": obj}
    app.command(context_settings=settings)(stage)
    return app


def run(app: Callable[..., Any]) -> None:
    """Run a stage's application; a user's mistake becomes one line on stderr and exit status 1.

    Threads of GNU's OpenMP (PyTorch's, scikit-learn's) soon sleep while they wait, unless the environment says
    otherwise. By default they spin for milliseconds: beside other work on the same cores, a training then takes
    several times as long. OpenMP reads this when it is loaded, so no script may load PyTorch or scikit-learn when
    it is imported.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    for stream in (sys.stdout, sys.stderr):  # file names may hold what the terminal's encoding does not
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        # Not standalone: an option's own refusal is a line of ours, too, instead of three with the usage.
        status = app(standalone_mode=False)
    except ManyviewsError as error:
        _fail(f"{error}{_elsewhere(str(error))}")
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        full = full_disk(error)
        message = f"{error.filename or 'a file'} {full}" if full else f"{error.strerror or error}{place}"
        _fail(f"{message}{_elsewhere(message)}")
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", status=130)
    except Exception as error:
        if not hasattr(error, "format_message"):  # Typer's base of its refusals has no public name
            raise
        # Some versions of Typer say where a refusal comes from before they give its reason.
        message = error.format_message().replace("Value error, ", "").rstrip(".")
        _fail(f"{message}; --help explains every option{_elsewhere(message)}", status=2)
    sys.exit(status or 0)


def _elsewhere(message: str) -> str:
    """The end of a refusal whose reason may be that this is another folder than the project's; else ""."""
    if Path("params.yaml").exists() or Path("data").exists() or not _OF_THE_PROJECT.match(message):
        return ""
    return "; there is no params.yaml here, so run this in the project's folder"


def warn(message: str) -> None:
    """Write a warning as one line on stderr."""
    _report("warning", message)


@contextmanager
def warnings_reported() -> Iterator[None]:
    """Collect what the block warns of, and write it as `warn` does when the block ends without an error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for warning in caught:
        warn(str(warning.message))


def _fail(message: str, status: int = 1) -> NoReturn:
    _report("error", message)
    sys.exit(status)


def _report(kind: str, message: str) -> None:
    print(f"{kind}: {printable(message)}", file=sys.stderr, flush=True)
