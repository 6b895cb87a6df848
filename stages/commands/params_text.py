"""The text of params.yaml, changed at the places of some values; all else, comments too, stays as it is.

ruamel.yaml reads the file as DVC does (YAML 1.2) and says where each value stands; only these places of the text
change. Written by a library, be it ruamel.yaml or DVC's composition by Hydra, the rest would not stay as it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

import yaml as yaml_1_1
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, SequenceNode

from stages.core.errors import ParameterError

Edit = tuple[int, int, str]  # from, up to, and the text that takes its place


def lay_over(text: str, wanted: Mapping[str, Any], name: str) -> str:
    """Return the text of a file of parameters, called `name`, with the `wanted` values, sections being mappings.

    Raises `ParameterError` for a parameter or section that the file does not have, and for a value where it has a
    section.
    """
    yaml = params_yaml()
    expected, entries, edits = dict(yaml.load(text)), _entries(yaml.compose(text)), []
    for key, value in wanted.items():
        if key not in entries:
            raise ParameterError(f"{name} has no parameter {key}; correct its name in the preset")
        own, node = entries[key]
        if not isinstance(node, MappingNode):
            edits.append(_replaced(text, own, node, value))
        elif not isinstance(value, Mapping):
            raise ParameterError(f"{key} is a section of {name}; give values for the keys in it")
        elif node.flow_style:
            edits.append(_replaced(text, own, node, {**expected[key], **value}))
        else:
            edits += _within_section(text, node, value)
        section = expected[key] if isinstance(expected[key], dict) else {}
        expected[key] = {**section, **value} if isinstance(value, Mapping) else value
    return _edited(text, edits, expected, f"{name} is laid out in a way that no preset can be laid over")


def _within_section(text: str, section: MappingNode, wanted: Mapping[str, Any]) -> Iterator[Edit]:
    """The edits that set the wanted keys of a section, those that it does not have yet at its end."""
    entries, margin = _entries(section), "\n" + " " * section.value[0][0].start_mark.column
    added = ""
    for key, value in wanted.items():
        if key in entries:
            yield _replaced(text, *entries[key], value)
        else:
            added += margin + dumped({key: value}).replace("\n", margin)
    end = _end(text, section)
    yield end, end, added


def _replaced(text: str, key: Node, node: Node, value: Any) -> Edit:
    """The edit that gives a key another value; a comment on the line of the key stays there."""
    start, begin, end = key.end_mark.index, node.start_mark.index, _end(text, node)
    if begin == node.end_mark.index:  # no value, which YAML places before the next key
        begin = end = start + 1
    line = text[start + 1 :].split("\n")[0].rstrip("\r")
    behind = line if begin > start + 1 + len(line) else ""
    first, *rest = dumped({"": value}).removeprefix("''").split("\n")
    margin = "\n" + " " * key.start_mark.column
    return start, end, margin.join([first + behind, *rest])


def _entries(mapping: MappingNode) -> dict[str, tuple[Node, Node]]:
    return {key.value: (key, value) for key, value in mapping.value}


def _end(text: str, node: Node) -> int:
    """Where the text of a value ends. For YAML a list goes on to the next key, also over its comments."""
    text = text[: node.end_mark.index].rstrip()
    while isinstance(node, CollectionNode) and not node.flow_style and (line := text.rfind("\n") + 1):
        if not text[line:].lstrip().startswith("#"):
            break
        text = text[:line].rstrip()
    return len(text)


def add_item(text: str, key: str, item: str, name: str) -> str:
    """Return the text of a file of parameters, called `name`, with `item` at the end of the list `key`, once.

    Raises `ParameterError` where there is no such list.
    """
    yaml = params_yaml()
    content, entries = dict(yaml.load(text)), _entries(yaml.compose(text))
    node = entries[key][1] if key in entries else None
    if not isinstance(node, SequenceNode):
        raise ParameterError(f"{name} has no list {key}; write {key}: [] there, or take it from git")
    if item in map(str, content[key]):
        return text
    written = _quoted(item)
    if not node.value:
        place, new = node.start_mark.index, f"[{written}]"
        edit = place, node.end_mark.index, new
    elif node.flow_style:
        place = node.value[-1].end_mark.index
        edit = place, place, f", {written}"
    else:
        place = text.find("\n", _end(text, node.value[-1]))
        place = (len(text) if place < 0 else place) - (text[place - 1 : place] == "\r")
        edit = place, place, f"\n{' ' * node.start_mark.column}- {written}"
    expected = {**content, key: [*content[key], item]}
    return _edited(text, [edit], expected, f"{name} is laid out in a way that {key} cannot be added to")


def _quoted(item: str) -> str:
    """A name as YAML, in quotes where a reader would take it for a number, a date or a truth value."""
    for load in (params_yaml().load, yaml_1_1.safe_load):  # 1.2, as DVC reads, and 1.1, as many others do
        try:
            if load(item) == item:
                continue
        except (YAMLError, yaml_1_1.YAMLError, ValueError):  # ValueError: a date such as 2024-13-01
            pass
        return f'"{item}"'
    return item


def _edited(text: str, edits: Sequence[Edit], expected: Mapping[str, Any], problem: str) -> str:
    """The text with the edits, which must then be read as `expected`."""
    ends = "\r\n" if "\r\n" in text else "\n"
    for start, stop, new in sorted(edits, reverse=True):
        text = text[:start] + new.replace("\n", ends) + text[stop:]
    try:
        as_wanted = params_yaml().load(text) == expected
    except YAMLError:
        as_wanted = False
    if not as_wanted:  # such as where an alias stands
        raise ParameterError(f"{problem}; set the values by hand")
    return text


def dumped(value: Any, flow: bool = False) -> str:
    """Return a value as it is written in the file."""
    yaml, stream = params_yaml(), StringIO()
    yaml.default_flow_style = flow
    yaml.dump(value, stream)
    return stream.getvalue().removesuffix("...\n").rstrip("\n")


def params_yaml() -> YAML:
    """Return a reader and writer of params.yaml as DVC reads it: YAML 1.2, keys in their order."""
    yaml = YAML(typ="safe", pure=True)
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # its type is that of the default
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml
