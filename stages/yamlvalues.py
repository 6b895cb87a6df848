"""Values of a YAML file, replaced in its text, so that its comments stay."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from stages.errors import ParameterError


def replace_values(text: str, wanted: Mapping[str, Any], name: str) -> str:
    """Return the text of a file of parameters with the `wanted` values, sections as mappings within it.

    The file, called `name`, has keys at the margin and, in sections, keys below them; values are scalars or lists.
    Raises `ParameterError` for a key that the file does not have, and for a value where it has a section.
    """
    lines = text.splitlines()
    for key, value in wanted.items():
        if isinstance(value, Mapping):
            for inner, own in value.items():
                _replace(lines, [key, inner], own, name)
        else:
            _replace(lines, [key], value, name)
    return "\n".join(lines) + "\n"


def _replace(lines: list[str], keys: list[str], value: Any, name: str) -> None:
    start, stop = 0, len(lines)
    for depth, key in enumerate(keys):
        start, stop = _entry(lines, start, stop, key, 2 * depth, ".".join(keys), name)
        start += depth < len(keys) - 1  # what a section holds begins on the next line
    inside = [line for line in lines[start + 1 : stop] if line.strip() and not line.strip().startswith("#")]
    if inside and not inside[0].strip().startswith("-"):
        raise ParameterError(f"{'.'.join(keys)} is a section of {name}; give values for the keys in it")
    indent = " " * (2 * (len(keys) - 1))
    dumped = yaml.safe_dump({keys[-1]: value}, sort_keys=False, allow_unicode=True, width=10_000)
    new = [indent + line for line in re.sub(r"^- ", "  - ", dumped, flags=re.MULTILINE).splitlines()]
    # Blank lines and comments after the last item belong to what follows.
    while stop > start + 1 and (not lines[stop - 1].strip() or lines[stop - 1].strip().startswith("#")):
        stop -= 1
    lines[start:stop] = new


def _entry(
    lines: list[str], start: int, stop: int, key: str, indent: int, full: str, name: str
) -> tuple[int, int]:
    """The lines, from and up to, that a key with its value takes among the lines `start` to `stop`."""
    margin = " " * indent
    for place in range(start, stop):
        if lines[place].startswith(f"{margin}{key}:"):
            for end in range(place + 1, stop):
                line = lines[end]
                deeper = line.startswith(margin + " ") or line.startswith(f"{margin}- ")
                if line.strip() and not line.strip().startswith("#") and not deeper:
                    return place, end
            return place, stop
    raise ParameterError(f"{name} has no parameter {full}; correct its name in the preset")
