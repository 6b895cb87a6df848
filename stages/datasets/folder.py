"""Reads a folder of image files of any nesting, labelled by sub-folders, by labels.csv, or not at all."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from stages.core.errors import DatasetError
from stages.core.regular import check_regular
from stages.datasets.images import RawImage
from stages.datasets.labels import labels_from_folders
from stages.datasets.labeltables import Table, labels_from_table
from stages.decoding import (
    START,
    SYSTEM_FOLDERS,
    UnreadableImageError,
    begins_like_image,
    extension,
    is_image_name,
)

_TABLES = ("labels.csv", "labels.tsv")


class PassedOver(NamedTuple):
    """A file of a folder that does not count as an image, and its kind: an extension, or what is odd about it."""

    path: str
    kind: str


def read_folder(root: Path, report: Callable[[str], None] = lambda line: None) -> list[RawImage]:
    """List the images below `root`, sorted by path; none is read yet.

    Files count as images by their extension, or, without one, by their first bytes. Hidden files and folders are
    left out, and those in which systems keep thumbnails and deleted files; `passed_over` lists all that is no
    image. Links are followed, to a folder only where that leads into no circle. A `labels.csv` in `root`, or
    `labels.tsv`, decides about labels if there is one; else the folder that an image is in, see
    `labels_from_folders`. `report` gets a line about labels that a user should know of.

    Raises `DatasetError` when labels.csv cannot be used.
    """
    return label_images(root, list_images(root), report)


def label_images(root: Path, images: Sequence[RawImage], report: Callable[[str], None]) -> list[RawImage]:
    """Give `images` of the folder `root` their labels, as `read_folder` does."""
    paths = [image.path for image in images]
    if table := find_table(root):
        labels = labels_from_table(Table(table.name, str(table), table.read_bytes()), paths, report=report)
    else:
        labels = labels_from_folders(paths, report=report)
    return [replace(image, label=labels.get(image.path)) for image in images]


def list_images(root: Path) -> list[RawImage]:
    """List the images below `root` as `read_folder` does, without labels."""
    return list_files(root)[0]


def passed_over(root: Path) -> list[PassedOver]:
    """List the files below `root` that do not count as images, sorted by path, but for its table of labels."""
    return list_files(root)[1]


def list_files(root: Path) -> tuple[list[RawImage], list[PassedOver]]:
    """Return what `list_images` and `passed_over` do, of one walk through the folder."""
    images, others = dict[str, Path](), list[PassedOver]()
    for path, stored, kind in _files(root):
        if not kind:
            images[path] = root / stored
        elif stored.lower() not in _TABLES:
            others.append(PassedOver(path, kind))
    return [RawImage(path, None, partial(_read, images[path]), images[path]) for path in sorted(images)], sorted(
        others
    )


def counted(files: Iterable[PassedOver]) -> str:
    """The number of files of each kind on one line, the commonest first: "12 .txt, 3 hidden"."""
    kinds = Counter(file.kind for file in files)
    return ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda it: (-it[1], it[0])))


def find_table(root: Path) -> Path | None:
    """The table of labels in a folder, whatever the case of its name. Raises `DatasetError` if there are two."""
    tables = sorted(
        place for place in root.iterdir() if place.name.lower() in _TABLES and check_regular(place).is_file()
    )
    if len(tables) > 1:
        raise DatasetError(f"{root} holds {tables[0].name} and {tables[1].name}; remove one of them")
    return tables[0] if tables else None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UnreadableImageError(f"cannot be read ({error.strerror or error})") from None


def _files(root: Path) -> Iterator[tuple[str, str, str]]:
    """Yield the path of each file as text, its path as stored, and its kind, which is "" for an image."""
    seen: set[str] = set()
    for stored, kind in _walk(root):
        path = _storable(stored)
        if not kind and path in seen:  # two names that differ in bytes that are no text
            kind = "named like another image"
        seen.add(path)
        yield path, stored, kind


def _walk(
    folder: Path, prefix: str = "", inside: str = "", above: frozenset[tuple[int, int]] = frozenset()
) -> Iterator[tuple[str, str]]:
    """Yield the path, relative to the first folder, and the kind of all files; `inside` is that of all in here."""
    here = folder.stat()
    if (here.st_dev, here.st_ino) in above:
        yield prefix.rstrip("/"), inside or "link back to a folder"
        return
    within = above | {(here.st_dev, here.st_ino)}
    try:
        with os.scandir(folder) as entries:
            # Sorted, so that of two names that are stored alike the same one is always chosen.
            places = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        yield prefix.rstrip("/"), inside or "unreadable folder"
        return
    for entry in places:
        place = Path(entry) if entry.is_symlink() else entry  # of a link to itself an entry only raises
        if place.is_dir():
            kind = "hidden" if place.name.startswith(".") else ""
            if place.name.lower() in SYSTEM_FOLDERS:
                kind = f"in {place.name}"
            yield from _walk(folder / place.name, f"{prefix}{place.name}/", inside or kind, within)
        else:
            yield prefix + place.name, inside or _kind(place)


def _kind(file: os.DirEntry[str] | Path) -> str:
    if file.name.startswith("."):
        return "hidden"
    if not file.is_file() and Path(file).exists():  # a broken link is reported; a pipe would block for ever
        return "not a regular file"
    if is_image_name(file.name):
        return ""
    return extension(file.name) or ("" if _begins_like_image(Path(file)) else "without extension")


def _begins_like_image(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return begins_like_image(stream.read(START))
    except OSError:
        return False


def _storable(path: str) -> str:
    """Spell out the bytes of a name that are not text in the file system's encoding, such as `\\udcff`."""
    return path.encode("utf-8", "backslashreplace").decode()
