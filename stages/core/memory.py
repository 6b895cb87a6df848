"""How much memory there is, refusing what would not fit in it before it is allocated, and sharing it out."""

import contextlib
import ctypes
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil

from stages.core.errors import ParameterError

T = TypeVar("T")

_CGROUP = Path("/sys/fs/cgroup")  # where a container finds its own limit (version 2)
_PATIENCE = 2.0  # seconds
# Of malloc.h: M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD, in bytes.
_KEEPING = {-3: 1 << 30, -1: (1 << 31) - 1, -2: 64 << 20}


def available_memory() -> int:
    """Bytes that this process can still take: those of the machine, or of its container where that has fewer."""
    available = int(psutil.virtual_memory().available)
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = int((_CGROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return available
    return available if limit == "max" else min(available, max(int(limit) - used, 0))


def require_memory(needed: float, what: str, way_out: str) -> None:
    """Raise `ParameterError` with both figures unless `needed` bytes are available.

    `what` is the subject of the message ("the distances of 70000 images"), `way_out` what to do instead.
    """
    available = available_memory()
    if needed > available:
        raise ParameterError(
            f"{what} would take {needed / 2**30:.1f} GiB of memory, "
            f"of which {available / 2**30:.1f} GiB are free; {way_out}"
        )


class MemoryBudget:
    """Bytes that threads share: one that asks for more than is left waits until others give theirs back."""

    def __init__(self) -> None:
        self._taken = self._working = 0
        self._changed = threading.Condition()

    @contextmanager
    def taking(self, needed: int, limit: int) -> Iterator[Callable[[T], T]]:
        """Take `needed` bytes of `limit` in all during the block, and for as long as what it makes lives.

        The block hands what it makes to the function that it gets. Where nobody else is in a block, and nothing
        changes for `_PATIENCE` seconds, the bytes are taken in any case: who waits here may hold the others'.
        """
        with self._changed:
            while self._taken and self._taken + needed > limit:
                if not self._changed.wait(_PATIENCE) and not self._working:
                    break
            self._taken += needed
            self._working += 1
        if needed > limit // 8:
            _return_freed()
        keeping = False

        def keep(made: T) -> T:
            nonlocal keeping
            keeping = True
            weakref.finalize(made, self._give_back, needed)
            return made

        try:
            yield keep
        finally:
            with self._changed:
                self._working -= 1
            self._give_back(0 if keeping else needed)

    def _give_back(self, amount: int) -> None:
        with self._changed:
            self._taken -= amount
            self._changed.notify_all()


def keep_freed() -> None:
    """Have glibc keep what is freed for the next who asks: a network's layers take and free megabytes each.

    Given back to the system and asked for again, they cost a fifth of a small network's time.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):  # other C libraries have no such function
        for parameter, value in _KEEPING.items():
            ctypes.CDLL(None).mallopt(parameter, value)


def _return_freed() -> None:
    """Give memory that was freed back to the system: glibc keeps what each thread freed for that thread."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # other C libraries have no such function
        ctypes.CDLL(None).malloc_trim(0)
