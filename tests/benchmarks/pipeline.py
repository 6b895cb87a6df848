"""The default pipeline from nothing, stage by stage: `python -m tests.benchmarks pipeline-flowers`.

A clone of what is committed runs twice: first without compiled kernels, then with those that the first run left.
Weights and photos are in the user's cache folder before the first run counts. Processes share the cores with
whatever else the machine does: wall seconds mean something on an idle one alone, CPU seconds nearly always.
"""

import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.processes import ROOT

# Stands before this Python in PATH while DVC runs: notes what each process of a stage took.
_PYTHON = """#!{python} -IS
import json, os, sys, time
started = time.time()
process = os.posix_spawn({python!r}, [{python!r}, *sys.argv[1:]], os.environ)
_, status, usage = os.wait4(process, 0)
facts = [" ".join(sys.argv[2:]), usage.ru_utime + usage.ru_stime, time.time() - started, usage.ru_maxrss / 1024]
with open({log!r}, "a") as log:
    log.write(json.dumps(facts) + "\\n")
sys.exit(os.waitstatus_to_exitcode(status))
"""
_SUBREAPER = 36  # of Linux' prctl.h: processes whose parents have ended become those of this one
_WITHOUT, _WITH = "kernels absent", "kernels there"


@dataclass(frozen=True)
class Used:
    """What one process or several took: CPU seconds, wall seconds, and at most so many MiB of memory."""

    cpu: float
    wall: float
    memory: float


@dataclass(frozen=True)
class Pipeline:
    """The pipeline of this clone's params.yaml, run from nothing; `run` prints a table and a line of JSON."""

    name: str
    title: str

    def run(self, runs: int) -> None:
        """Run it without kernels and with them, in turn; the median of the `runs` by wall seconds is printed."""
        print(f"{self.name}: {self.title}", flush=True)
        if sys.platform == "linux":  # so that the process that compiles kernels is counted
            ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
        found = defaultdict(list)
        for _ in range(runs):
            with tempfile.TemporaryDirectory(prefix="manyviews-benchmark-") as place:
                folder = Path(place)
                subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder / "clone")], check=True)
                for title in (_WITHOUT, _WITH):
                    found[title].append(_run(folder))
        sides = {
            title: sorted(each, key=lambda used: used["all"].wall)[runs // 2] for title, each in found.items()
        }
        print(f"{'CPU seconds, wall seconds, peak MiB':58}" + "".join(f"{title:>24}" for title in sides))
        for stage in sides[_WITHOUT]:
            cells = (used.get(stage, Used(0, 0, 0)) for used in sides.values())
            print(f"{stage:58}" + "".join(f"{one.cpu:9.2f}{one.wall:8.2f}{one.memory:7.0f}" for one in cells))
        whole = {title: used["all"] for title, used in sides.items()}
        summary = {title: [round(used.cpu, 1), round(used.wall, 1)] for title, used in whole.items()}
        memory = {title: round(used.memory) for title, used in whole.items()}
        print(json.dumps({"name": self.name, "unit": "CPU s, wall s", **summary, "memory_mib": memory}))


def _run(folder: Path) -> dict[str, Used]:
    """Run the pipeline in `folder`/clone, of which what an earlier run left is removed; by stage, DVC, and all."""
    clone, log, python = folder / "clone", folder / "log", folder / "bin" / "python"
    subprocess.run(["git", "clean", "-fdxq"], cwd=clone, check=True)
    shutil.rmtree(clone / ".dvc" / "cache", ignore_errors=True)
    python.parent.mkdir(exist_ok=True)
    python.write_text(_PYTHON.format(python=sys.executable, log=str(log)))
    python.chmod(0o755)
    log.unlink(missing_ok=True)
    environment = os.environ | {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(clone),
        "NUMBA_CACHE_DIR": str(folder / "kernels"),
        "DVC_NO_ANALYTICS": "1",
    }
    started = time.time()
    process = subprocess.Popen([sys.executable, "-m", "dvc", "repro", "--quiet"], cwd=clone, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.time() - started
    if process.returncode:
        raise RuntimeError(f"the pipeline ended with status {process.returncode}")
    used = {stage: Used(cpu, wall, memory) for stage, cpu, wall, memory in map(json.loads, log.open())}
    cpu = usage.ru_utime + usage.ru_stime
    itself = Used(cpu - sum(one.cpu for one in used.values()), wall - sum(one.wall for one in used.values()), 0)
    late = 0.0  # what the process that compiles kernels beside the stages took
    with suppress(ChildProcessError):
        while True:
            _, _, usage = os.wait4(-1, 0)
            late += usage.ru_utime + usage.ru_stime
    used |= {"DVC itself": itself, "kernels compiled beside the stages": Used(late, 0, 0)}
    return used | {"all": Used(cpu + late, wall, max(one.memory for one in used.values()))}


COMPARISONS = (Pipeline("pipeline-flowers", "`dvc repro` from nothing, without compiled kernels and with them"),)
