"""The keys of a source.yaml: as fields of a dataclass, as paths, or one line on what is wrong with them."""

import difflib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from stages.core.errors import DatasetError, ManyviewsError
from stages.core.regular import check_regular

T = TypeVar("T")

_VARIABLE = re.compile(r"\$(?:(\w+)|\{([^{}]*)\}|(\$))")  # "$$" stands for one "$"


@dataclass(frozen=True)
class About:
    """The keys below `about` in a source.yaml, each of which may be left out."""

    title: str = ""  # the set's name, written out
    task: str = ""  # the kind of task it poses, such as objects, faces or scenes; the study averages over tasks
    images: int = 0  # how many the set is known to hold; 0: unknown
    classes: int = 0  # how many the set is known to hold; 0: unknown
    licence: str = ""  # on what terms the images may be used
    homepage: str = ""  # address of the publisher's page
    note: str = ""  # what a user should know, such as who gives the images away

    def surprise(self, images: int, classes: int) -> str:
        """Say in one line how the counts of a set just read differ from those known; "" if they do not.

        `images` counts the unreadable ones too.
        """
        counts = [("images", images, self.images), ("classes", classes, self.classes)]
        wrong = [f"{found} {what} instead of {known}" for what, found, known in counts if known and found != known]
        return f"{' and '.join(wrong)}: this is not the set that source.yaml describes" if wrong else ""


# How messages call a type of value, and what to do about another value.
_KINDS: dict[Any, tuple[str, str]] = {
    str: ("text", "put it in quotes"),
    int: ("a whole number", "write digits"),
    bool: ("yes or no", "write true or false"),
    Sequence[str]: ("a list of texts", "write it as [A, B], numbers in quotes"),
}


def fill(
    kind: type[T], values: Mapping[Any, Any], where: str, what: str, given: Mapping[str, Any] | None = None
) -> T:
    """Make a `kind`, a dataclass, of `values`; its fields are the keys, their annotations the types.

    The types are str, int, bool and Sequence[str], for which one text alone is enough. The values `given` are
    for fields that are not keys; those that `kind` lacks are dropped. `where` and `what` begin messages.

    Raises `DatasetError` for a missing, unknown or misspelt key and for a value of another type.
    """
    types = get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    extra = {name: value for name, value in (given or {}).items() if name in known}
    needed = [
        name
        for name, field in known.items()
        if name not in extra and field.default is MISSING and field.default_factory is MISSING
    ]
    keys = [*needed, *(name for name in known if name not in (*needed, *extra))]
    arguments = {}
    for key, value in values.items():
        if key not in keys:
            raise DatasetError(f"{where}: {what} has no key {key!r}{near(key, keys)}")
        arguments[key] = _checked(types[key], value, f"{where}: the value of {key!r}")
    if missing := [key for key in needed if key not in values]:
        raise DatasetError(f"{where}: {what} needs the key {listed(missing)}")
    try:
        return kind(**arguments, **extra)
    except ManyviewsError as error:
        raise DatasetError(f"{where}: {error}") from None


def near(word: object, known: Iterable[str]) -> str:
    """The end of a message that says what `word` may have meant."""
    close = difflib.get_close_matches(str(word), list(known), n=2)
    return f"; did you mean {listed(close)}?" if close else f"; it may be {listed(known)}"


def listed(names: Iterable[str]) -> str:
    """The names in quotes with "or" between them."""
    return " or ".join(repr(name) for name in names)


def resolve_path(text: str, folder: Path) -> Path:
    """Return the path that `text` means: `~` and `$VARIABLES` replaced, relative to the dataset's `folder`.

    "$$" is a "$". Nothing need exist there. Raises `DatasetError` for a variable that is not set and a user who is
    not known, `NotAFileError` for a pipe or a device.
    """
    for name in (plain or braced for plain, braced, dollar in _VARIABLE.findall(text) if not dollar):
        if not os.environ.get(name):
            raise DatasetError(
                f"the path {text!r} needs the environment variable {name}, which is not set; set it, or write "
                "the whole path"
            )
    try:
        return check_regular(folder / Path(_VARIABLE.sub(_value, text)).expanduser())
    except RuntimeError:
        raise DatasetError(
            f"the path {text!r} names a user who has no home folder here; write the whole path"
        ) from None


def _value(found: re.Match[str]) -> str:
    return found[3] or os.environ[found[1] or found[2]]


def _checked(type_: Any, value: Any, what: str) -> Any:
    if type_ == Sequence[str]:
        value = [value] if isinstance(value, str) else value
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
    else:
        fits = type(value) is type_  # to `isinstance`, True is an int
    if not fits:
        name, remedy = _KINDS[type_]
        raise DatasetError(f"{what} is {value!r}, not {name}; {remedy}")
    return tuple(value) if isinstance(value, list) else value
