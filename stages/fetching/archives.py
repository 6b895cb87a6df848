"""Archives, zip or tar, that are only read, a member at a time: nothing of theirs gets a name on the disk."""

import bz2
import contextlib
import errno
import gzip
import io
import lzma
import os
import re
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import IO, Any, ClassVar, NamedTuple

from stages.core.errors import FetchError, first_line

UNPACKED_LIMIT = 32 << 30  # bytes of a compressed tar, unpacked: ten times any image set in use
_IN_MEMORY = 64 << 20  # bytes of an inner archive that are held in memory; a larger one goes to a nameless file
_BLOCK = 1 << 20
_FEW = 1 << 12
_HEADER_LIMIT = 1 << 20  # bytes read at once for a header of a tar; a longer file name is not a name
_COMPRESSED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
# Raised by the standard library for archives that are cut short, altered, encrypted or compressed otherwise.
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, RuntimeError, ValueError, OverflowError, OSError),
)


class Archive(ABC):
    """An archive open for reading, by several threads at once. Messages call it `name`.

    Every method raises `FetchError` only.
    """

    KIND: ClassVar[str]
    name: str

    def matching(self, pattern: str) -> list[str]:
        """The names, sorted by code points, of the members that match the shell-style `pattern`.

        "*" crosses "/" and case counts. Only files count: folders, links and devices are left out. A matching name
        that is not a plain relative path ("..", a leading "/", a backslash, a drive) is refused.
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
        with self.reading(name, limit) as stream, _understood(f"{name} in {self.name}", self.KIND):
            return b"".join(iter(partial(stream.read, _BLOCK), b""))

    def _check_size(self, name: str, size: int, limit: int) -> None:
        if size > limit:
            raise FetchError(f"{name} in {self.name} would unpack to {size} bytes; at most {limit} are read")

    @abstractmethod
    def _names(self) -> Iterable[str]:
        """The names of all members."""

    @abstractmethod
    def reading(self, name: str, limit: int) -> AbstractContextManager[IO[bytes]]:
        """Open the member `name` for reading, of which no more than `limit` bytes will come."""


@contextmanager
def opened(file: Path | IO[bytes], name: str = "", limit: int = UNPACKED_LIMIT) -> Iterator[Archive]:
    """Open the archive `file`; raises `FetchError` if it is none or is damaged.

    Its first bytes show which kind it is, whatever its name. A compressed tar is unpacked once into a nameless
    file of at most `limit` bytes, which lasts as long as the archive is open.
    """
    name = name or str(file)
    archive: Archive
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(file.open("rb")) if isinstance(file, Path) else file
        kind = "tar" if is_tar(stream) else "zip"
        with _understood(name, kind):
            if kind == "tar":
                plain, places = stack.enter_context(_unpacked(stream, _beside(file), name, limit))
                archive = TarArchive(plain.fileno(), places, name)
            else:
                archive = ZipArchive(stack.enter_context(zipfile.ZipFile(stream)), name)
        yield archive


@contextmanager
def opened_within(archive: Archive, member: str, limit: int) -> Iterator[Archive]:
    """Open a member of an archive, itself an archive of at most `limit` bytes."""
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
        with archive.reading(member, limit) as stream:
            shutil.copyfileobj(stream, copy)
        with opened(copy, f"{member} in {archive.name}", limit) as inner:
            yield inner


@dataclass(frozen=True)
class ZipArchive(Archive):
    """A zip open for reading."""

    KIND = "zip"
    content: zipfile.ZipFile
    name: str

    def _names(self) -> Iterable[str]:
        return (info.filename for info in self.content.infolist())

    @contextmanager
    def reading(self, name: str, limit: int) -> Iterator[IO[bytes]]:
        info = self.content.getinfo(name)
        self._check_size(name, info.file_size, limit)
        with _understood(f"{name} in {self.name}", self.KIND), self.content.open(name) as stream:
            if info.compress_type == zipfile.ZIP_BZIP2:  # of which 100 bytes may hold 200 MB
                stream._decompressor = _Bzip2(info.file_size)  # type: ignore[attr-defined]
            yield io.BufferedReader(_Blocks(stream, info.compress_type), _BLOCK)


class _Bzip2:
    """Unpacks no more than the `most` bytes that a zip's directory says; `ZipExtFile` would unpack all."""

    def __init__(self, most: int) -> None:
        self._unpacker, self._left = bz2.BZ2Decompressor(), most

    @property
    def eof(self) -> bool:
        return self._unpacker.eof

    def decompress(self, packed: bytes) -> bytes:
        block = self._unpacker.decompress(packed, self._left + 1)
        self._left -= len(block)
        if self._left < 0:
            raise zipfile.BadZipFile("it holds more than its directory says")
        return block


class _Blocks(io.RawIOBase):
    """A member of a zip, of which no more is unpacked at once than is asked for.

    A directory may say of a member that unpacks to gigabytes that it has some kB. `ZipExtFile` would cut off the
    rest only after it has unpacked all that a call could give.
    """

    def __init__(self, stream: IO[bytes], method: int) -> None:
        self._stream = stream
        # Of LZMA, all of so many packed bytes is unpacked, some 30 MB of as few as `ZipExtFile` reads.
        self._most = _BLOCK if method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) else _FEW

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._stream.read(min(len(buffer), self._most))
        buffer[: len(block)] = block
        return len(block)


class _Place(NamedTuple):
    """Where in the tar a member's bytes are."""

    offset: int
    size: int


@dataclass(frozen=True)
class TarArchive(Archive):
    """A plain tar open for reading. Of it only the names and places of the members are held in memory."""

    KIND = "tar"
    descriptor: int
    places: dict[str, _Place]
    name: str

    def _names(self) -> Iterable[str]:
        return self.places

    @contextmanager
    def reading(self, name: str, limit: int) -> Iterator[IO[bytes]]:
        place = self.places[name]
        self._check_size(name, place.size, limit)
        yield io.BufferedReader(_Slice(self.descriptor, place), _BLOCK)


class _Slice(io.RawIOBase):
    """The bytes of one member. `os.pread` moves no file position, so threads do not disturb each other."""

    def __init__(self, descriptor: int, place: _Place) -> None:
        self._descriptor = descriptor
        self._position, self._end = place.offset, place.offset + place.size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = os.pread(self._descriptor, min(len(buffer), self._end - self._position), self._position)
        if not block and self._position < self._end:
            raise FetchError("a tar archive was cut short while it was read; leave it alone and run this again")
        buffer[: len(block)] = block
        self._position += len(block)
        return len(block)


class _Headers:
    """A stream that `tarfile` reads the headers from: no more at once than a header may need."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.seek, self.tell = stream.seek, stream.tell
        self._stream = stream

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _HEADER_LIMIT:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return self._stream.read(size)


def is_tar(stream: IO[bytes]) -> bool:
    """Whether the first bytes are those of a tar or of a compressed file."""
    stream.seek(0)
    start = stream.read(tarfile.BLOCKSIZE)
    stream.seek(0)
    if start.startswith(tuple(_COMPRESSED)):
        return True
    try:
        tarfile.TarInfo.frombuf(start, "utf-8", "surrogateescape")  # it compares the header's checksum
    except tarfile.TarError:
        return False
    return True


@contextmanager
def _unpacked(
    stream: IO[bytes], folder: str | None, name: str, limit: int
) -> Iterator[tuple[IO[bytes], dict[str, _Place]]]:
    """A tar without compression, and what is where in it. It is looked through before a byte goes to the disk."""
    start = stream.read(8)
    stream.seek(0)
    unpack = next((unpack for magic, unpack in _COMPRESSED.items() if start.startswith(magic)), None)
    if unpack is None:
        yield stream, _index(stream, stream.seek(0, os.SEEK_END))
        return
    too_much = FetchError(f"{name} unpacks to more than {limit} bytes; it is not read")
    with unpack(stream) as content:
        places = _index(content, limit, too_much)
        size = content.tell()
        while content.read(_BLOCK):  # what follows may be damaged, and is not unpacked to the disk
            if content.tell() > limit:
                raise too_much
    stream.seek(0)
    # The system frees the nameless file's space when this process ends, however that comes about.
    with tempfile.TemporaryFile(dir=folder) as plain:
        with unpack(stream) as content:
            while size > 0 and (block := content.read(min(_BLOCK, size))):
                _write(plain, block, f"cannot unpack {name} ({{}})", folder)
                size -= len(block)
        yield plain, places


def _write(plain: IO[bytes], block: bytes, message: str, folder: str | None) -> None:
    try:
        plain.write(block)
        plain.flush()
    except OSError as error:  # a full disk, which is not the archive's fault
        raise OSError(error.errno, message.format(error.strerror), folder or tempfile.gettempdir()) from None


def _beside(file: Path | IO[bytes]) -> str | None:
    """The archive's own folder: where it found room there may be more, while /tmp is small on many machines."""
    return str(file.parent) if isinstance(file, Path) and os.access(file.parent, os.W_OK) else None


def _index(stream: IO[bytes], end: int, beyond: Exception | None = None) -> dict[str, _Place]:
    """Where the regular files are; of two with one name the last, as it overwrites the first when unpacked.

    A member that goes `beyond` the `end` is damage, unless another error is given.
    """
    places: dict[str, _Place] = {}
    stream.seek(0)
    with tarfile.open(fileobj=_Headers(stream), mode="r:") as content:  # type: ignore[call-overload]
        before = -1
        while (member := content.next()) is not None:
            if content.offset <= before or member.size < 0:
                raise tarfile.ReadError("a header that leads backwards")
            before = content.offset
            if member.offset_data + (member.size if member.isreg() else 0) > end:
                raise beyond or tarfile.ReadError("unexpected end of data")
            if member.isreg() and not member.issparse():
                # The bytes of a name that are not UTF-8 are spelt out, such as %e9, and a leading "./" is dropped.
                name = re.sub("[\udc80-\udcff]", lambda byte: f"%{ord(byte[0]) - 0xDC00:02x}", member.name)
                places[name.removeprefix("./")] = _Place(member.offset_data, member.size)
            content.members.clear()  # else it would keep some kB for each
        stream.seek(content.offset)
        if any(stream.read(tarfile.BLOCKSIZE)):  # `tarfile` stops at a damaged header as if it were the end
            raise tarfile.ReadError("a damaged header")
    return places


@contextmanager
def _understood(name: str, kind: str) -> Iterator[None]:
    """Raise a `FetchError` for a `kind` of archive, or a member of one, that the block cannot read."""
    try:
        yield
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: a seek to nowhere
            raise  # the disk is full, the file is missing: not the archive's fault
        raise FetchError(
            f"{name} is not a readable {kind} archive ({first_line(error)}); put a sound copy in its place"
        ) from None
