"""Runs at work, and what killed runs leave behind."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from stages.core.atomic import is_leftover
from stages.diagnosis.finding import Finding, listed, ok, warning

_OF_DVC = re.compile(r"\.[\w-]{22}\.tmp$")  # how DVC names a copy that it is making, and never looks at again


def check_leftovers(
    data: Path, metrics: Path, cache: Path, datasets: Sequence[str] = (), backbones: Sequence[str] = ()
) -> Iterator[Finding]:
    """Runs at work, unfinished work, what killed runs left, and features kept for other datasets or backbones."""
    scratch = data / "scratch"
    running = list(find_running(scratch))
    for lock in running:
        yield warning(f"a stage is at work on {lock.relative_to(scratch).with_suffix('')}; wait for it")
    unfinished = [
        folder for folder in (scratch / "extract", scratch / "train", scratch / "sweeps") if any(_files(folder))
    ]
    if unfinished and not running:
        size = sum(file.stat().st_size for folder in unfinished for file in _files(folder)) / 2**20
        yield warning(
            f"{scratch} holds {size:.0f} MiB of unfinished work; `dvc repro` goes on there, or remove it"
        )
    stale = [
        folder
        for folder in sorted((scratch / "features").glob("*/*"))
        if datasets and backbones and (folder.parent.name not in datasets or folder.name not in backbones)
    ]
    if stale and not running:
        yield warning(
            f"{listed(list(map(str, stale)))}: features kept for datasets or backbones that params.yaml does not "
            "name; remove them if you do not need them"
        )
    parts = list(find_leftovers([data, metrics, cache]))
    own = [part for part in parts if may_go(part)]
    others = [part for part in parts if part not in own]
    if own and not running:
        yield warning(f"{listed(list(map(str, own)))}: left by killed runs; run `manyviews repair`")
    if others and not running:
        yield warning(f"{listed(list(map(str, others)))}: left by killed runs; remove them if nothing runs")
    if not (running or unfinished or stale or parts):
        yield ok("no stage is at work, and none left anything unfinished")


def find_leftovers(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the files and folders that a killed run or DVC was writing, at any depth; not what is in them."""
    for folder in folders:
        for above, below, files in os.walk(folder):
            yield from (Path(above) / name for name in sorted((*below, *files)) if _is_partial(name))
            below[:] = [name for name in below if not _is_partial(name)]


def may_go(leftover: Path) -> bool:
    """Whether nobody goes on with a leftover: its process has ended, or it is a copy that DVC was making.

    Call it while no DVC is at work. The beginning of a download is used again, and another machine may be at work.
    """
    return is_leftover(leftover) or bool(_OF_DVC.search(leftover.name))


def _is_partial(name: str) -> bool:
    return name.startswith(".partial-") or bool(_OF_DVC.search(name))


def find_running(folder: Path) -> Iterator[Path]:
    """Yield the lock files, "*.lock", below `folder` that a process holds. The files themselves stay behind."""
    from stages.core.lock import is_locked

    return (file for file in sorted(folder.rglob("*.lock")) if is_locked(file))


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file() and file.suffix != ".lock")
