"""Lets the loaders of other libraries fetch image sets: quietly, with a limit to waiting, with one-line errors."""

import io
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TypeVar
from urllib.error import HTTPError

from stages.core.errors import FetchError, one_line

T = TypeVar("T")

_PATIENCE = 60.0  # seconds without a byte until a server counts as out of reach; the loaders set no limit


def load_or_fetch(what: str, load: Callable[[bool], T], by_hand: str, report: Callable[[str], None]) -> T:
    """Return `load(False)`, or what `load(True)` fetches where that fails.

    `what` and `by_hand` are for messages: the image set, and what a user may do without the network.
    Raises `FetchError` with whatever reason the loader had.
    """
    try:
        with _quiet():
            return load(False)
    except Exception:  # loaders have no error of their own for "not there, or not whole"
        report(f"fetching {what}")
    try:
        with _quiet():
            return load(True)
    except Exception as error:
        if isinstance(error, HTTPError):  # it holds the connection
            error.close()
        raise FetchError(
            f"{what} could not be fetched ({one_line(error)}); check the network, or {by_hand}"
        ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Send what a loader prints to the terminal's stderr, or nowhere: stdout is the stage's own."""
    screen = sys.stderr if sys.stderr.isatty() else io.StringIO()
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE)
    try:
        with warnings.catch_warnings(), redirect_stdout(screen), redirect_stderr(screen):
            warnings.simplefilter("ignore")
            yield
    finally:
        socket.setdefaulttimeout(before)
