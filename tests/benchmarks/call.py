"""Runs one side of a comparison in a process of its own, and counts its CPU seconds.

`python -m tests.benchmarks.call MODULE FUNCTION FOLDER` calls a generator function with the folder. Up to its
first `yield` it loads and warms up; what it does up to the second one is measured; the second yields notes to
print.
"""

import importlib
import sys
import time
from pathlib import Path

from tests.benchmarks.comparison import Measured, Side
from tests.benchmarks.processes import run_module


def cpu_side(module: str, function: str, folder: Path) -> Side:
    """A side that counts the CPU seconds of all threads of `function`, and the peak memory of its process."""

    def measure() -> Measured:
        done = run_module("tests.benchmarks.call", module, function, str(folder), folder=folder)
        seconds, notes = done.output.strip().splitlines()[-1].split(maxsplit=1)
        return Measured(float(seconds), done.memory, f"{done.seconds:.1f} s in all; {notes}")

    return measure


def main(module: str, function: str, folder: Path) -> None:
    """Run the side and print its CPU seconds and its notes as the last line."""
    side = getattr(importlib.import_module(module), function)(folder)
    next(side)
    started = time.process_time()
    notes = next(side)
    print(f"{time.process_time() - started:.4f} {notes}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
