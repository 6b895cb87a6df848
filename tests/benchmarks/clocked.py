"""CPU seconds that some functions take within a run that goes on as ever."""

import functools
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Clock:
    """Adds up the CPU `seconds` of the functions that it was given."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def on(self, owner: Any, *names: str) -> None:
        """Count the calls of these functions of a module or class from now on; none of them may call another."""
        for name in names:
            setattr(owner, name, self._counting(getattr(owner, name)))

    def around(self, step: Callable[[], T]) -> tuple[T, str]:
        """Return what a step returns, and in words how much of its CPU time was outside the counted functions."""
        started = time.process_time()
        made = step()
        return made, f"{1 - self.seconds / (time.process_time() - started):.0%} of it in the network"

    def _counting(self, function: Any) -> Any:
        @functools.wraps(function)
        def counting(*given: Any, **named: Any) -> Any:
            started = time.process_time()
            try:
                return function(*given, **named)
            finally:
                self.seconds += time.process_time() - started

        return counting
