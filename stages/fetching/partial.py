"""The part of a file that has come so far, kept from one run to the next."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stages.core.atomic import write_text
from stages.core.errors import FetchError


class Partial:
    """The beginning of a file. It belongs to this process alone; `opened_partial` makes it.

    `advance` is told by how many bytes it grows, a negative number when it is thrown away.
    """

    def __init__(self, path: Path, descriptor: int, advance: Callable[[int], None]) -> None:
        self.path = path
        self._descriptor = descriptor
        self._advance = advance
        self._note = path.with_name(f"{path.name}.from")
        advance(self.size)

    @property
    def size(self) -> int:
        """The number of bytes that are there."""
        return os.fstat(self._descriptor).st_size

    @property
    def origin(self) -> tuple[str, str]:
        """The address that the last bytes are from and what the server calls this version; "" where unknown."""
        try:
            address, validator = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError):
            return "", ""
        return str(address), str(validator)

    @origin.setter
    def origin(self, origin: tuple[str, str]) -> None:
        write_text(self._note, json.dumps(origin))

    def clear(self) -> None:
        """Throw away what is there."""
        self._advance(-self.size)
        os.ftruncate(self._descriptor, 0)

    def append(self, block: bytes) -> None:
        """Add `block`. Raises `FetchError` when the disk does not take it; what is there stays."""
        rest = memoryview(block)
        while rest:
            try:
                written = os.write(self._descriptor, rest)
            except OSError as error:
                raise FetchError(
                    f"cannot write {self.path} ({error.strerror} after {self.size} bytes); mend that and run this "
                    "again, it will go on from there"
                ) from None
            self._advance(written)
            rest = rest[written:]

    def become(self, path: Path) -> None:
        """Move what is there to `path`, whole."""
        os.fsync(self._descriptor)
        self.path.replace(path)
        self._note.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Leave nothing behind that holds nothing."""
        with contextlib.suppress(FileNotFoundError):
            if _is(self._descriptor, self.path) and not self.size:
                self._note.unlink(missing_ok=True)
                self.path.unlink()


@contextmanager
def opened_partial(to: Path, report: Callable[[str], None], advance: Callable[[int], None]) -> Iterator[Partial]:
    """Give the part of the file `to` that lies beside it, waiting while another process holds it.

    `report` gets a line when it has to wait.
    """
    path = to.with_name(f".partial-{to.name}")
    # A lock ends with the process, even a killed one. It is on the file, not on its name: whoever waited for it
    # may have got it on a file that has moved to its place meanwhile, and must open the name again.
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            _lock(descriptor, lambda: report(f"waiting for another process that fetches {to.name}"))
            if _is(descriptor, path):
                partial = Partial(path, descriptor, advance)
                try:
                    yield partial
                finally:
                    partial.tidy()
                return
        finally:
            os.close(descriptor)


def _lock(descriptor: int, waiting: Callable[[], None]) -> None:
    import fcntl  # here, as Windows has none and can do without downloads

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        pass  # some network file systems have no locks; the checksum finds out if two processes write at once


def _is(descriptor: int, path: Path) -> bool:
    """Whether the open file still has the name `path`."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
