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
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tests.campaign.finished import DATASET, SCRIPTS, finished_project
from tests.campaign.tally import Tally
from tests.pipeline.project import Project
from tests.pipeline.stagenames import LISTING

# What DVC says where it cannot go on by itself; docs/reliability.md quotes it.
OF_DVC = ("dvc.lock' validation failed", "dvc.lock' is invalid", "Unable to read RWLock-file", "not 'NoneType'")
COPY_OF_DVC = re.compile(
    r"/\.[\w-]{22}\.tmp$"
)  # one that it was making stays for `manyviews repair`; .dvcignore has it
REPRO = ["-m", "dvc", "repro"]
REPAIR = ["-m", "stages.commands", "repair"]
EXPERIMENT = ["-m", "dvc", "exp", "run", "-S", "report.seed=1"]
REWRITING = 0.7  # seconds that DVC takes to write dvc.lock after a stage
IN_A_STAGE = 6.0  # seconds that a stage of this setting and DVC's work after it take, about


@dataclass
class Kills(Tally):
    """Counts, too, the runs that went on only after `manyviews repair`."""

    repaired: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{super().__str__()}, {len(self.repaired)} of them after `manyviews repair`"


@dataclass
class Reference:
    """A finished project, the bytes of its outputs, and the seconds of three runs.

    One computes the outputs, one restores them from the run cache, one is an experiment.
    """

    project: Project
    outputs: dict[str, bytes]
    computed: float
    restored: float
    tried: float


def run(count: int, seed: int) -> Tally:
    """Kill `count` runs.

    Of sixteen, twelve are of `dvc repro`, two of a stage's script, one of `dvc exp run`, one of `export --move`.
    """
    tally = Kills("kills", "identical in the end")
    with tempfile.TemporaryDirectory(prefix="kills-") as place:
        reference = _reference(Path(place))
        for case in range(count):
            chance = np.random.default_rng([seed, case])
            folder = Path(place) / "case"
            CASES[case % len(CASES)](reference, reference.project.copy(folder), chance, f"case {case}", tally)
            shutil.rmtree(folder)
    return tally


def _reference(place: Path) -> Reference:
    started = time.monotonic()
    project = finished_project(place)
    computed = time.monotonic() - started
    copy = project.copy(place / "timed")
    _forget_outputs(copy)
    started = time.monotonic()
    copy.repro()
    restored = time.monotonic() - started
    assert copy.tables() == project.tables()
    started = time.monotonic()
    _python(copy, EXPERIMENT).check_returncode()
    tried = time.monotonic() - started
    return Reference(project, project.tables(), computed, restored, tried)


def _at_the_lock(
    reference: Reference, project: Project, chance: np.random.Generator, case: str, tally: Kills
) -> None:
    """All comes from the run cache; kill while dvc.lock is written, or shortly after."""
    _forget_outputs(project)
    update = int(chance.integers(1, len(_stages(reference.project)) + 1))
    seconds = float(chance.uniform(0, REWRITING))
    _kill(project, REPRO, seconds, said="(Updating|Generating) lock file", times=update)
    _go_on(reference, project, f"{case}, {seconds:.3f} s after update {update} of dvc.lock", tally, set())


def _restoring(
    reference: Reference, project: Project, chance: np.random.Generator, case: str, tally: Kills
) -> None:
    """All comes from the run cache; kill at any moment."""
    _forget_outputs(project)
    seconds = float(chance.uniform(0, reference.restored))
    _kill(project, REPRO, seconds)
    _go_on(reference, project, f"{case}, {seconds:.3f} s after its start, from the run cache", tally, set())


def _in_a_stage(
    reference: Reference, project: Project, chance: np.random.Generator, case: str, tally: Kills
) -> None:
    """One stage is computed, the others come from the run cache; kill in that stage, or shortly after."""
    stages = _stages(project)
    name = sorted(stages.keys() - LISTING)[int(chance.integers(len(stages) - len(LISTING)))]
    runs = project.folder / ".dvc" / "cache" / "runs"
    for entry in [file for file in runs.glob("*/*/*") if _content(file)["cmd"] == stages[name]["cmd"]]:
        shutil.rmtree(entry.parent)
    _forget_outputs(project)
    seconds = float(chance.uniform(0, IN_A_STAGE))
    _kill(project, REPRO, seconds, said=f"Running stage '{name}'")
    _go_on(reference, project, f"{case}, {seconds:.3f} s after the start of {name}", tally, {name})


def _computing(
    reference: Reference, project: Project, chance: np.random.Generator, case: str, tally: Kills
) -> None:
    """Everything is computed; kill at any moment."""
    _forget_outputs(project)
    shutil.rmtree(project.folder / ".dvc" / "cache")
    seconds = float(chance.uniform(0, reference.computed))
    _kill(project, REPRO, seconds)
    _go_on(reference, project, f"{case}, {seconds:.3f} s after its start", tally, None)


def _experiment(
    reference: Reference, project: Project, chance: np.random.Generator, case: str, tally: Kills
) -> None:
    """Kill an experiment with another seed of the maps at any moment.

    It has begun to change git and params.yaml; after `manyviews repair`, git has both as they were.
    """
    seconds = float(chance.uniform(0, reference.tried))
    case = f"{case}, {seconds:.3f} s after the start of an experiment"
    _kill(project, EXPERIMENT, seconds)
    repair = _python(project, REPAIR)
    if repair.returncode or not project.git("branch", "--show-current"):
        tally.add(case, f"repair: {repair.stdout}{repair.stderr}")
        return
    if not repair.stdout.startswith("nothing is torn"):
        tally.repaired.append(case)
        print(f"{case}: {repair.stdout.splitlines()[0]}", flush=True)
    project.git("checkout", "-q", "params.yaml")
    _go_on(reference, project, case, tally, set())


def _forget_outputs(project: Project) -> None:
    """Remove all outputs, dvc.lock and what a run keeps for the next; DVC's cache stays."""
    for file in project.tables():
        (project.folder / file).unlink()
    (project.folder / "dvc.lock").unlink()
    shutil.rmtree(project.folder / "data" / "scratch", ignore_errors=True)
    shutil.rmtree(project.folder / ".dvc" / "tmp")


def _go_on(
    reference: Reference, project: Project, case: str, tally: Kills, may_run: AbstractSet[str] | None
) -> None:
    """Run `dvc repro`, and where DVC itself cannot, `manyviews repair` before; compare all that it gives.

    `may_run` are the stages that may be computed, besides those that only list; None for any.
    """
    done = project.dvc("repro")
    reason = ""
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if _is_of_dvc(line)), "")
        if not reason:
            tally.add(case, f"`dvc repro` failed: {' '.join(done.stderr.split())[-300:]}")
            return
        repair = _python(project, REPAIR)
        done = project.dvc("repro")
        if repair.returncode or done.returncode:
            tally.add(case, f"{reason}; repair: {repair.stdout}{repair.stderr}; then {done.stderr[-300:]}")
            return
    ran = set(re.findall(r"^Running stage '(.+)':$", done.stdout, re.MULTILINE)) - LISTING
    fault = _difference(reference, project)
    if may_run is not None and not ran <= may_run:
        fault = fault or f"computed again: {sorted(ran - may_run)}"
    tally.add(case, fault)
    if reason and not fault:
        tally.repaired.append(case)
        print(f"{case}: went on after `manyviews repair`; DVC said: {reason}", flush=True)


def _is_of_dvc(line: str) -> bool:
    return any(words in line for words in OF_DVC)


def _stages(project: Project) -> dict[str, Any]:
    stages: dict[str, Any] = _content(project.folder / "dvc.lock")["stages"]
    return stages


def _content(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def _script(reference: Reference, project: Project, chance: np.random.Generator, case: str, tally: Kills) -> None:
    """Kill a stage's script at any moment: whatever it wrote is whole, and the next run leaves nothing else."""
    script = list(SCRIPTS)[int(chance.integers(len(SCRIPTS)))]
    command = ["-m", *SCRIPTS[script]]
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
    said: str = "",
    times: int = 1,
    until: Callable[[], bool] = lambda: True,
) -> None:
    """Start a command in a process group of its own and kill the group, unless it ends before.

    That is `seconds` after it has printed `times` lines that begin like the pattern `said`, and `until` is true.
    """
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=project.folder,
            env=_environment(),
            stdout=out,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while process.poll() is None:
            out.seek(0)
            if (not said or len(re.findall(f"^{said}", out.read(), re.MULTILINE)) >= times) and until():
                time.sleep(seconds)
                break
            time.sleep(0.002)
        if process.poll() is None:
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
    """An output that is not as in the reference, or dvc.lock; None if all are."""
    now = {name: content for name, content in project.tables().items() if not COPY_OF_DVC.search(name)}
    for name in sorted(now.keys() | reference.outputs.keys()):
        if now.get(name) != reference.outputs.get(name):
            return f"{name} is " + ("left over" if name not in reference.outputs else "another or missing")
    ours, theirs = _stages(project), _stages(reference.project)
    changed = [name for name in sorted(ours.keys() | theirs.keys()) if ours.get(name) != theirs.get(name)]
    return f"dvc.lock records something else of {', '.join(changed)}" if changed else None


_SIX = (_at_the_lock, _in_a_stage, _at_the_lock, _script, _in_a_stage, _at_the_lock)
CASES: tuple[Callable[[Reference, Project, np.random.Generator, str, Kills], None], ...] = (
    *(*_SIX, _export, _at_the_lock),
    *(*_SIX[:-1], _experiment, _restoring, _computing),
)
