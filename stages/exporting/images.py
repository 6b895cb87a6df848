"""Puts image files into a folder: as copies, or as links to the originals."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from stages.core.errors import DatasetError, ParameterError

_SPELT_OUT = re.compile(r"\\udc([89a-f][0-9a-f])")  # a byte of a name that is no text


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
        original = _original(self.originals, path)
        if not _holds(original, content):
            raise DatasetError(
                f"{original} has changed since the image table was made; run `dvc repro`, or leave out --link"
            )
        try:
            os.link(original, file)
        except OSError:
            _symlink(original, file)


def _original(folder: Path, path: str) -> Path:
    """The file of an image, all links followed."""
    spelt = _SPELT_OUT.sub(lambda found: chr(0xDC00 + int(found[1], 16)), path)
    for name in (path, spelt):
        if ".." not in name.split("/") and not name.startswith("/") and (folder / name).is_file():
            return (folder / name).resolve()
    raise DatasetError(f"{folder / path} does not exist, so it cannot be linked to; leave out --link for copies")


def _holds(file: Path, content: bytes) -> bool:
    return file.stat().st_size == len(content) and file.read_bytes() == content


def _symlink(original: Path, file: Path) -> None:
    try:
        file.symlink_to(original)
    except OSError as error:
        raise ParameterError(
            f"the file system of the target takes no links ({error.strerror}); leave out --link for copies"
        ) from None
