"""Turns the keys of a source.yaml into the fields of a dataclass, or says in one line what is wrong with them."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, NamedTuple, TypeVar, get_type_hints

from stages.core.errors import DatasetError, ManyviewsError

T = TypeVar("T")


class _Kind(NamedTuple):
    """A type of value: how messages call it, and what to do about another value."""

    name: str
    remedy: str
    fits: Callable[[Any], bool]


_KINDS: dict[Any, _Kind] = {
    str: _Kind("text", "put it in quotes", lambda value: isinstance(value, str)),
    # To Python, True is an int.
    int: _Kind(
        "a whole number", "write digits", lambda value: isinstance(value, int) and not isinstance(value, bool)
    ),
    bool: _Kind("yes or no", "write true or false", lambda value: isinstance(value, bool)),
    Sequence[str]: _Kind(
        "a list of texts",
        "write it as [A, B], numbers in quotes",
        lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
    ),
}


def fill(
    kind: type[T], values: Mapping[Any, Any], where: str, what: str, given: Mapping[str, Any] | None = None
) -> T:
    """Make a `kind`, a dataclass, of `values`; its fields are the keys, their annotations the types.

    The types are str, int, bool and Sequence[str], for which one text alone will do. The values `given` are
    for fields of theirs that are no keys; those that `kind` lacks are dropped. `where` and `what` begin messages.

    Raises `DatasetError` for a missing, unknown or misspelt key and for a value of another type.
    """
    types = get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    extra = {name: value for name, value in (given or {}).items() if name in known}
    keys = [name for name in known if name not in extra]
    arguments = {}
    for key, value in values.items():
        if key not in keys:
            raise DatasetError(f"{where}: {what} has no key {key!r}{near(key, keys)}")
        arguments[key] = _checked(types[key], value, f"{where}: the value of {key!r}")
    needed = [key for key in keys if known[key].default is MISSING and known[key].default_factory is MISSING]
    if missing := [key for key in needed if key not in values]:
        raise DatasetError(f"{where}: {what} needs the key {listed(missing)}")
    try:
        return kind(**arguments, **extra)
    except ManyviewsError as error:
        raise DatasetError(f"{where}: {error}") from None


def near(word: object, known: Iterable[str]) -> str:
    """What may have been meant by `word`: the end of a message."""
    close = difflib.get_close_matches(str(word), list(known), n=2)
    return f"; did you mean {listed(close)}?" if close else f"; it may be {listed(known)}"


def listed(names: Iterable[str]) -> str:
    """The names in quotes with "or" between them."""
    return " or ".join(repr(name) for name in names)


def _checked(type_: Any, value: Any, what: str) -> Any:
    kind = _KINDS[type_]
    if type_ == Sequence[str] and isinstance(value, str):
        return (value,)
    if not kind.fits(value):
        raise DatasetError(f"{what} is {value!r}, not {kind.name}; {kind.remedy}")
    return tuple(value) if isinstance(value, list) else value
