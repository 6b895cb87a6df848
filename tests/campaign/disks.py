"""Stages on full disks, or where files may not grow: one line, nothing half-written, and the next run ends well.

Half of the cases are on a small disk in memory, where this process may mount one; the others have a limit on the
size of files, which gives the same kind of error.
"""

import compileall
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tests.campaign.finished import DATASET, SCRIPTS, finished_project
from tests.campaign.tally import Tally
from tests.pipeline.project import Project

PAGE = 4096  # bytes by which a disk in memory grows
LEAST = 64  # joblib warns of a semaphore that does not fit into 32 bytes
ROOM = (" cannot be written: ", "; make room, or take --link")
COMMANDS = {
    "export": ["stages.commands", "export", *DATASET, "--to", "groups"],
    "cut": ["stages.commands", "cut", "4", *DATASET],
}


def run(count: int, seed: int) -> Tally:
    """Run each script in turn, `count` runs in all, with a drawn number of bytes that can be written."""
    tally = Tally("disks", "ended in one line or well, and well the next time")
    scripts = [*SCRIPTS.items(), *COMMANDS.items()]
    with tempfile.TemporaryDirectory(prefix="disks-") as place:
        reference = finished_project(Path(place))
        # Else Python itself would keep half of a module's bytecode, which no later run can read.
        compileall.compile_dir(reference.folder / "stages", quiet=1)
        outputs = reference.tables()
        largest = max(map(len, outputs.values()))
        mounting = _may_mount(Path(place))
        for case in range(count):
            chance = np.random.default_rng([seed, case])
            name, command = scripts[case % len(scripts)]
            room = int(np.exp(chance.uniform(np.log(LEAST), np.log(2 * largest))))
            with _disk(Path(place) / "case", reference, room, mounting and case % 2 == 0) as disk:
                tally.add(f"case {case}, {name}, {room:,} bytes on {disk.kind}", disk.fault(command, outputs))
    return tally


class _Disk:
    """A copy of the project on a disk that has no more than `room` bytes, or files of no more than that."""

    def __init__(self, project: Project, room: int, filler: Path | None) -> None:
        self.project, self.room, self.filler = project, room, filler
        self.kind = "a full disk" if filler else "a disk of small files"

    def fault(self, command: list[str], outputs: dict[str, bytes]) -> str | None:
        """The fault of a run of the command, or of the next one, which has room; None if both are well."""
        done = self._run(command, None if self.filler else self.room)
        errors = [line for line in done.stderr.splitlines() if not line.startswith(("warning: ", "fetching "))]
        if done.returncode and (len(errors) != 1 or not any(words in errors[0] for words in ROOM)):
            return f"status {done.returncode}, {done.stderr[-400:]!r}"
        for name, content in self.project.tables().items():
            if ".partial-" in name or outputs.get(name, content) != content:
                return f"{name} is half-written after {errors}"
        if self.filler:
            self.filler.unlink(missing_ok=True)
        done = self._run(command, None)
        if done.returncode:
            return f"the next run: status {done.returncode}, {done.stderr[-400:]!r}"
        now = self.project.tables()
        return next((f"{name} is another" for name in outputs if now.get(name) != outputs[name]), None)

    def _run(self, command: list[str], limit: int | None) -> subprocess.CompletedProcess[str]:
        def restrict() -> None:
            if limit is not None:  # Python takes the signal that comes with it for an error
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        folder = self.project.folder
        shutil.rmtree(folder / "groups", ignore_errors=True)
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=restrict,
        )


@contextmanager
def _disk(folder: Path, reference: Project, room: int, mounted: bool) -> Iterator[_Disk]:
    folder.mkdir()
    if mounted:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", str(folder)], check=True)
    try:
        ignored = shutil.ignore_patterns(".git", "cache")  # of git and DVC a stage knows nothing
        shutil.copytree(reference.folder, folder / "project", ignore=ignored)
        filler = folder / "filler" if mounted else None
        if filler:
            free = shutil.disk_usage(folder).free
            with filler.open("wb") as stream:
                stream.write(bytes(max(0, free - room // PAGE * PAGE)))
        yield _Disk(Project.at(folder / "project"), room, filler)
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)
        shutil.rmtree(folder)


def _may_mount(place: Path) -> bool:
    folder = place / "mounted"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return False
    except OSError:  # no such program
        return False
    subprocess.run(["umount", str(folder)], check=True)
    return True
