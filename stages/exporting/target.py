"""The folder of an export: where it may be; it appears whole or not at all and replaces only earlier exports."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from stages.core.errors import ParameterError
from stages.core.lock import locked_beside
from stages.exporting.images import LONGEST

MARKER = ".manyviews-export.json"  # lists what an export wrote; empty in a folder that is not whole
JOURNAL = ".manyviews-moved.json"  # lists the originals that were moved into an export
STAGING, OLD = ".partial-", ".replaced-"  # before the name of the target: its hidden neighbours

State = list[int] | None  # bytes of a file and the time of its last change in ns; None for a link


def resolve_target(to: Path) -> Path:
    """Return the whole path that the option --to means, `~` and links followed; nothing need exist there.

    Raises `ParameterError` for a path that leads nowhere and for names that are too long.
    """
    try:
        target = to.expanduser().resolve()
        _check_lengths(target)
        # Newer versions of Python stop at a circle of links without a word.
        circle = any(place.is_symlink() for place in (target, *target.parents))
    except RuntimeError as error:
        circle = "loop" in str(error)
        if not circle:
            raise ParameterError(
                f"--to {to} names a user who has no home folder here; write the whole path"
            ) from None
    except OSError as error:
        raise ParameterError(f"--to {to} cannot be used ({error.strerror}); name another folder") from None
    if circle:
        raise ParameterError(f"--to {to} follows links that lead in a circle; name another folder")
    return target


def check_outside(target: Path, folders: Mapping[Path, str]) -> None:
    """Raise `ParameterError` if the whole path `target` is one of the `folders` or below.

    `folders` maps each to the end of a sentence, what is there: "the pipeline's own code is".
    """
    for folder, what in folders.items():
        if target.is_relative_to(folder.resolve()):
            raise ParameterError(f"{target} is in {folder}, where {what}; name a folder outside")


@contextmanager
def new_folder(target: Path, force: bool) -> Iterator[Path]:
    """Give an empty folder beside `target`; it becomes `target` on success and is removed on any error.

    `target` must not exist or be empty. With `force`, it may also be a folder that was made here and holds
    nothing else; then it is replaced. What a killed run left beside it is removed first.
    Raises `ParameterError`, before anything is written, where that is not so.
    """
    check_free(target, force)
    made = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    staging, old = target.with_name(STAGING + target.name), target.with_name(OLD + target.name)
    try:
        with locked_beside(target, lambda: refuse_busy(target)):
            _tidy_up(staging, old, target)
            staging.mkdir()
            try:
                _blank_marker(staging)
                check_free(target, force)  # an earlier export may have come back
                yield staging
                _write_marker(staging)
                check_free(target, force)  # somebody may have used it meanwhile
                _replace(target, staging, old)
            except BaseException:
                with suppress(OSError):
                    _remove(staging)
                raise
    except BaseException:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        raise


def _check_lengths(target: Path) -> None:
    *above, last = target.parts
    for name, room in (*((name, LONGEST) for name in above), (last, LONGEST - len(OLD))):
        if (length := len(os.fsencode(name))) > room:
            raise ParameterError(
                f"--to has a name that is too long, {name[:20]!r}... of {length} bytes; give one of at most {room}"
            )


def check_free(target: Path, force: bool) -> None:
    """Raise `ParameterError` unless the folder `target` may be made or, with `force`, replaced."""
    for start in (STAGING, OLD):
        if target.name.startswith(start):
            raise ParameterError(f"{target} begins with {start!r}, as unfinished exports do; name it otherwise")
    if not target.exists():
        return
    if not target.is_dir():
        raise ParameterError(f"{target} is a file; name a folder")
    if target.is_mount():
        raise ParameterError(f"{target} is a whole disk; name a folder on it")
    names = sorted(place.name for place in target.iterdir())
    if not names:
        return
    if JOURNAL in names:
        raise ParameterError(
            f"{target} holds images that were moved there; take them back by `manyviews export --undo --to "
            f"{target}`, or name a new folder"
        )
    if not force:
        shown = next((name for name in names if name != MARKER), MARKER)
        raise ParameterError(
            f"{target} holds files, such as {shown!r}; name a new folder, or replace an earlier export by --force"
        )
    if stranger := _stranger(target):
        raise ParameterError(
            f"{target} holds {stranger}, which is not as an export wrote it; move it away, or name a new folder"
        )


def remove_written(folder: Path) -> None:
    """Remove what an export wrote into `folder`, the journal last, and empty folders; all else stays."""
    known = _written(folder)
    for path, state in _files(folder).items():
        if path != JOURNAL and path in known and state == known[path]:
            (folder / path).unlink()
    for above, _, _ in os.walk(folder, topdown=False):
        if Path(above) != folder:
            with suppress(OSError):  # it is not empty
                Path(above).rmdir()
    (folder / MARKER).unlink(missing_ok=True)
    (folder / JOURNAL).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def _stranger(folder: Path) -> str | None:
    """The first file below `folder` that no export wrote, or that was changed since; None if there is none."""
    known = _written(folder)
    present = sorted(_files(folder).items())
    return next((repr(path) for path, state in present if path not in known or state != known[path]), None)


def _written(folder: Path) -> dict[str, State]:
    """The files that an export wrote into a folder, by relative path, as they were then."""
    try:
        known = json.loads((folder / MARKER).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _files(folder: Path) -> dict[str, State]:
    """The files below `folder` by relative path; not the list itself."""
    found: dict[str, State] = {}
    for above, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(above) / name).is_symlink()]
        for name in (*files, *links):
            place = Path(above) / name
            status = place.lstat()
            linked = place.is_symlink() or status.st_nlink > 1
            found[place.relative_to(folder).as_posix()] = None if linked else [status.st_size, status.st_mtime_ns]
    found.pop(MARKER, None)
    return found


def _write_marker(folder: Path) -> None:
    about = "what `manyviews export` wrote here, so that --force replaces nothing else"
    content = {"about": about, "files": dict(sorted(_files(folder).items()))}
    (folder / MARKER).write_text(json.dumps(content, indent=0) + "\n", encoding="utf-8")


def refuse_busy(target: Path) -> None:
    """Raise the `ParameterError` of an export that another process writes."""
    raise ParameterError(f"another process writes {target}; wait until it ends, or stop it")


def _tidy_up(staging: Path, old: Path, target: Path) -> None:
    """Remove what a killed run left in `staging`; take `old` back to its place if that is free, or away."""
    for place in (staging, old):
        if place.exists() and not (place / MARKER).exists() and any(place.iterdir()):
            raise ParameterError(f"{place} is in the way and no export made it; move it away")
    if staging.exists():
        _remove(staging)
    marker = old / MARKER
    if marker.exists() and marker.stat().st_size and not target.exists():  # it is whole
        old.rename(target)
    elif old.exists():
        _remove(old)


def _replace(target: Path, staging: Path, old: Path) -> None:
    """Move `staging` to `target`, and what was there away."""
    if not target.exists() or not any(target.iterdir()):
        staging.rename(target)
        return
    target.rename(old)
    try:
        staging.rename(target)
    except BaseException:
        old.rename(target)
        raise
    _remove(old)


def _remove(folder: Path) -> None:
    """Delete a folder, its marker last: what is left of it when this is cut short is known, and not for whole."""
    with suppress(OSError):  # a full disk may take no file, not even an empty one
        _blank_marker(folder)
    _empty(folder)
    (folder / MARKER).unlink(missing_ok=True)
    folder.rmdir()


def _blank_marker(folder: Path) -> None:
    """Mark a folder as not whole, by a new file: the marker may be a link to what somebody keeps elsewhere."""
    blank = folder / f"{MARKER}.blank"
    blank.touch()
    blank.replace(folder / MARKER)


def _empty(folder: Path) -> None:
    """Delete what is in a folder, but for the marker."""
    for place in folder.iterdir():
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        elif place.name != MARKER:
            place.unlink()
