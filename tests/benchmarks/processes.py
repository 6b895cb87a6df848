"""Runs a side as a process of its own and reads its peak memory."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Finished(NamedTuple):
    """What came of a process: its output, its seconds, the peak resident memory in MiB."""

    output: str
    seconds: float
    memory: float


def run_module(module: str, *options: str, folder: Path, **environment: str) -> Finished:
    """Run `python -m module options` in `folder`; raise with its output when it fails."""
    command = [sys.executable, "-m", module, *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    started = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{output}")
    return Finished(output, time.perf_counter() - started, usage.ru_maxrss / 1024)
