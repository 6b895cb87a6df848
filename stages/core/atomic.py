"""Files that appear whole or not at all, and one line where a disk does not take them."""

import errno
import hashlib
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stages.core.errors import WriteError

# What a full disk is called, by the number of the system's error, and the way out.
_FULL = {
    errno.ENOSPC: "the disk is full; make room there",
    errno.EDQUOT: "your share of the disk is used up; make room there",
    errno.EFBIG: "it is larger than a file may be; raise the limit (`ulimit -f`) or use another disk",
}
_LEFT = re.compile(r"\.partial-(?P<machine>[0-9a-f]{6})-(?P<process>\d{1,9})-")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it to `path` on success, remove it on any error.

    The move is `os.replace`: a reader sees the old file or the new one, never a part. Folders are made, and what
    killed processes were writing in the folder of `path` is removed. Raises `WriteError` where the disk is full.
    """
    with explaining_full_disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=partial_prefix(), suffix=path.suffix)
        os.close(descriptor)
        partial = Path(name)
        try:
            yield partial
            partial.chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner may read
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with "\\n" line ends, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content`, whole or not at all."""
    with replacing(path) as partial:
        partial.write_bytes(content)


@contextmanager
def explaining_full_disk(path: Path) -> Iterator[None]:
    """Raise `WriteError`, naming `path`, for an error of the block which says that the disk is full.

    Libraries say so in ways of their own: safetensors by an error that is no `OSError`, Arrow without a file name.
    """
    try:
        yield
    except WriteError:
        raise
    except Exception as error:
        if reason := full_disk(error):
            raise WriteError(f"{path} {reason}") from error
        raise


def full_disk(error: Exception) -> str | None:
    """Return the end of a sentence, of which the file is the beginning, if an error says that the disk is full."""
    said = re.search(r"\b(?:os error|errno) (\d+)", str(error), re.IGNORECASE)
    number = error.errno if isinstance(error, OSError) and error.errno else said and int(said[1])
    reason = _FULL.get(number or 0)
    return reason and f"cannot be written: {reason}, and run this again"


def partial_prefix() -> str:
    """The beginning of the names of files that this process is writing: the machine and the process are in it."""
    return f".partial-{_machine()}-{os.getpid()}-"


def is_leftover(path: Path) -> bool:
    """Whether `path` has the name of a file that a process was writing which has ended, on this machine."""
    made = _LEFT.match(path.name)
    if not made or made["machine"] != _machine() or int(made["process"]) == os.getpid():
        return False
    import psutil

    return not psutil.pid_exists(int(made["process"]))


def remove_leftovers(folder: Path) -> None:
    """Remove the files and folders which killed processes were writing in `folder` itself."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".partial-") and is_leftover(path := Path(entry.path)):
                shutil.rmtree(path) if entry.is_dir() else path.unlink()


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:6]


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
