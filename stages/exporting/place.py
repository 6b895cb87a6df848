"""Where an export may go."""

import os
from collections.abc import Mapping
from pathlib import Path

from stages.core.errors import ParameterError
from stages.exporting.names import LONGEST
from stages.exporting.target import OLD


def resolve_target(to: Path) -> Path:
    """Return the whole path that the option --to means, `~` and links followed; nothing need exist there.

    Raises `ParameterError` for a path that leads nowhere and for names that are too long.
    """
    try:
        target = to.expanduser().resolve()
        _check_lengths(target)
        # Newer versions of Python stop at a circle of links without a word.
        circle = any(place.is_symlink() for place in (target, *target.parents))
    except RuntimeError as error:
        circle = "loop" in str(error)
        if not circle:
            raise ParameterError(f"--to {to} names a user who has no home here; write the whole path") from None
    except OSError as error:
        raise ParameterError(f"--to {to} cannot be used ({error.strerror}); name another folder") from None
    if circle:
        raise ParameterError(f"--to {to} follows links that lead in a circle; name another folder")
    return target


def check_outside(target: Path, folders: Mapping[Path, str]) -> None:
    """Raise `ParameterError` if the whole path `target` is one of the `folders` or below.

    `folders` maps each to the end of a sentence, what is there: "the pipeline's own code is".
    """
    for folder, what in folders.items():
        if target.is_relative_to(folder.resolve()):
            raise ParameterError(f"{target} lies in {folder}, where {what}; name a folder outside")


def _check_lengths(target: Path) -> None:
    *above, last = target.parts
    for name, room in (*((name, LONGEST) for name in above), (last, LONGEST - len(OLD))):
        if (length := len(os.fsencode(name))) > room:
            raise ParameterError(
                f"--to has a name that is too long, {name[:20]!r}... of {length} bytes; give one of at most {room}"
            )
