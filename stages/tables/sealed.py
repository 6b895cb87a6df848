"""Parquet files in which every byte that is read is checked first, without reading the others.

Parquet has checksums of pages, but none of their headers or of the footer. So the digests of all blocks of a file
stand between its last page and its footer, where readers of Parquet do not look:

    pages | sha256 of each MiB of the pages | sha256 of these digests and of the footer | "MVSEAL01" | footer

An image table of many GB is opened by reading its footer, its digests and the blocks that hold the labels.
"""

import hashlib
import io
from pathlib import Path
from typing import IO, Any

from stages.core.seal import SealError

_BLOCK = 1 << 20
_DIGEST = 32  # bytes of a sha256
_MARK = b"MVSEAL01"
_END = 8  # bytes of a Parquet file behind its footer: the footer's length, and "PAR1"


def seal_parquet(file: Path) -> None:
    """Add the digests to a finished Parquet file."""
    with file.open("r+b") as stream:
        footer, start = _footer(stream)
        stream.seek(0)
        digests = [
            hashlib.sha256(stream.read(min(_BLOCK, start - place))).digest() for place in range(0, start, _BLOCK)
        ]
        tree = b"".join(digests)
        stream.seek(start)
        stream.write(tree + hashlib.sha256(tree + footer).digest() + _MARK + footer)


class SealedFile(io.RawIOBase):
    """A sealed Parquet file, open for reading: raises `SealError` instead of giving a byte that was changed."""

    def __init__(self, file: Path) -> None:
        try:
            self._stream = file.open("rb", buffering=0)
        except ValueError as error:  # a NUL in a name
            raise SealError(str(error)) from None
        try:
            footer, start = _footer(self._stream)
            blocks = -(-(start - len(_MARK) - _DIGEST) // (_BLOCK + _DIGEST))
            self._pages = start - len(_MARK) - _DIGEST - blocks * _DIGEST  # where they end
            self._stream.seek(max(self._pages, 0))
            self._tail = self._stream.read()
            seal = self._tail[blocks * _DIGEST :][: _DIGEST + len(_MARK)]
            if self._pages < 0 or not seal.endswith(_MARK):
                raise SealError("it has no seal, as files of earlier versions and of other programs")
            self._digests = self._tail[: blocks * _DIGEST]
            if hashlib.sha256(self._digests + footer).digest() != seal[:_DIGEST]:
                raise SealError("its footer was changed: its seal does not fit")
        except BaseException:
            self._stream.close()
            raise
        self._position = 0
        self._last = -1, b""  # number and content of the block that was read last

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._pages + len(self._tail)}
        self._position = origin[whence] + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        with memoryview(buffer) as view:
            wanted = self._piece(len(view))
            view[: len(wanted)] = wanted
        self._position += len(wanted)
        return len(wanted)

    def read(self, size: int = -1, /) -> bytes:
        """Return `size` bytes, fewer at the end of the file alone; all that follow for -1."""
        size = size if size >= 0 else self._pages + len(self._tail) - self._position
        pieces = []
        while size > 0 and (piece := self._piece(size)):
            pieces.append(piece)
            self._position += len(piece)
            size -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        self._stream.close()
        super().close()

    def _piece(self, most: int) -> memoryview:
        """At most so many bytes at the position, of one block."""
        if self._position >= self._pages:
            place = self._position - self._pages
            return memoryview(self._tail)[place : place + most]
        number, place = divmod(self._position, _BLOCK)
        return memoryview(self._block(number))[place : place + most]

    def _block(self, number: int) -> bytes:
        if self._last[0] != number:
            self._stream.seek(number * _BLOCK)
            content = self._stream.read(min(_BLOCK, self._pages - number * _BLOCK))
            if hashlib.sha256(content).digest() != self._digests[number * _DIGEST :][:_DIGEST]:
                raise SealError(f"its bytes from {number * _BLOCK} on were changed: its seal does not fit")
            self._last = number, content
        return self._last[1]


def _footer(stream: IO[bytes]) -> tuple[bytes, int]:
    """The footer of a Parquet file with what follows it, and the place where it starts."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(size - _END, 0))
    end = stream.read(_END)
    start = size - _END - int.from_bytes(end[:4], "little")
    if end[4:] != b"PAR1" or start < 0:
        raise SealError("it has no end of a Parquet file; it may have been cut short")
    stream.seek(start)
    return stream.read(), start
