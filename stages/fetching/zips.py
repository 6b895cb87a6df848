"""Zip archives behind the interface of `Archive`."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from stages.core.errors import FetchError
from stages.fetching.archive import Archive, damaged

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


class ZipArchive(Archive):
    """A zip open for reading."""

    def __init__(self, content: zipfile.ZipFile, name: str) -> None:
        self._content = content
        self.name = name

    def _names(self) -> Iterable[str]:
        return (info.filename for info in self._content.infolist())

    @contextmanager
    def reading(self, name: str, limit: int) -> Iterator[IO[bytes]]:
        size = self._content.getinfo(name).file_size  # no more bytes than this are unpacked, whatever comes
        if size > limit:
            raise FetchError(f"{name} in {self.name} would unpack to {size} bytes; at most {limit} are read")
        try:
            with self._content.open(name) as stream:
                yield stream
        except _DAMAGE as error:
            raise damaged(f"{name} in {self.name}", "zip", error) from None


@contextmanager
def opened_zip(file: Path | IO[bytes], name: str) -> Iterator[Archive]:
    """Open the zip `file`; raises `FetchError` if it is none or is damaged."""
    try:
        content = zipfile.ZipFile(file)
    except _DAMAGE as error:
        raise damaged(name, "zip", error) from None
    with content:
        yield ZipArchive(content, name)
