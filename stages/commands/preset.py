"""Command `preset`: another set of values, such as those of the published experiments, laid over params.yaml.

ruamel.yaml reads both files as DVC does (YAML 1.2) and says where each value stands; only these places of the text
change. Written by a library, be it ruamel.yaml or DVC's composition by Hydra, the rest would not stay as it is.
"""

from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import typer
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node

from stages.core.atomic import write_text
from stages.core.command import application
from stages.core.errors import ParameterError
from stages.params.file import PARAMS, read_params

Edit = tuple[int, int, str]  # from, up to, and the text that takes its place


def preset(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of a preset: a file NAME.yaml in the folder of presets.")
    ],
    folder: Annotated[Path, typer.Option(help="Folder of the presets.")] = Path("presets"),
    parameters: Annotated[Path, typer.Option("--params", help="File of parameters that is changed.")] = PARAMS,
) -> None:
    """Set in params.yaml every value that the preset gives; all else, and comments outside replaced lists, stay.

    Keys that a section lacks are added to it. `git checkout params.yaml`, or another preset, takes it back.
    """
    from stages.diagnosis.values import value_faults

    there = sorted(file.stem for file in folder.glob("*.yaml"))
    if name not in there:
        raise ParameterError(f"no preset is called {name!r}; {folder} has {', '.join(there) or 'none'}")
    wanted, present = read_params(folder / f"{name}.yaml"), read_params(parameters)
    text = lay_over(parameters.read_bytes().decode("utf-8"), wanted, str(parameters))  # line ends as they are
    changed = _yaml().load(text)
    known = set(value_faults(present))
    for fault in value_faults(changed):
        if fault not in known:
            raise ParameterError(f"the preset {name} cannot be laid over: {fault}")
    write_text(parameters, text)
    before, after = _flat(present), _flat(changed)
    for key in (key for key in after if key not in before or after[key] != before[key]):
        old = _dumped(before[key], flow=True) if key in before else "not set"
        print(f"{key}: {old} -> {_dumped(after[key], flow=True)}")


def lay_over(text: str, wanted: Mapping[str, Any], name: str) -> str:
    """Return the text of a file of parameters, called `name`, with the `wanted` values, sections being mappings.

    Raises `ParameterError` for a parameter or section that the file does not have, and for a value where it has a
    section.
    """
    yaml = _yaml()
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
    ends = "\r\n" if "\r\n" in text else "\n"
    for start, stop, new in sorted(edits, reverse=True):
        text = text[:start] + new.replace("\n", ends) + text[stop:]
    try:
        as_wanted = yaml.load(text) == expected
    except YAMLError:
        as_wanted = False
    if not as_wanted:  # such as where an alias stands
        raise ParameterError(
            f"{name} is laid out in a way that no preset can be laid over; set the values by hand"
        )
    return text


def _within_section(text: str, section: MappingNode, wanted: Mapping[str, Any]) -> Iterator[Edit]:
    """The edits that set the wanted keys of a section, those that it does not have yet at its end."""
    entries, margin = _entries(section), "\n" + " " * section.value[0][0].start_mark.column
    added = ""
    for key, value in wanted.items():
        if key in entries:
            yield _replaced(text, *entries[key], value)
        else:
            added += margin + _dumped({key: value}).replace("\n", margin)
    end = _end(text, section)
    yield end, end, added


def _replaced(text: str, key: Node, node: Node, value: Any) -> Edit:
    """The edit that gives a key another value; a comment on the line of the key stays there."""
    start, begin, end = key.end_mark.index, node.start_mark.index, _end(text, node)
    if begin == node.end_mark.index:  # no value, which YAML places before the next key
        begin = end = start + 1
    line = text[start + 1 :].split("\n")[0].rstrip("\r")
    behind = line if begin > start + 1 + len(line) else ""
    first, *rest = _dumped({"": value}).removeprefix("''").split("\n")
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


def _dumped(value: Any, flow: bool = False) -> str:
    yaml, stream = _yaml(), StringIO()
    yaml.default_flow_style = flow
    yaml.dump(value, stream)
    return stream.getvalue().removesuffix("...\n").rstrip("\n")


def _flat(content: Mapping[str, Any]) -> dict[str, Any]:
    """The values by their full names, such as "ensemble.linkage"."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        inner = value if isinstance(value, dict) else {}
        flat |= {f"{key}.{name}": one for name, one in inner.items()} or {key: value}
    return flat


def _yaml() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # its type is that of the default
    yaml.width = 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


app = application(preset)
