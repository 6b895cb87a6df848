"""Checks of parameters: numbers that make sense, names that there are."""

import difflib
from collections.abc import Collection, Sequence
from numbers import Integral, Real
from typing import Any

from stages.core.errors import ParameterError


def check_n_clusters(n_clusters: Any, n_images: int) -> int:
    """Return `n_clusters`, or raise `ParameterError` unless it is a whole number from 1 to `n_images`."""
    if not isinstance(n_clusters, Integral) or not 1 <= int(n_clusters) <= n_images:
        raise ParameterError(f"n_clusters is {n_clusters!r}; give a whole number from 1 to {n_images}, the images")
    return int(n_clusters)


MOST = 1_000_000  # of starts, seeds, epochs, steps, ...: a slip of the keyboard must not make a run without end


def check_number(name: str, value: Any, least: float = 0, whole: bool = False) -> None:
    """Raise `ParameterError` unless `value` is a finite number of at least `least`.

    A `whole` one, which counts something, may be at most `MOST`.
    """
    if not _is_number(value, whole) or not least <= value < float("inf"):
        noun = "whole number" if whole else "number"
        raise ParameterError(f"{name} is {value!r}; give a {noun} of at least {least}")
    if whole and value > MOST:
        raise ParameterError(f"{name} is {value!r}; give a whole number of at most {MOST}")


def check_once(what: str, names: Sequence[str], one: str) -> None:
    """Raise `ParameterError` if a name stands twice among `names`, which the user calls `what`, each `one`."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ParameterError(f"{what} names {', '.join(twice)} twice; name every {one} once")


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Raise `ParameterError` unless `value` is one of `choices`."""
    if value not in choices:
        raise ParameterError(f"{name} is {value!r}; give one of {', '.join(choices)}")


def check_known(kind: str, name: str, known: Collection[str]) -> None:
    """Raise `ParameterError`, with the nearest names, unless `name` is among those `known` of its `kind`."""
    if name not in known:
        near = difflib.get_close_matches(name, known) or known
        raise ParameterError(f"no {kind} is called {name!r}; did you mean {' or '.join(near)}?")


def check_share(name: str, value: Any) -> None:
    """Raise `ParameterError` unless `value` is a number from 0 to below 1."""
    if not _is_number(value) or not 0 <= value < 1:
        raise ParameterError(f"{name} is {value!r}; give a share from 0 to below 1")


def check_flag(name: str, value: Any) -> None:
    """Raise `ParameterError` unless `value` is true or false."""
    if not isinstance(value, bool):
        raise ParameterError(f"{name} is {value!r}; give true or false")


def _is_number(value: Any, whole: bool = False) -> bool:
    return isinstance(value, Integral if whole else Real) and not isinstance(value, bool)
