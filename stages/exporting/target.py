"""A folder that appears whole or not at all, and replaces nothing but what was written in the same way."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stages.errors import ParameterError

MARKER = ".manyviews-export.json"  # lists what an export wrote


@contextmanager
def new_folder(target: Path, force: bool) -> Iterator[Path]:
    """Give an empty folder beside `target`; it becomes `target` on success and is removed on any error.

    `target` must not exist or be empty. With `force`, it may also be a folder that was made here and holds
    nothing else; then it is replaced. What a killed run left beside it is removed first.
    Raises `ParameterError`, before anything is written, where that is not so.
    """
    _check(target, force)
    made = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = target.with_name(f".partial-{target.name}")
    try:
        with _owned(staging, target):
            try:
                yield staging
                _write_marker(staging)
                _check(target, force)  # somebody may have used it meanwhile
                _replace(target, staging)
            except BaseException:
                shutil.rmtree(staging, ignore_errors=True)
                raise
    except BaseException:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()
        raise


def _check(target: Path, force: bool) -> None:
    """Raise unless `target` may be made or replaced."""
    if not target.exists():
        return
    if not target.is_dir():
        raise ParameterError(f"{target} is a file; name a folder")
    if target.is_mount():
        raise ParameterError(f"{target} is a whole disk; name a folder on it")
    names = sorted(place.name for place in target.iterdir())
    if not names:
        return
    if not force:
        shown = next((name for name in names if name != MARKER), MARKER)
        raise ParameterError(
            f"{target} holds files, such as {shown!r}; name a new folder, or replace an earlier export by --force"
        )
    if stranger := _stranger(target):
        raise ParameterError(
            f"{target} holds {stranger}, which is not as an export wrote it; move it away, or name a new folder"
        )


def _stranger(folder: Path) -> str | None:
    """The first file below `folder` that no export wrote, or that was changed since; None if there is none."""
    try:
        known = json.loads((folder / MARKER).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        known = {}
    if not isinstance(known, dict):
        known = {}
    for path, size in sorted(_files(folder).items()):
        if path not in known or (size is not None and size != known[path]):
            return repr(path)
    return None


def _files(folder: Path) -> dict[str, int | None]:
    """The files below `folder` by relative path with their bytes, None for links; not the list itself."""
    found: dict[str, int | None] = {}
    for above, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(above) / name).is_symlink()]
        for name in (*files, *links):
            place = Path(above) / name
            status = place.lstat()
            linked = place.is_symlink() or status.st_nlink > 1
            found[place.relative_to(folder).as_posix()] = None if linked else status.st_size
    found.pop(MARKER, None)
    return found


def _write_marker(folder: Path) -> None:
    files = dict(sorted(_files(folder).items()))
    content = {"about": "what `stages.export` wrote here, so that --force replaces nothing else", "files": files}
    (folder / MARKER).write_text(json.dumps(content, indent=0) + "\n", encoding="utf-8")


@contextmanager
def _owned(staging: Path, target: Path) -> Iterator[None]:
    """Make `staging`, empty, and keep other runs out of it. The system lets go of it when the process ends."""
    old = _old(staging)
    for place in (staging, old):
        if place.exists() and not (place / MARKER).exists() and any(place.iterdir()):
            raise ParameterError(f"{place} is in the way and no export made it; move it away")
    if old.exists():  # killed between two moves: the earlier export comes back
        if target.exists():
            shutil.rmtree(old)
        else:
            old.rename(target)
    staging.mkdir(exist_ok=True)
    descriptor = os.open(staging, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ParameterError(f"another process writes {target}; wait until it ends, or stop it") from None
        for left in staging.iterdir():
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        (staging / MARKER).touch()
        yield
    finally:
        os.close(descriptor)


def _replace(target: Path, staging: Path) -> None:
    old = _old(staging)
    if target.exists() and any(target.iterdir()):
        target.rename(old)
    try:
        staging.rename(target)
    except BaseException:
        if old.exists():
            old.rename(target)
        raise
    if old.exists():
        shutil.rmtree(old)


def _old(staging: Path) -> Path:
    return staging.with_name(f"{staging.name}.old")
