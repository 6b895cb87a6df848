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

    Where that cannot be written, it warns: the work is done.
    """
    versions = {package: importlib.metadata.version(package) for package in _PACKAGES}
    content = {"python": platform.python_version(), "versions": versions, **facts}
    file = FOLDER / f"{name}.json"
    try:
        write_text(file, json.dumps(content, indent=2) + "\n")
    except OSError as error:
        warn(f"{file} could not be written ({error.strerror or error}); nothing else is missing")


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
