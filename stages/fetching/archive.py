"""An archive that is only read, a member at a time, whatever its kind."""

import errno
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from fnmatch import fnmatchcase
from typing import IO

from stages.core.errors import FetchError


class Archive(ABC):
    """An archive open for reading, by several threads at once. `name` is what messages call it.

    Every method raises `FetchError` only.
    """

    name: str

    def matching(self, pattern: str) -> list[str]:
        """The names, sorted by code points, of the members that match the shell-style `pattern`.

        "*" crosses "/" and case counts. Only files count: folders, links and devices are left out. A matching name
        that is no plain relative path ("..", a leading "/", a backslash, a drive) is refused.
        """
        names = sorted(name for name in self._names() if name and name[-1] != "/" and fnmatchcase(name, pattern))
        for name in names:
            if name.startswith("/") or ".." in name.split("/") or "\\" in name or name[1:2] == ":":
                raise FetchError(f"{self.name} has a member with the unsafe name {name!r}; it is not read")
        return names

    def only(self, pattern: str) -> str:
        """The name of the one member that matches `pattern`; none or several are an error."""
        names = self.matching(pattern)
        if len(names) != 1:
            found = f"{len(names)} members match" if names else "no member matches"
            raise FetchError(f"{self.name}: {found} {pattern!r}; exactly one should")
        return names[0]

    def read(self, name: str, limit: int) -> bytes:
        """The content of the member `name`, of at most `limit` bytes."""
        with self.reading(name, limit) as stream:
            return stream.read()

    @abstractmethod
    def _names(self) -> Iterable[str]:
        """The names of all members."""

    @abstractmethod
    def reading(self, name: str, limit: int) -> AbstractContextManager[IO[bytes]]:
        """Open the member `name` for reading, of which no more than `limit` bytes will come."""


def damaged(name: str, kind: str, error: Exception) -> FetchError:
    """The error to raise for a `kind` of archive that cannot be read because of `error`."""
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: a seek to nowhere
        raise error  # the disk is full, the file is missing: not the archive's fault
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return FetchError(f"{name} is not a readable {kind} archive ({reason}); put a sound copy in its place")
