"""Keeps two runs from working on the same thing at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from stages.core.errors import ParameterError


@contextmanager
def locked(file: Path, what: str) -> Iterator[None]:
    """Hold the lock `file` for the block; raises `ParameterError`, naming `what`, when another process holds it.

    The system lets go of the lock when its process ends, however it ends; the file stays.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    # The mode is less the umask: others of a group may work in the same folder.
    lock = FileLock(file, mode=0o666, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise ParameterError(f"another process is at work on {what}; wait until it ends, or stop it") from None
    try:
        yield
    finally:
        lock.release()


def is_locked(file: Path) -> bool:
    """Return whether a process holds the lock `file`, which exists."""
    try:
        with locked(file, "it"):
            return False
    except ParameterError:
        return True
