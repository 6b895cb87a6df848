"""Where a path in a source.yaml leads."""

import os
import re
from pathlib import Path

from stages.core.errors import DatasetError

_VARIABLE = re.compile(r"\$(?:(\w+)|\{([^{}]*)\})")


def resolve_path(text: str, folder: Path) -> Path:
    """Return the path that `text` means: `~` and `$VARIABLES` replaced, relative to the dataset's `folder`.

    Nothing need exist there. Raises `DatasetError` for a variable that is not set and a user who is not known.
    """
    for name in (plain or braced for plain, braced in _VARIABLE.findall(text)):
        if not os.environ.get(name):
            raise DatasetError(
                f"the path {text!r} needs the environment variable {name}, which is not set; set it, or write "
                "the whole path"
            )
    try:
        return folder / Path(_VARIABLE.sub(_value, text)).expanduser()
    except RuntimeError:
        raise DatasetError(f"the path {text!r} names a user who has no home here; write the whole path") from None


def _value(found: re.Match[str]) -> str:
    return os.environ[found[1] or found[2]]
