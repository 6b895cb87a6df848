"""Findings of checks, and damage that can be mended; a check that fails does not stop the others."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Literal, NamedTuple

from stages.core.errors import ManyviewsError

Level = Literal["ok", "warning", "fault"]


class Finding(NamedTuple):
    """One thing that is well ("ok"), that may surprise ("warning"), or that stops a run ("fault").

    `message` is one line: what was found and, unless it is well, what to do about it.
    """

    level: Level
    message: str


class Damage(NamedTuple):
    """One thing that is torn: in words, with what mending does to it, and the function that mends it."""

    message: str
    mending: str
    mend: Callable[[], None]


ok, warning, fault = partial(Finding, "ok"), partial(Finding, "warning"), partial(Finding, "fault")

Check = Callable[[], Iterable[Finding]]


def examine(check: Check) -> Iterator[Finding]:
    """Yield what a check finds; whatever it raises is a finding, too."""
    try:
        yield from check()
    except ManyviewsError as error:
        yield fault(str(error))
    except ModuleNotFoundError as error:
        yield fault(f"the package {error.name} is missing; run `pip install -e .`")
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        yield fault(f"{place}{error.strerror or error}; see that it is there and that you may use it")
    except Exception as error:  # a check of ours that fails must not hide what the others find
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        yield fault(f"could not be checked ({reason}); see to the other findings first")


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return the first names for a line, and the number of the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
