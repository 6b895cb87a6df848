"""Runs killed at drawn moments; run again, alone or after `manyviews repair`, they must give the same bytes."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import yaml

from tests.campaign.tally import Tally
from tests.pipeline.project import Project, draw_images
from tests.pipeline.stagenames import LISTING

# All kinds of stages but networks on images; no weights are fetched.
SETTING = {
    "datasets": ["drawings"],
    "backbones": ["pixels"],
    "objectives": ["jule"],
    "baseline": {"algorithms": ["kmeans"], "seeds": 1, "n_init": 1, "overclustering": [1]},
    "ensemble": {"algorithms": ["kmeans"], "shares": [1], "overclustering": [1]},
    "train": {"width": 8},
    "jule": {"steps": 5, "reruns": 1},
}
# DVC's own words for what it cannot go on from; docs/reliability.md quotes them.
OF_DVC = ("dvc.lock' validation failed", "dvc.lock' is invalid", "Unable to read RWLock-file", "not 'NoneType'")
REWRITING = 0.7  # seconds that DVC takes to write dvc.lock after a stage
SCRIPTS = ("download", "baseline", "ensemble", "train", "result", "evaluate", "report")
DATASET = ["--dataset", "drawings"]
OPTIONS = {
    "baseline": [*DATASET, "--backbone", "pixels"],
    "train": [*DATASET, "--objective", "jule", "--method", "cc"],
    "report": [],
}


@dataclass
class Kills(Tally):
    """Counts, too, the runs that went on only after `manyviews repair`."""

    repaired: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{super().__str__()}, {len(self.repaired)} of them after `manyviews repair`"


@dataclass
class Reference:
    """A finished project, the bytes of its outputs, and the seconds that runs of it take."""

    project: Project
    outputs: dict[str, bytes]
    seconds: dict[str, float]


def run(count: int, seed: int) -> Tally:
    """Kill `count` runs: of eight, six of `dvc repro`, one of a stage's script, and one of `export --move`."""
    tally = Kills("kills", "identical in the end")
    with tempfile.TemporaryDirectory(prefix="kills-") as place:
        reference = _reference(Path(place))
        for case in range(count):
            chance = np.random.default_rng([seed, case])
            folder = Path(place) / "case"
            name, kill = CASES[case % len(CASES)]
            kill(reference, reference.project.copy(folder), chance, f"{case} ({name})", tally)
            shutil.rmtree(folder)
    return tally


def _reference(place: Path) -> Reference:
    project = Project(place / "project", **SETTING)
    draw_images(project.folder / "data" / "raw" / "drawings")
    started = time.monotonic()
    project.repro()
    computed = time.monotonic() - started
    project.commit("All computed")
    copy = project.copy(place / "timed")
    _forget(copy, "from the cache")
    started = time.monotonic()
    copy.repro()
    seconds = {"computed": computed, "from the cache": time.monotonic() - started}
    assert copy.tables() == project.tables()
    return Reference(project, project.tables(), seconds)


def _forget(project: Project, what: str) -> None:
    """Remove all outputs and dvc.lock; and all that DVC has, if they are to be computed."""
    for file in project.tables():
        (project.folder / file).unlink()
    (project.folder / "dvc.lock").unlink()
    shutil.rmtree(project.folder / "data" / "scratch", ignore_errors=True)
    shutil.rmtree(project.folder / ".dvc" / "tmp")
    if what == "computed":
        shutil.rmtree(project.folder / ".dvc" / "cache")


def _pipeline(what: str, at_the_lock: bool | None) -> Callable[..., None]:
    """Kill `dvc repro` in the `REWRITING` seconds of one of its updates of dvc.lock, or at any moment."""

    def kill(reference: Reference, project: Project, chance: np.random.Generator, case: str, tally: Kills) -> None:
        _forget(project, what)
        near = at_the_lock if at_the_lock is not None else bool(chance.integers(2))
        updates = int(chance.integers(1, len(_stages(reference.project)) + 1)) if near else 0
        seconds = float(chance.uniform(0, REWRITING if near else reference.seconds[what]))
        case = f"{case}, {what}, {seconds:.3f} s after " + (
            f"update {updates} of dvc.lock" if near else "its start"
        )
        _kill(project, ["-m", "dvc", "repro"], seconds, updates)
        done = project.dvc("repro")
        reason = ""
        if done.returncode:
            reason = next((line for line in (done.stdout + done.stderr).splitlines() if _is_of_dvc(line)), "")
            if not reason:
                tally.add(case, f"`dvc repro` failed: {' '.join(done.stderr.split())[-300:]}")
                return
            repair = _python(project, ["-m", "stages.commands", "repair"])
            done = project.dvc("repro")
            if repair.returncode or done.returncode:
                tally.add(case, f"{reason}; repair: {repair.stdout}{repair.stderr}; then {done.stderr[-300:]}")
                return
        again = set(re.findall(r"^Running stage '(.+)':$", done.stdout, re.MULTILINE)) - LISTING
        fault = _difference(reference, project)
        if what == "from the cache" and again:
            fault = fault or f"computed again: {sorted(again)}"
        tally.add(case, fault)
        if reason and not fault:
            tally.repaired.append(case)
            print(f"{case}: went on after `manyviews repair`; DVC said: {reason}", flush=True)

    return kill


def _is_of_dvc(line: str) -> bool:
    return any(words in line for words in OF_DVC)


def _stages(project: Project) -> dict[str, object]:
    stages: dict[str, object] = yaml.safe_load((project.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return stages


def _script(reference: Reference, project: Project, chance: np.random.Generator, case: str, tally: Kills) -> None:
    """Kill a stage's script at any moment: whatever it wrote is whole, and the next run leaves nothing else."""
    script = SCRIPTS[int(chance.integers(len(SCRIPTS)))]
    command = ["-m", f"stages.{script}", *OPTIONS.get(script, DATASET)]
    started = time.monotonic()
    _python(project, command).check_returncode()
    seconds = float(chance.uniform(0, time.monotonic() - started))
    case = f"{case}, {script}, {seconds:.3f} s after its start"
    _kill(project, command, seconds)
    torn = [name for name, content in reference.outputs.items() if project.tables().get(name, content) != content]
    done = _python(project, command)
    fault = _difference(reference, project) if done.returncode == 0 else done.stderr
    tally.add(case, f"half-written: {torn}" if torn else fault)


def _export(reference: Reference, project: Project, chance: np.random.Generator, case: str, tally: Kills) -> None:
    """Kill `export --move` when it moves, or shortly before: no photo is lost, and --undo takes them back."""
    raw, target = project.folder / "data" / "raw" / "drawings", project.folder.with_name("groups")
    photos = {file.relative_to(raw): file.read_bytes() for file in raw.rglob("*") if file.is_file()}
    delay = float(chance.uniform(0, 0.02))
    export = ["-m", "stages.commands", "export", "--to", str(target)]
    journal = target / ".manyviews-moved.json"
    _kill(project, [*export, *DATASET, "--move"], delay, until=journal.exists)
    there = {file.read_bytes() for folder in (raw, target) for file in folder.rglob("*") if file.is_file()}
    fault = None if set(photos.values()) <= there else "a photo is gone"
    if journal.exists():
        done = _python(project, [*export, "--undo"])
        fault = fault or (done.stderr if done.returncode else None)
    now = {file.relative_to(raw): file.read_bytes() for file in raw.rglob("*") if file.is_file()}
    fault = fault or (None if now == photos else "the photos are not as they were")
    shutil.rmtree(target, ignore_errors=True)
    tally.add(f"{case}, {delay:.3f} s after the first was listed", fault)


def _kill(
    project: Project,
    command: Sequence[str],
    seconds: float,
    updates: int = 0,
    until: Callable[[], bool] = lambda: True,
) -> None:
    """Start a command in a process group of its own and kill the group.

    That is `seconds` after its start; or after it has said `updates` times that it updates dvc.lock; or after
    `until` is true.
    """
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=project.folder,
            env=_environment(),
            stdout=said,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while process.poll() is None and not until():
            time.sleep(0.001)
        while process.poll() is None and updates:
            time.sleep(0.005)
            said.seek(0)
            if len(re.findall("^(?:Updating|Generating) lock file", said.read(), re.MULTILINE)) >= updates:
                break
        time.sleep(seconds)
        with_group = process.poll() is None
        if with_group:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _python(project: Project, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=project.folder,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def _environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def _difference(reference: Reference, project: Project) -> str | None:
    """What of the outputs, or of dvc.lock, is not as in the reference; None if all is."""
    now = project.tables()
    for name in sorted(now.keys() | reference.outputs.keys()):
        if now.get(name) != reference.outputs.get(name):
            return f"{name} is " + ("left over" if name not in reference.outputs else "another or missing")
    return None if _stages(project) == _stages(reference.project) else "dvc.lock records something else"


AT_THE_LOCK, ANY_MOMENT = ("from the cache", True), ("from the cache", False)
CASES: tuple[tuple[str, Callable[..., None]], ...] = (
    ("dvc repro", _pipeline(*AT_THE_LOCK)),
    ("dvc repro", _pipeline("computed", None)),
    ("dvc repro", _pipeline(*AT_THE_LOCK)),
    ("stage", _script),
    ("dvc repro", _pipeline(*ANY_MOMENT)),
    ("export", _export),
    ("dvc repro", _pipeline(*AT_THE_LOCK)),
    ("dvc repro", _pipeline(*AT_THE_LOCK)),
)
