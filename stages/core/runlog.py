"""The cost of a run and what it ran on. They differ from run to run, so they never enter a cached output."""

import importlib.metadata
import json
import platform
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages.core.atomic import write_text
from stages.core.command import warn

FOLDER = Path("logs")  # beside dvc.yaml; not in git, not tracked by DVC
_PACKAGES = ("numpy", "pillow", "scikit-learn", "timm", "torch", "torchvision")


def write_runlog(name: str, **facts: Any) -> None:
    """Write `facts` (seconds, device, ...) and the versions at work to logs/<name>.json, replacing the last.

    `cpu_seconds` and `peak_memory_mib` are those of this process until now; processes that it started count, too,
    with the largest of their peaks. Where nothing can be written, it warns: the work is done.
    """
    versions = {package: importlib.metadata.version(package) for package in _PACKAGES}
    content = {"python": platform.python_version(), "versions": versions, **facts, **_usage()}
    write_beside_logs(f"{name}.json", json.dumps(content, indent=2) + "\n")


def write_beside_logs(name: str, text: str) -> None:
    """Write a text to logs/<name>, or warn that it cannot be written."""
    file = FOLDER / name
    try:
        write_text(file, text)
    except OSError as error:
        warn(f"{file} could not be written ({error.strerror or error}); nothing else is missing")


def _usage() -> dict[str, float]:
    """What this process and those that it waited for have used; nothing where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return {}
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    unit = 1 if platform.system() == "Darwin" else 1024  # bytes in one of ru_maxrss
    return {
        "cpu_seconds": round(sum(one.ru_utime + one.ru_stime for one in used), 3),
        "peak_memory_mib": round(max(one.ru_maxrss for one in used) * unit / 2**20, 1),
    }


class Timings:
    """Seconds by activity, summed over threads."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    @contextmanager
    def measure(self, activity: str) -> Iterator[None]:
        """Add the time spent in the block to `activity`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            passed = time.perf_counter() - started
            with self._lock:
                self._seconds[activity] += passed

    def seconds(self) -> dict[str, float]:
        """The seconds added so far, rounded to milliseconds, by activity."""
        with self._lock:
            return {activity: round(passed, 3) for activity, passed in sorted(self._seconds.items())}
