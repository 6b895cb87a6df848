"""Tar archives, plain or compressed, behind the interface of `Archive`."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import re
import struct
import tarfile
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from stages.core.errors import FetchError
from stages.fetching.archive import Archive, damaged

_BLOCK = 1 << 20
_HEADER_LIMIT = 1 << 20  # bytes read at once for a header; a longer file name is no name
_COMPRESSED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
# What `tarfile` and the decompressors raise for a file that is cut short or altered.
_DAMAGE = (
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    OverflowError,
    OSError,
)


class _Place(NamedTuple):
    """Where in the tar a member's bytes are."""

    offset: int
    size: int


class TarArchive(Archive):
    """A plain tar open for reading. Of it only the names and places of the members are held in memory."""

    def __init__(self, descriptor: int, places: dict[str, _Place], name: str) -> None:
        self._descriptor = descriptor
        self._places = places
        self.name = name

    def _names(self) -> Iterable[str]:
        return self._places

    @contextmanager
    def reading(self, name: str, limit: int) -> Iterator[IO[bytes]]:
        place = self._places[name]
        if place.size > limit:
            raise FetchError(f"{name} in {self.name} would unpack to {place.size} bytes; at most {limit} are read")
        yield io.BufferedReader(_Slice(self._descriptor, place), _BLOCK)


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
    """What `tarfile` reads the headers from. It is given no more at once than a header may need."""

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
def opened_tar(file: Path | IO[bytes], name: str, limit: int) -> Iterator[Archive]:
    """Open the tar `file`, compressed or not, unpacking no more than `limit` bytes of it.

    Raises `FetchError` if it is none or is damaged.
    """
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(file.open("rb")) if isinstance(file, Path) else file
        try:
            plain = stack.enter_context(_unpacked(stream, _beside(file), name, limit))
            places = _index(plain)
        except _DAMAGE as error:
            raise damaged(name, "tar", error) from None
        yield TarArchive(plain.fileno(), places, name)


@contextmanager
def _unpacked(stream: IO[bytes], folder: str | None, name: str, limit: int) -> Iterator[IO[bytes]]:
    start = stream.read(8)
    stream.seek(0)
    unpack = next((unpack for magic, unpack in _COMPRESSED.items() if start.startswith(magic)), None)
    if unpack is None:
        yield stream
        return
    # The system frees the nameless file's space when this process ends, however that comes about.
    with tempfile.TemporaryFile(dir=folder) as plain:
        with unpack(stream) as content:
            while block := content.read(_BLOCK):
                if plain.tell() + len(block) > limit:
                    raise FetchError(f"{name} unpacks to more than {limit} bytes; it is not read")
                _write(plain, block, f"cannot unpack {name} ({{}})", folder)
        plain.seek(0)
        yield plain


def _write(plain: IO[bytes], block: bytes, message: str, folder: str | None) -> None:
    try:
        plain.write(block)
        plain.flush()
    except OSError as error:  # a full disk, which is not the archive's fault
        raise OSError(error.errno, message.format(error.strerror), folder or tempfile.gettempdir()) from None


def _beside(file: Path | IO[bytes]) -> str | None:
    """The archive's own folder: where it found room there may be more, while /tmp is small on many machines."""
    return str(file.parent) if isinstance(file, Path) and os.access(file.parent, os.W_OK) else None


def _index(stream: IO[bytes]) -> dict[str, _Place]:
    """Where the regular files are; of two with one name the last, as it overwrites the first when unpacked."""
    places: dict[str, _Place] = {}
    end = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    with tarfile.open(fileobj=_Headers(stream), mode="r:") as content:  # type: ignore[call-overload]
        before = -1
        while (member := content.next()) is not None:
            if content.offset <= before or member.size < 0:
                raise tarfile.ReadError("a header that leads backwards")
            before = content.offset
            if member.isreg() and not member.issparse():
                if member.offset_data + member.size > end:
                    raise tarfile.ReadError("unexpected end of data")
                places[_text(member.name)] = _Place(member.offset_data, member.size)
            content.members.clear()  # else it would keep some kB for each
        stream.seek(content.offset)
        if any(stream.read(tarfile.BLOCKSIZE)):  # `tarfile` stops at a damaged header as if it were the end
            raise tarfile.ReadError("a damaged header")
    return places


def _text(name: str) -> str:
    """Spell out the bytes of a name that are no UTF-8, such as %e9, and drop the "./" that some tars put first."""
    return re.sub("[\udc80-\udcff]", lambda byte: f"%{ord(byte[0]) - 0xDC00:02x}", name).removeprefix("./")
