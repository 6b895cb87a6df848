"""Files of DVC's that a kill leaves torn, and how each is mended. Nothing here loses a result.

DVC writes some of its files in place, where a kill leaves the beginning of one; docs/reliability.md lists them.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import sleep
from typing import Any

from stages.core.atomic import write_text
from stages.core.errors import ParameterError, one_line
from stages.diagnosis.experiment import killed_experiment
from stages.diagnosis.finding import Damage, Finding, fault, listed, ok
from stages.diagnosis.leftovers import find_leftovers, find_running, may_go
from stages.params.file import conflict_line

# Seconds between two looks, in which a DVC has written any of its files.
_PAUSE = 1.0
_HEAD = "schema: '2.0'\nstages:\n"


class BusyError(ParameterError):
    """DVC or a stage is at work in the project."""


def check_torn(root: Path, cache: Path) -> Iterator[Finding]:
    """A fault for everything that is torn; `cache` is DVC's.

    A DVC at work writes dvc.lock for some tenths of a second, so what is torn is looked at twice.
    """
    damages = list(find_damage(root, cache))
    if damages:
        sleep(_PAUSE)
        before = {damage.message for damage in damages}
        damages = [damage for damage in find_damage(root, cache) if damage.message in before]
    for damage in damages:
        yield fault(f"{damage.message}; run `manyviews repair`: {damage.mending}")
    if not damages:
        yield ok("no file of DVC's is torn")


def find_damage(root: Path, cache: Path) -> Iterator[Damage]:
    """Yield what is torn in the project `root` and in DVC's `cache`; only `mend` changes anything."""
    yield from _torn_lock(root / "dvc.lock")
    yield from _torn_claims(root / ".dvc" / "tmp" / "rwlock")
    yield from _empty_runs(cache / "runs")
    yield from killed_experiment(root)
    for file in sorted((*root.glob("?*.dvc"), *(root / "data" / "raw").glob("?*.dvc"))):
        yield from _torn_tracked(file)


def find_left(root: Path, cache: Path, fetched: Path) -> Iterator[Damage]:
    """Yield what killed processes were writing in the project and in the folder of what is `fetched`.

    Others may be at work in a `cache` of DVC's outside the project, so what is there stays.
    """
    inside = [cache] if cache.resolve().is_relative_to(root.resolve()) else []
    places = [
        place for place in find_leftovers([root / "data", root / "metrics", fetched, *inside]) if may_go(place)
    ]
    if places:
        yield Damage(
            f"killed processes left {listed([str(place) for place in places])}",
            "removed",
            lambda: _each(_remove, places),
        )


@contextmanager
def dvc_kept_out(root: Path) -> Iterator[None]:
    """Hold DVC's own lock of the project for the block, so that no DVC begins to work there.

    Raises `BusyError` where one is at work, or a stage that outlived its DVC.
    """
    folder = root / ".dvc" / "tmp"
    folder.mkdir(exist_ok=True)
    with _dvc_lock(folder / "lock", "DVC is at work in this project"):
        # While a stage runs, its DVC lets go of that lock and keeps a claim on what the stage reads and writes.
        for pid, command in _claims(folder / "rwlock") or []:
            if _is_writer(pid, folder / "rwlock"):
                raise BusyError(f"`{command}` is at work (process {pid}); wait until it ends, or stop it")
        scratch = root / "data" / "scratch"
        for file in find_running(scratch):
            place = file.relative_to(scratch).with_suffix("")
            raise BusyError(f"a stage is at work on {place}; wait until it ends, or stop it")
        yield


@contextmanager
def _dvc_lock(file: Path, trouble: str) -> Iterator[None]:
    """Hold one of the locks in DVC's folder of temporary files; `BusyError` with `trouble` where DVC keeps it."""
    from dvc.config import Config, ConfigError
    from dvc.lock import LockError, make_lock

    try:
        links = bool(Config(str(file.parent.parent))["core"].get("hardlink_lock"))
    except ConfigError:  # which DVC itself reports, and nothing can be at work then
        links = False
    lock = make_lock(str(file), tmp_dir=str(file.parent), hardlink_lock=links)
    try:
        lock.lock()
    except LockError:
        stale = f"; with core.hardlink_lock, a kill leaves {file}: remove it then" if links else ""
        raise BusyError(f"{trouble}; wait until it ends, or stop it{stale}") from None
    try:
        yield
    finally:
        lock.unlock()


def _torn_lock(file: Path) -> Iterator[Damage]:
    """dvc.lock, which DVC writes again in place after every stage."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA

    if reason := _refusal(file, COMPILED_LOCKFILE_SCHEMA):
        yield Damage(
            f"{file} is cut short ({reason})",
            "what is whole in it stays, the rest comes from git and, when you run `dvc repro`, from the run cache",
            partial(_rebuild_lock, file),
        )


def _rebuild_lock(file: Path) -> None:
    """Write the stages of git's dvc.lock and those that are whole in the torn one, which come first."""
    from dvc.utils.serialize import dumps_yaml

    stages = {
        **_whole_stages(_committed(file)),
        **_whole_stages(file.read_text(encoding="utf-8", errors="replace"), cut=True),
    }
    if stages:
        write_text(file, dumps_yaml({"schema": "2.0", "stages": stages}))
    else:
        file.unlink()


def _whole_stages(text: str, cut: bool = False) -> dict[str, Any]:
    """The stages in the text of a dvc.lock that can be read; of one that is `cut`, the last may lack something."""
    from dvc.exceptions import DvcException
    from dvc.schema import COMPILED_LOCK_FILE_STAGE_SCHEMA
    from dvc.utils.serialize import parse_yaml
    from voluptuous import Invalid

    stages: dict[str, Any] = {}
    if not text.startswith(_HEAD):
        return stages
    pieces = re.split(r"^(?=  [^\s:])", text[len(_HEAD) :], flags=re.MULTILINE)
    for piece in pieces[: -1 if cut else None]:
        try:
            for name, stage in parse_yaml(piece, "dvc.lock").items():
                stages[name] = COMPILED_LOCK_FILE_STAGE_SCHEMA(stage)
        except (DvcException, Invalid, AttributeError):
            continue
    return stages


def _torn_claims(file: Path) -> Iterator[Damage]:
    """The claims of DVC's processes on files, and claims of killed ones whose number another process now has."""
    mending = "it is removed, and DVC makes a new one"
    try:
        claims = _claims(file)
    except BusyError:  # which is whole when that DVC is done
        return
    if claims is None:
        yield Damage(f"{file} is cut short", mending, file.unlink)
    elif recycled := [pid for pid, _ in claims if _exists(pid) and not _is_writer(pid, file)]:
        message = f"{file} names process {recycled[0]}, which is no longer the DVC that was killed"
        yield Damage(message, mending, file.unlink)


def _claims(file: Path) -> list[tuple[int, str]] | None:
    """The processes, and their commands, in DVC's rwlock; None where it is torn.

    Every DVC writes it in place, `dvc status` too, and holds a lock meanwhile: with that lock in hand, what is
    torn is torn for good.
    """
    from dvc.rwlock import RWLOCK_LOCK

    claims = _read_claims(file)
    if claims is None:
        with _dvc_lock(file.with_name(RWLOCK_LOCK), f"DVC is writing {file}"):
            claims = _read_claims(file)
    return claims


def _read_claims(file: Path) -> list[tuple[int, str]] | None:
    from dvc.rwlock import SCHEMA
    from voluptuous import Invalid

    try:
        content = SCHEMA(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return []
    except (ValueError, Invalid):
        return None
    claims = [*content["write"].values(), *(claim for claims in content["read"].values() for claim in claims)]
    return sorted({(claim["pid"], claim["cmd"]) for claim in claims})


def _exists(pid: int) -> bool:
    import psutil

    return psutil.pid_exists(pid)


def _is_writer(pid: int, file: Path) -> bool:
    """Whether the process is there and began before `file` was last written, else it only has the number."""
    import psutil

    try:
        return psutil.Process(pid).create_time() <= file.stat().st_mtime
    except psutil.Error:
        return False


def _empty_runs(runs: Path) -> Iterator[Damage]:
    """Folders of the run cache in which a kill left no entry: at such a one, DVC fails."""
    empty = [folder for folder in sorted(runs.glob("*/*/")) if not any(folder.iterdir())]
    if empty:
        folders = "an empty folder" if len(empty) == 1 else f"{len(empty)} empty folders"
        mending = "it is removed" if len(empty) == 1 else "they are removed"
        yield Damage(f"DVC's run cache has {folders}", mending, lambda: _each(Path.rmdir, empty))


def _torn_tracked(file: Path) -> Iterator[Damage]:
    """A .dvc file, which `dvc add` and the like write in place."""
    from dvc.schema import COMPILED_SINGLE_STAGE_SCHEMA

    if reason := _refusal(file, COMPILED_SINGLE_STAGE_SCHEMA):
        yield Damage(
            f"{file} is cut short ({reason})",
            f"it is taken from git, or removed; then `dvc add {file.with_suffix('')}` tracks what is new",
            partial(_restore_tracked, file),
        )


def _restore_tracked(file: Path) -> None:
    if committed := _committed(file):
        write_text(file, committed)
    else:
        file.unlink()


def _refusal(file: Path, schema: Callable[[Any], Any]) -> str | None:
    """Why DVC does not take a YAML file of its own; None for one that it takes, and where it is not there.

    None, too, for one with the marks of a merge conflict, which is the user's to resolve.
    """
    from dvc.exceptions import DvcException
    from dvc.utils.serialize import load_yaml
    from voluptuous import Invalid

    try:
        schema(load_yaml(str(file)))
    except FileNotFoundError:
        return None
    except (DvcException, Invalid) as error:
        marks = conflict_line(file.read_text(encoding="utf-8", errors="replace"))
        return None if marks else one_line(error, 100)
    return None


def _committed(file: Path) -> str:
    """The text that git has of a file in the last commit; "" if none."""
    show = ["git", "show", f"HEAD:./{file.name}"]
    shown = subprocess.run(show, cwd=file.parent, capture_output=True, check=False)
    return shown.stdout.decode(errors="replace")


def _each(remove: Callable[[Path], None], places: Sequence[Path]) -> None:
    for place in places:
        remove(place)


def _remove(place: Path) -> None:
    shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
