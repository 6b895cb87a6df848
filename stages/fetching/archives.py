"""Opens archives, zip or tar, also within another one: nothing of theirs gets a name on the disk."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from stages.fetching import tars, zips
from stages.fetching.archive import Archive

UNPACKED_LIMIT = 32 << 30  # bytes of a compressed tar, unpacked: ten times any image set in use
_IN_MEMORY = 64 << 20  # bytes of an inner archive that are held in memory; a larger one goes to a nameless file


@contextmanager
def opened(file: Path | IO[bytes], name: str = "", limit: int = UNPACKED_LIMIT) -> Iterator[Archive]:
    """Open the archive `file`; raises `FetchError` if it is none or is damaged.

    Its first bytes show which kind it is, whatever its name. A compressed tar is unpacked once into a nameless
    file of at most `limit` bytes, which lasts as long as the archive is open.
    """
    name = name or str(file)
    if isinstance(file, Path):
        with file.open("rb") as stream:
            is_tar = tars.is_tar(stream)
    else:
        is_tar = tars.is_tar(file)
    opening = tars.opened_tar(file, name, limit) if is_tar else zips.opened_zip(file, name)
    with opening as archive:
        yield archive


@contextmanager
def opened_within(archive: Archive, member: str, limit: int) -> Iterator[Archive]:
    """Open a member of an archive, itself an archive of at most `limit` bytes."""
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as copy:
        with archive.reading(member, limit) as stream:
            shutil.copyfileobj(stream, copy)
        with opened(copy, f"{member} in {archive.name}", limit) as inner:
            yield inner
