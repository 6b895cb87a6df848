"""Reads a folder of image files of any nesting, labelled by sub-folders, by labels.csv, or not at all."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from stages.datasets.images import RawImage
from stages.datasets.labels import labels_from_folders, labels_from_table
from stages.decoding import UnreadableImageError, is_image_name

LABELS = "labels.csv"


def read_folder(root: Path) -> list[RawImage]:
    """List the images below `root`, sorted by path; none is read yet.

    Files count as images by their extension. Hidden files and folders are left out. Links are followed, to a
    folder only where that leads into no circle. A `labels.csv` in `root` decides about labels if there is one;
    else the name of the folder that an image is in is its label.

    Raises `DatasetError` when labels.csv cannot be used.
    """
    files = {_storable(path): root / path for path in _walk(root) if is_image_name(path)}
    paths = sorted(files)
    if (root / LABELS).is_file():
        with (root / LABELS).open(encoding="utf-8-sig", newline="") as table:
            labels = labels_from_table(table, paths, str(root / LABELS))
    else:
        labels = labels_from_folders(paths)
    return [RawImage(path, labels.get(path), partial(_read, files[path]), files[path]) for path in paths]


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UnreadableImageError(f"cannot be read ({error.strerror or error})") from None


def _walk(folder: Path, prefix: str = "", above: frozenset[tuple[int, int]] = frozenset()) -> Iterator[str]:
    """Yield the paths, relative to the first folder, of all files that are not hidden."""
    here = folder.stat()
    if (here.st_dev, here.st_ino) in above:  # a link back to a folder that we are in
        return
    within = above | {(here.st_dev, here.st_ino)}
    # Sorted, so that of two names that are stored alike the same one is always chosen.
    for place in sorted(place for place in folder.iterdir() if not place.name.startswith(".")):
        if place.is_dir():
            yield from _walk(place, f"{prefix}{place.name}/", within)
        elif place.is_file() or place.is_symlink():  # a broken link is reported; a pipe would block for ever
            yield prefix + place.name


def _storable(path: str) -> str:
    """Spell out the bytes of a name that are not text in the file system's encoding, such as `\\udcff`."""
    return path.encode("utf-8", "backslashreplace").decode()
