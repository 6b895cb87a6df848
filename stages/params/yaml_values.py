"""Values of a YAML file, replaced in its text, so that its comments stay."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from stages.core.errors import ParameterError


def replace_values(text: str, wanted: Mapping[str, Any], name: str) -> str:
    """Return the text of a file of parameters with the `wanted` values, sections as mappings within it.

    The file, called `name`, has keys at the margin and, in sections, keys below them; values are scalars or lists.
    A comment behind a value stays behind the new one; those inside a list that is replaced go with it.

    Raises `ParameterError` for a key that the file does not have, for a value where it has a section, and for one
    that goes on at the margin.
    """
    lines = text.split("\n")  # no other character ends a line here, and a "\r" before it stays
    for key, value in wanted.items():
        if isinstance(value, Mapping):
            for inner, own in value.items():
                _replace(lines, [key, inner], own, name)
        else:
            _replace(lines, [key], value, name)
    return "\n".join(lines)


def _replace(lines: list[str], keys: list[str], value: Any, name: str) -> None:
    start, stop = 0, len(lines)
    for depth, key in enumerate(keys):
        start, stop = _entry(lines, start, stop, key, 2 * depth, ".".join(keys), name)
        start += depth < len(keys) - 1  # what a section holds begins on the next line
    comment = _comment("\n".join(lines[start:stop]), ".".join(keys), name)
    indent, end = " " * (2 * (len(keys) - 1)), "\r" if lines[start].endswith("\r") else ""
    dumped = yaml.safe_dump({keys[-1]: value}, sort_keys=False, allow_unicode=True, width=10_000)
    new = re.sub(r"^- ", "  - ", dumped, flags=re.MULTILINE).removesuffix("\n").split("\n")
    if len(new) == 1 or new[0].endswith(":"):
        new[0] += comment
    elif comment:
        new.insert(0, comment.strip())  # behind a text of several lines there is no room for it
    new = [indent + line + end for line in new]
    # Blank lines and comments after the last item belong to what follows.
    while stop > start + 1 and (not lines[stop - 1].strip() or lines[stop - 1].strip().startswith("#")):
        stop -= 1
    lines[start:stop] = new


def _comment(entry: str, full: str, name: str) -> str:
    """The comment behind the value in an `entry`, with the space before it; empty where there is none.

    Raises `ParameterError` where the entry is a section or its value goes on at the margin.
    """
    try:
        events = list(yaml.parse(entry))
    except yaml.YAMLError:
        raise ParameterError(f"{full} in {name} goes on at the margin; indent all lines of its value") from None
    # The events: starts of stream, document and mapping, the key, those of the value, and the three ends.
    value, last = events[4], events[-4]
    if isinstance(value, yaml.MappingStartEvent) and not value.flow_style:
        raise ParameterError(f"{full} is a section of {name}; give values for the keys in it")
    start, end = value.start_mark.index, last.end_mark.index  # type: ignore[union-attr]  # a parsed text has marks
    if "\n" in entry[:start]:  # the value begins below its key
        end = entry.index(":") + 1
    if entry[end - 1] == "\n":  # a text in the form of a block
        return ""
    behind = entry[end:].split("\n")[0].rstrip("\r")
    return behind if re.match(r"\s+#", behind) else ""


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
