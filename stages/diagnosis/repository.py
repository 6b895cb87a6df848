"""The git repository and the DVC project: whether they can be used, and what dvc.lock and `dvc status` say."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.core.errors import ParameterError
from stages.core.regular import check_regular
from stages.diagnosis.finding import Finding, fault, listed, ok, warning
from stages.params.file import conflict_line


class SlowDvcError(ParameterError):
    """DVC did not answer in time."""


def dvc(root: Path, patience: float, *arguments: str) -> str:
    """Run dvc in the project's folder and return what it prints.

    Raises `ParameterError` with its own words when it fails, `SlowDvcError` after `patience` seconds.
    """
    command = [sys.executable, "-m", "dvc", *arguments]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=patience, check=False)
    except subprocess.TimeoutExpired:
        raise SlowDvcError(
            f"`dvc {' '.join(arguments)}` took more than {patience:g} s; run it yourself, or raise --patience"
        ) from None
    if done.returncode:
        lines = [" ".join(line.split()) for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        reason = next((line for line in lines if "ERROR" in line), " ".join(lines[:2]))
        raise ParameterError(
            f"`dvc {' '.join(arguments)}` fails ({reason.removeprefix('ERROR: ')}); see to this first"
        )
    return done.stdout


def check_repository(folder: Path, patience: float) -> Iterator[Finding]:
    """That the folder is of a git repository and of a DVC project."""
    if not folder.is_dir():
        yield fault(f"folder {folder} does not exist; name the file of parameters by --params")
        return
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--git-path", "index.lock"],  # elsewhere in worktrees and submodules
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=patience,
            check=False,
        )
    except FileNotFoundError:
        yield fault("git is not installed; install it: https://git-scm.com")
        return
    except subprocess.TimeoutExpired:
        yield warning(f"git took more than {patience:g} s; run `git status`, or raise --patience")
        return
    if not (folder / ".dvc").is_dir():
        yield fault("this is not a DVC project, .dvc is missing; take it from git, or run `dvc init`")
    if "dubious ownership" in done.stderr:
        named = re.search(r"safe\.directory (.+)", done.stderr)
        way = f"`git config --global --add safe.directory {named[1] if named else folder.absolute()}`"
        yield fault(f"git does not trust this folder, which belongs to another user; run {way}")
        return
    if done.returncode:
        yield fault("this is not a git repository, which DVC needs; clone the project, or run `git init`")
        return
    lock = folder / done.stdout.rstrip("\n")
    if lock.exists():
        yield warning(f"{lock} is there: a git command is running, or was killed; remove it then")
    if (folder / ".dvc").is_dir():
        from importlib.metadata import version

        yield ok(f"git repository and DVC project, DVC {version('dvc')}")


def check_lock(lock: Path) -> Iterator[Finding]:
    """How many stages dvc.lock records, or why there is none to use; a torn one is `check_torn`'s to report."""
    import yaml

    if not lock.exists():
        yield warning(f"there is no {lock}: nothing was computed yet; run `dvc repro`")
        return
    if line := _conflict_line(check_regular(lock)):
        yield fault(
            f"{lock} holds the marks of a merge conflict, from line {line} on; run `git checkout --ours {lock}`, "
            "then `dvc repro`"
        )
        return
    try:
        content = yaml.load(lock.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        stages = len(content["stages"])
    except (yaml.YAMLError, KeyError, TypeError):
        return
    yield ok(f"{stages} stages are recorded in {lock}")


def check_outputs(root: Path, lock: Path, patience: float) -> Iterator[Finding]:
    """Findings of `dvc status`; none where there is no usable dvc.lock to compare with."""
    if lock.exists() and not _conflict_line(lock):
        try:
            status = json.loads(dvc(root, patience, "status", "--json"))
        except SlowDvcError as error:  # many photos take their time, which is not a fault
            yield warning(str(error))
            return
        yield from check_status(status)


def _conflict_line(file: Path) -> int | None:
    return conflict_line(file.read_text(encoding="utf-8", errors="replace"))


def check_status(status: Mapping[str, Sequence[Any]]) -> Iterator[Finding]:
    """Findings from `dvc status --json`: outputs that are missing or changed, and stages that would run again."""
    outs: dict[str, list[str]] = {}
    again, causes = set[str](), dict[str, None]()  # stages, and why they would run
    absent: list[str] = []
    for stage, changes in status.items():
        if stage.endswith(".dvc"):
            yield from _tracked(stage, changes)
            continue
        for change in changes:
            for kind, what in change.items() if isinstance(change, dict) else [(change, {})]:
                if kind == "changed outs":
                    for path, how in what.items():
                        outs.setdefault(how, []).append(path)
                    continue
                # Without photos, a clone still has all that was computed from them.
                gone = [path for path, how in what.items() if how == "deleted" and path.startswith("data/raw/")]
                absent += gone
                if len(gone) < max(len(what), 1):
                    there = {path: how for path, how in what.items() if path not in gone}
                    again.add(stage)
                    causes.update(dict.fromkeys(_causes(kind, there)))
    advice = {
        "deleted": "missing; fetch them by `dvc pull` or make them by `dvc repro`",
        "modified": "not as dvc.lock says; make them again by `dvc repro`",
        "not in cache": "in no cache, so that `dvc push` lacks them; run `dvc commit`",
    }
    for how, paths in outs.items():
        yield warning(f"{listed(paths)}: {advice.get(how, f'{how}; run `dvc repro`')}")
    if absent:
        yield warning(f"{listed(absent)}: not here; `dvc repro --pull` needs it only for what is in no remote")
    if again:
        because = f" as these changed since: {listed(list(causes))}" if causes else ""
        yield warning(f"{len(again)} stage{'s' * (len(again) != 1)} would run again{because}; run `dvc repro`")
    if not status:
        yield ok("all outputs are as dvc.lock says, and nothing they depend on has changed")


def _tracked(file: str, changes: Sequence[Any]) -> Iterator[Finding]:
    """Changes of files that a .dvc file, not a stage, tracks: photos, or an import."""
    reported = 0
    for change in changes:
        for kind, what in change.items() if isinstance(change, dict) else ():
            for path, how in what.items():
                reported += 1
                yield warning(f"{path}: {_advice(file, kind, path, how)}")
    if not reported:
        yield warning(f"{file} was changed by hand; run `dvc commit {file}`, or take it from git")


def _advice(file: str, kind: str, path: str, how: str) -> str:
    if kind == "changed deps":
        return f"{how}; run `dvc update {file}`"
    if how == "deleted":
        return f"not here; `dvc pull {file}` fetches it"
    if how == "not in cache":
        return f"in no cache, so that `dvc push` lacks it; run `dvc commit {file}`"
    return f"not as {file} says; run `dvc add {path}` for what is new, or `dvc checkout {file}` for what was there"


def _causes(kind: str, what: Mapping[str, Any]) -> Iterator[str]:
    """The changes in words: parameters by name, all code as one."""
    for path, how in what.items():
        if isinstance(how, dict):
            yield from (f"{path} {name}" for name in how)
        elif path.startswith("stages/"):
            yield "the code of the stages"
        elif kind == "changed deps":
            yield path
