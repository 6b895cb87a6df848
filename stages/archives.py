"""Zip archives that are only read, a member at a time: nothing is unpacked to disk under a name of theirs."""

import errno
import lzma
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

from stages.errors import FetchError

_IN_MEMORY = 64 << 20  # bytes of an inner archive that are held in memory; a larger one goes to a nameless file
# What `zipfile` raises for a file that is no zip, cut short, altered, encrypted or of an unknown compression.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    OSError,
)


class Archive:
    """A zip open for reading. `name` is what messages call it. Every method raises `FetchError` only."""

    def __init__(self, content: zipfile.ZipFile, name: str) -> None:
        self._content = content
        self.name = name

    def matching(self, pattern: str) -> list[str]:
        """The names, sorted by code points, of the members that match the shell-style `pattern`.

        "*" crosses "/" and case counts. Folders are left out. A matching name that is no plain relative path
        ("..", a leading "/", a backslash, a drive) is refused.
        """
        members = (info.filename for info in self._content.infolist())
        names = sorted(name for name in members if name and name[-1] != "/" and fnmatchcase(name, pattern))
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
        with self._reading(name, limit) as stream:
            return stream.read()

    @contextmanager
    def inner(self, name: str, limit: int) -> "Iterator[Archive]":
        """Open the member `name`, itself a zip of at most `limit` bytes."""
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
            with self._reading(name, limit) as stream:
                shutil.copyfileobj(stream, copy)
            with opened(copy, f"{name} in {self.name}") as archive:
                yield archive

    @contextmanager
    def _reading(self, name: str, limit: int) -> Iterator[IO[bytes]]:
        size = self._content.getinfo(name).file_size  # no more bytes than this are unpacked, whatever comes
        if size > limit:
            raise FetchError(f"{name} in {self.name} would unpack to {size} bytes; at most {limit} are read")
        try:
            with self._content.open(name) as stream:
                yield stream
        except _DAMAGE as error:
            raise _damaged(f"{name} in {self.name}", error) from None


@contextmanager
def opened(file: Path | IO[bytes], name: str = "") -> Iterator[Archive]:
    """Open the zip `file`; raises `FetchError` if it is none or is damaged."""
    name = name or str(file)
    try:
        content = zipfile.ZipFile(file)
    except _DAMAGE as error:
        raise _damaged(name, error) from None
    with content:
        yield Archive(content, name)


def _damaged(name: str, error: Exception) -> FetchError:
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: a seek to nowhere
        raise error  # the disk is full, the file is missing: not the archive's fault
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return FetchError(f"{name} is not a readable zip archive ({reason}); delete it and run this again")
