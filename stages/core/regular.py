"""Refuses what has the name of a file but is a pipe or a device: reading it may never end."""

import stat
from contextlib import suppress
from pathlib import Path

from stages.core.errors import NotAFileError

_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket"}


def check_regular(path: Path) -> Path:
    """Return `path`, which may be a file, a folder or nothing; raise `NotAFileError` for anything else."""
    with suppress(OSError, ValueError):  # of a name with a NUL, which is nothing that is there
        if kind := _KINDS.get(stat.S_IFMT(path.stat().st_mode)):
            raise NotAFileError(f"{path} is {kind}, not a file; remove it or name a file")
    return path
