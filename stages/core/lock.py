"""Keeps two runs from working on the same thing at once."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.core.errors import ParameterError


@contextmanager
def locked(file: Path, what: str) -> Iterator[None]:
    """Hold the lock `file` for the block; raises `ParameterError`, naming `what`, when another process holds it.

    The system lets go of the lock when its process ends, however it ends.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ParameterError(f"another process is at work on {what}; wait until it ends, or stop it") from None
        yield
