"""Where the time goes when images are read, decoded, put through a network and written."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Timings:
    """Seconds by activity, summed over threads.

    `decode`, `forward` and `write` are seconds of work; `wait for ...` seconds in which the loop that hands on
    the results had nothing to do. A long wait names the bottleneck.
    """

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
        """What was added so far, rounded to milliseconds, by name."""
        with self._lock:
            return {activity: round(passed, 3) for activity, passed in sorted(self._seconds.items())}
