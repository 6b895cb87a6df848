"""Originals moved into an export, and back: a journal is written first, and nothing is ever written over.

Killed at any moment, every image is whole in its old place or in its new one, and the journal has both.
"""

import filecmp
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from stages.core.errors import DatasetError, ParameterError
from stages.core.lock import locked_beside
from stages.exporting.images import find_original
from stages.exporting.target import JOURNAL, refuse_busy, remove_written


class Move(NamedTuple):
    """A whole path, and the path relative to the export that the file there is moved to."""

    original: str
    place: str


class MovePlan:
    """In place of an `ImageWriter`: makes the folders below `folder`, and lists what is to be moved there."""

    def __init__(self, folder: Path, originals: Path) -> None:
        self.folder, self.originals = folder, originals
        self._moves: dict[Path, Move] = {}  # by the original, all links followed

    def write(self, place: str, path: str, content: bytes) -> None:
        """List the image called `path`, whose bytes are `content`, for the relative path `place`.

        Raises `DatasetError` for an original that is gone, changed or a link, or that is listed already.
        """
        original = find_original(self.originals, path, content, "--move")
        if original.is_symlink():
            raise DatasetError(f"{original} is a link, which cannot be moved; leave out --move for copies")
        whole = original.resolve()
        if whole in self._moves:
            raise DatasetError(
                f"{original} and {self._moves[whole].original} are one file, which cannot be in two places; leave "
                "out --move for copies"
            )
        self._moves[whole] = Move(os.fspath(original.absolute()), place)
        (self.folder / place).parent.mkdir(parents=True, exist_ok=True)

    def write_journal(self) -> None:
        """Write the list, on the disk before anything is moved."""
        with (self.folder / JOURNAL).open("x", encoding="utf-8") as stream:
            moves = [move._asdict() for move in self._moves.values()]
            json.dump({"from": os.fspath(self.originals.absolute()), "moves": moves}, stream, indent=0)
            stream.flush()
            os.fsync(stream.fileno())


def move_originals(target: Path, advance: Callable[[int], None]) -> None:
    """Move all originals in the journal of the export `target` to their places.

    Raises `ParameterError`, with the way back, where one cannot be moved; those before it stay moved.
    """
    with locked_beside(target, lambda: refuse_busy(target)):
        _, moves = _read_journal(target)
        for number, move in enumerate(moves):
            try:
                _carry(Path(move.original), target / move.place)
            except OSError as error:
                raise ParameterError(
                    f"{move.original} cannot be moved ({error.strerror or error}); {number} of {len(moves)} "
                    f"images are in {target}, `manyviews export --undo --to {target}` takes them back"
                ) from None
            advance(1)


def move_back(target: Path, advance: Callable[[int], None]) -> int:
    """Move all images in the journal of the export `target` back, and remove what else was written there.

    Returns their number. A file that stands in the place of an original stays, and so does its image in the
    export. Raises `ParameterError` that names the first image that could not be taken back.
    """
    with locked_beside(target, lambda: refuse_busy(target)):
        origin, moves = _read_journal(target)
        if not origin.is_dir():  # its disk may be out, and a folder made in its place would hide the images
            raise ParameterError(f"{origin}, where the images were, does not exist; mount or make it first")
        stay = []
        for move in moves:
            original, image = Path(move.original), target / move.place
            for half in (_partial(image), _partial(original)):  # left by a kill in the middle of a copy
                with suppress(OSError):
                    half.unlink()
            try:
                if os.path.lexists(image):
                    original.parent.mkdir(parents=True, exist_ok=True)
                    _carry(image, original)
                elif not os.path.lexists(original):
                    stay.append(f"{image} is gone")
            except OSError as error:
                stay.append(f"{image} cannot go back to {original} ({error.strerror or error})")
            advance(1)
        if stay:
            raise ParameterError(
                f"{len(moves) - len(stay)} of {len(moves)} images are back in their places; {stay[0]}; make room "
                "for it or put it back by hand, then run this again"
            )
        remove_written(target)
    return len(moves)


def count_moved(target: Path) -> int:
    """Return the number of images in the journal of the export `target`; raise `ParameterError` without one."""
    return len(_read_journal(target)[1])


def _read_journal(target: Path) -> tuple[Path, list[Move]]:
    """The folder of the originals, and all moves."""
    try:
        content = json.loads((target / JOURNAL).read_text(encoding="utf-8"))
        return Path(content["from"]), [Move(**entry) for entry in content["moves"]]
    except FileNotFoundError:
        raise ParameterError(f"{target} holds no images that were moved there, so none can go back") from None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ParameterError(f"{target / JOURNAL} is damaged ({error}); move the images back by hand") from None


def _carry(source: Path, target: Path) -> None:
    """Move a file to a place that is free; at any moment the whole file is at one of the two, or at both.

    Raises `OSError`, and `FileExistsError` where another file is there.
    """
    if os.path.lexists(target):
        if not _same(source, target):  # left by a move that was cut short
            raise FileExistsError(None, "another file is there")
    else:
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError:  # another disk, or a file system without links
            _copy(source, target)
    source.unlink()


def _copy(source: Path, target: Path) -> None:
    """Copy a file with its times, through a file of another name, and compare the two."""
    partial = _partial(target)
    try:
        shutil.copy2(source, partial)
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        if not filecmp.cmp(source, partial, shallow=False):
            raise OSError(None, "its copy differs")
        if os.path.lexists(target):
            raise FileExistsError(None, "another file is there")
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)


def _partial(file: Path) -> Path:
    return file.with_name(f".partial-{hashlib.sha256(os.fsencode(file.name)).hexdigest()[:16]}")


def _same(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink() or not one.exists():
        return False
    return one.samefile(other) or filecmp.cmp(one, other, shallow=False)
