"""File names that are safe to write: inside the folder they are for, free, and no longer than a system takes."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

LONGEST = 255  # bytes of one name, on all usual file systems
_UNUSUAL = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')  # what FAT, exFAT and NTFS do not take in a name


def safe_parts(path: str, plain: bool = False) -> list[str]:
    """Split a path into names that lead no higher than where they start; there is at least one.

    ".." becomes "_", a leading "/" is dropped. `plain`: characters that not every file system takes become "_".
    """
    parts = []
    for part in path.split("/"):
        part = part.replace("\0", "_")
        if plain:
            part = _UNUSUAL.sub("_", part)
            part = part.rstrip(" .") or "_" * len(part)
        if part not in ("", "."):
            parts.append("_" if part == ".." else part)
    return parts or ["image"]


def shortened(name: str, room: int = LONGEST) -> str:
    """Cut a name to `room` bytes, in front of its extension."""
    if len(name.encode()) <= room:
        return name
    suffix = PurePosixPath(name).suffix
    if len(suffix.encode()) > room // 2:
        suffix = ""
    stem = name.removesuffix(suffix).encode()[: room - len(suffix.encode())]
    return stem.decode(errors="ignore") + suffix


class FreeNames:
    """Gives each file a path of its own, also where letters' case and ways to spell an accent do not count.

    `folders` are paths, with "/" between names, that no file may have.
    """

    def __init__(self, folders: Iterable[str]) -> None:
        self._taken = {_key(folder) for folder in folders}
        self._last: dict[str, int] = {}

    def take(self, folder: str, name: str) -> str:
        """Return `folder`/`name`, or the first of `name (2)`, `name (3)` ... that is free."""
        path = f"{folder}/{shortened(name)}"
        key = _key(path)
        while _key(path) in self._taken:
            self._last[key] = number = self._last.get(key, 1) + 1
            suffix = PurePosixPath(name).suffix
            mark = f" ({number})"
            stem = shortened(name.removesuffix(suffix), LONGEST - len(f"{mark}{suffix}".encode()))
            path = f"{folder}/{stem}{mark}{suffix}"
        self._taken.add(_key(path))
        return path


def needs_plain_names(folder: Path) -> bool:
    """Whether the file system of `folder`, which must be writable, refuses names that others take."""
    probe = folder / 'a:b?c"d\n.probe'
    try:
        probe.touch()
    except OSError:
        return True
    probe.unlink()
    return False


def _key(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
