"""What killed runs leave behind, what is running, and files with the marks of a merge conflict."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from stages.core.lock import is_locked


def conflict_line(file: Path) -> int | None:
    """The number of the first line that a merge of git marked as a conflict; None if there is none."""
    with file.open(encoding="utf-8", errors="replace") as stream:
        for number, line in enumerate(stream, 1):
            if line.startswith(("<<<<<<< ", ">>>>>>> ")):
                return number
    return None


def find_leftovers(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the files and folders that a killed run was writing, ".partial-...", wherever they lie below."""
    for folder in folders:
        for above, below, files in os.walk(folder):
            yield from (Path(above) / name for name in sorted((*below, *files)) if name.startswith(".partial-"))
            below[:] = [name for name in below if not name.startswith(".partial-")]


def find_running(folder: Path) -> Iterator[Path]:
    """Yield the lock files, "*.lock", below `folder` that a process holds. The files themselves stay behind."""
    return (file for file in sorted(folder.rglob("*.lock")) if is_locked(file))
