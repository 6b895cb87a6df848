"""Command `preset`: another set of values, such as those of the published experiments, laid over params.yaml."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from stages.commands.params_text import dumped, lay_over, params_yaml
from stages.core.atomic import write_text
from stages.core.command import application
from stages.core.errors import ParameterError
from stages.params.file import PARAMS, read_params


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
    changed = params_yaml().load(text)
    known = set(value_faults(present))
    for fault in value_faults(changed):
        if fault not in known:
            raise ParameterError(f"the preset {name} cannot be laid over: {fault}")
    write_text(parameters, text)
    before, after = _flat(present), _flat(changed)
    for key in (key for key in after if key not in before or after[key] != before[key]):
        old = dumped(before[key], flow=True) if key in before else "not set"
        print(f"{key}: {old} -> {dumped(after[key], flow=True)}")


def _flat(content: Mapping[str, Any]) -> dict[str, Any]:
    """The values by their full names, such as "ensemble.linkage"."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        inner = value if isinstance(value, dict) else {}
        flat |= {f"{key}.{name}": one for name, one in inner.items()} or {key: value}
    return flat


app = application(preset)
