"""What `doctor` asks of git and of DVC: the repository, and the remotes."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stages.core.errors import ParameterError
from stages.diagnosis import Finding, check_remote, examine


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
        yield Finding("fault", f"there is no folder {folder}; name the file of parameters by --parameters")
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
        yield Finding("fault", "git is not installed; install it: https://git-scm.com")
        return
    except subprocess.TimeoutExpired:
        yield Finding("warning", f"git took more than {patience:g} s; run `git status`, or raise --patience")
        return
    if not (folder / ".dvc").is_dir():
        yield Finding("fault", "this is no DVC project, .dvc is missing; take it from git, or run `dvc init`")
    if "dubious ownership" in done.stderr:
        told = re.search(r"safe\.directory (.+)", done.stderr)
        way = f"`git config --global --add safe.directory {told[1] if told else folder.absolute()}`"
        yield Finding("fault", f"git does not trust this folder, which belongs to another user; run {way}")
        return
    if done.returncode:
        yield Finding("fault", "this is no git repository, which DVC needs; clone the project, or run `git init`")
        return
    lock = folder / done.stdout.rstrip("\n")
    if lock.exists():
        yield Finding("warning", f"{lock} is there: a git command is running, or was killed; remove it then")
    if (folder / ".dvc").is_dir():
        from importlib.metadata import version

        yield Finding("ok", f"git repository and DVC project, DVC {version('dvc')}")


def check_remotes(root: Path, timeout: float, patience: float) -> Iterator[Finding]:
    """The remotes of DVC: that there is a default one, and that each answers."""
    remotes: dict[str, dict[str, str]] = {}
    default = ""
    for line in dvc(root, patience, "config", "--list").splitlines():
        key, _, value = line.partition("=")
        if key == "core.remote":
            default = value
        elif key.startswith("remote."):
            name, _, setting = key.removeprefix("remote.").rpartition(".")
            remotes.setdefault(name, {})[setting] = value
    if not remotes:
        yield Finding("ok", "none is set; to share results: `dvc remote add -d NAME ADDRESS`")
        return
    if not default:
        yield Finding("warning", "none is the default; choose one by `dvc remote default NAME`")
    elif default not in remotes:
        yield Finding("fault", f"the default, {default}, is not set; choose one by `dvc remote default NAME`")
    with ThreadPoolExecutor(8) as pool:
        for findings in pool.map(lambda name: list(_remote(name, remotes, timeout)), remotes):
            yield from findings


def _remote(name: str, remotes: Mapping[str, Mapping[str, str]], timeout: float) -> Iterator[Finding]:
    """One remote, by itself: what goes wrong with it hides no other."""
    url = remotes[name].get("url", "")
    base = url.removeprefix("remote://").partition("/")[0] if url.startswith("remote://") else None
    if base is None:
        yield from examine(lambda: check_remote(name, remotes[name], timeout))
    elif base in remotes:
        yield Finding("ok", f"{name} ({url}) is a place in the remote {base}")
    else:
        yield Finding("fault", f"{name} ({url}) names no remote; correct it by `dvc remote modify {name} url ...`")
