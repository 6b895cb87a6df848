"""Keeps two runs from working on the same thing at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
        held = lock.acquire()
    except Timeout:
        raise ParameterError(f"another process is at work on {what}; wait until it ends, or stop it") from None
    with held:
        yield


def is_locked(file: Path) -> bool:
    """Return whether a process holds the lock `file`, which exists."""
    try:
        with locked(file, "it"):
            return False
    except ParameterError:
        return True


@contextmanager
def locked_beside(place: Path, busy: Callable[[], None]) -> Iterator[None]:
    """Keep other processes from writing `place`, which need not exist, for the block.

    The lock is `place`'s hidden neighbour and goes when the block ends. `busy` is called when another process has
    it; unless that raises, this waits. A file system that knows no locks keeps nobody out.
    """
    file = place.with_name(f".lock-{place.name}")
    lock = FileLock(file, mode=0o666)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        busy()
        lock.acquire()
    except OSError:  # no locks there; where nothing can be written at all, the block finds out
        pass
    try:
        yield
    finally:
        with suppress(OSError):  # Windows keeps a file that is open
            file.unlink()  # while it is held: FileLock takes a lock on no file that has lost its name
        lock.release()
