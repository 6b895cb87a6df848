"""Images as files of their own: safe names for them, their folders, and copies of them or links to them.

A safe name stays inside the folder it is for, is free, and is no longer than a file system takes.
"""

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from stages.core.errors import DatasetError, ParameterError
from stages.tables.results import ClusterName

LONGEST = 255  # bytes of one name, on all usual file systems
_UNUSUAL = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')  # what FAT, exFAT and NTFS do not take in a name
_SPELT_OUT = re.compile(r"\\udc([89a-f][0-9a-f])")  # a byte of a name that is not text
# Extensions of the files that torchvision.datasets.ImageFolder takes for images.
_TORCHVISION = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"}


def cluster_names(labels: np.ndarray, names: Mapping[int, ClusterName] | None = None) -> dict[int, str]:
    """Map the labels that occur in `labels`, int (n), to folder names that sort as they do; -1 is "unclustered".

    They are "03-daisy" and "04-unnamed" where `names` has one for some cluster, else "cluster-03".
    """
    present = [int(label) for label in np.unique(labels)]
    digits = max(2, len(str(max(present, default=0))))
    named = {label: part for label, found in (names or {}).items() if (part := _folder_part(found.name))}

    def folder(label: int) -> str:
        if label < 0:
            return "unclustered"
        return f"{label:0{digits}d}-{named.get(label, 'unnamed')}" if named else f"cluster-{label:0{digits}d}"

    return {label: folder(label) for label in present}


def _folder_part(name: str) -> str:
    """A cluster's name as part of a folder's: one word, without what not every file system takes."""
    return shortened(re.sub(r"[\s/]+", "-", _UNUSUAL.sub("-", name)), LONGEST // 2).strip("-.")


def ranks(labels: np.ndarray, confidence: np.ndarray, rows: np.ndarray) -> dict[int, str]:
    """Number the `rows`, int (m), of each cluster from its most confident image on: 1, 2, ... with zeros in front.

    `labels` and `confidence` are (n); equally confident images keep their order.
    """
    numbers: dict[int, str] = {}
    for label in np.unique(labels[rows]):
        members = rows[labels[rows] == label]
        ordered = members[np.argsort(-confidence[members], kind="stable")]
        digits = len(str(len(members)))
        numbers |= {int(row): f"{place:0{digits}d}" for place, row in enumerate(ordered, 1)}
    return numbers


def lay_out(
    paths: Sequence[str],
    folders: Mapping[int, str],
    keep_folders: bool,
    numbers: Mapping[int, str] | None = None,
    plain: bool = False,
) -> dict[int, str]:
    """Give each image a relative path, no two the same, below its folder.

    `paths` (n) are those of all images; `folders` maps the rows wanted to the top folder of each. Without
    `keep_folders` the sub-folders of the path are left out, and equal names get a number at their end. `numbers`
    are put before the names. `plain`: see `safe_parts`.
    """
    split = {}
    for row, folder in folders.items():
        *above, name = safe_parts(paths[row], plain)
        if numbers is not None:
            name = f"{numbers[row]}-{shortened(name, LONGEST - 1 - len(numbers[row]))}"
        place = "/".join([folder, *map(shortened, above)]) if keep_folders else folder
        split[row] = place, name
    free = _FreeNames(_with_parents(place for place, _ in split.values()))
    return {row: free.take(place, name) for row, (place, name) in split.items()}


def passed_over(places: Iterable[str]) -> list[str]:
    """Those of the `places` that torchvision's ImageFolder does not take for images."""
    return [place for place in places if PurePosixPath(place).suffix.lower() not in _TORCHVISION]


@dataclass(frozen=True)
class ImageWriter:
    """Writes image files below `folder`.

    With `originals`, the folder where the images were found, they become hard links to the files there, or, on
    another file system, symbolic ones; without it, copies of the bytes given.
    """

    folder: Path
    originals: Path | None = None

    def write(self, place: str, path: str, content: bytes) -> None:
        """Write the image called `path`, whose bytes are `content`, to the relative path `place`, which is free.

        Raises `DatasetError` for an original that is gone or is no longer the same, `ParameterError` where
        there can be no links.
        """
        file = self.folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        if self.originals is None:
            with file.open("xb") as stream:
                stream.write(content)
            return
        original = find_original(self.originals, path, content, "--link").resolve()
        try:
            os.link(original, file)
        except OSError:
            try:
                file.symlink_to(original)
            except OSError as error:
                raise ParameterError(
                    f"the file system of the target takes no links ({error.strerror}); leave out --link for copies"
                ) from None


def needs_plain_names(folder: Path) -> bool:
    """Whether the file system of `folder`, which must be writable, refuses names that others take."""
    probe = folder / 'a:b?c"d\n.probe'
    try:
        probe.touch()
    except OSError:
        return True
    probe.unlink()
    return False


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


def numbered(name: str, number: int) -> str:
    """Return a name with a number, of a length that a file system takes: "a (2).png"; with 1, without it."""
    if number == 1:
        return shortened(name)
    suffix = PurePosixPath(name).suffix
    mark = f" ({number}){suffix}"
    return shortened(name.removesuffix(suffix), LONGEST - len(mark.encode())) + mark


class _FreeNames:
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
            path = f"{folder}/{numbered(name, number)}"
        self._taken.add(_key(path))
        return path


def _key(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _with_parents(places: Iterable[str]) -> set[str]:
    paths = map(PurePosixPath, set(places))
    return {above.as_posix() for path in paths for above in (path, *path.parents)}


def find_original(folder: Path, path: str, content: bytes, option: str) -> Path:
    """Return the file in `folder` of the image called `path`, whose bytes are `content`.

    Raises `DatasetError` where it is gone or has changed; the way out is to leave out the `option`.
    """
    spelt = _SPELT_OUT.sub(lambda found: chr(0xDC00 + int(found[1], 16)), path)
    for name in (path, spelt):
        if ".." not in name.split("/") and not name.startswith("/") and (folder / name).is_file():
            original = folder / name
            if original.stat().st_size != len(content) or original.read_bytes() != content:
                raise DatasetError(
                    f"{original} has changed since the image table was made; run `dvc repro`, or leave out "
                    f"{option}"
                )
            return original
    raise DatasetError(f"{folder / path} does not exist; run `dvc repro`, or leave out {option} for copies")
