"""How large a picture may be, and the memory that all threads that decode share."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from stages.core.errors import DatasetError, ParameterError
from stages.core.memory import MemoryBudget

T = TypeVar("T")

MAX_PIXELS = 1 << 28  # above the 200 megapixels of phones. A file of a few kB can claim far more
MAX_MEMORY = 2.0  # GiB that all threads together may decode in
WHOLE_PIXELS = 89_478_485  # a larger picture is decoded at half its size, a quarter or an eighth
_BUDGET = MemoryBudget()
_UNCOUNTED: AbstractContextManager[Callable[[Any], Any]] = nullcontext(lambda made: made)


class UnreadableImageError(DatasetError, ValueError):
    """A file is not an image that can be decoded. The message is a short reason on one line."""


def check_size(width: int, height: int) -> None:
    """Raise `UnreadableImageError` for a picture without pixels, or with too many."""
    limit = int(_number("MANYVIEWS_MAX_PIXELS", MAX_PIXELS))
    if width * height > limit:
        raise UnreadableImageError(f"more than {limit} pixels; set MANYVIEWS_MAX_PIXELS to allow more")
    if width * height <= 0:
        raise UnreadableImageError("it has no pixels")


def reduction(width: int, height: int) -> int:
    """By how much the sides of a picture are divided, so that at most `WHOLE_PIXELS` are left: 1, 2, 4, 8, ..."""
    factor = 1
    while -(-width // factor) * -(-height // factor) > WHOLE_PIXELS:
        factor *= 2
    return factor


def memory(needed: int) -> AbstractContextManager[Callable[[T], T]]:
    """Wait until `needed` bytes of those that all threads share are left; see `MemoryBudget.taking`.

    Small pictures do not count: dozens of threads have room for one beside the others. Raises
    `UnreadableImageError` if it is more than all.
    """
    limit = int(_number("MANYVIEWS_DECODE_GIB", MAX_MEMORY) * 2**30)
    if needed > limit:
        raise UnreadableImageError(
            f"decoding it takes {needed / 2**30:.1f} GiB of memory, and {limit / 2**30:.1f} GiB are allowed; set "
            "MANYVIEWS_DECODE_GIB to allow more"
        )
    return _BUDGET.taking(needed, limit) if needed > limit >> 8 else _UNCOUNTED


def _number(variable: str, default: float) -> float:
    if not (text := os.environ.get(variable)):
        return default
    try:
        value = float(text)
        if not 0 < value < 1e15:
            raise ValueError
    except ValueError:
        raise ParameterError(f"the environment variable {variable} is {text!r}; give a number above 0") from None
    return value
