"""Lays a preset over params.yaml: another set of values, such as those of the published experiments.

No stage of the pipeline: a user runs it to switch between kinds of work, and `git diff params.yaml` shows what it
did. DVC's own way, composition by Hydra, would write the file anew and lose the comments in it.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from stages.core.atomic import write_text
from stages.core.command import application
from stages.core.errors import ParameterError
from stages.params.yaml_values import replace_values


def preset(
    name: Annotated[str, typer.Argument(help="Name of a preset: a file NAME.yaml in the folder of presets.")],
    folder: Annotated[Path, typer.Option(help="Folder of the presets.")] = Path("presets"),
    parameters: Annotated[Path, typer.Option(help="File of parameters that is changed.")] = Path("params.yaml"),
) -> None:
    """Set in params.yaml every value that the preset gives; all else, and comments outside replaced lists, stay.

    `git checkout params.yaml`, or another preset, takes it back.
    """
    there = sorted(file.stem for file in folder.glob("*.yaml"))
    if name not in there:
        raise ParameterError(f"no preset is called {name!r}; {folder} has {', '.join(there) or 'none'}")
    wanted = _read(folder / f"{name}.yaml")
    before = _flat(_read(parameters))
    text = parameters.read_bytes().decode("utf-8")  # line ends as they are
    changed = replace_values(text, wanted, str(parameters))
    write_text(parameters, changed)
    after = _flat(yaml.safe_load(changed))
    for key in (key for key in after if after[key] != before.get(key)):
        print(f"{key}: {_short(before.get(key))} -> {_short(after[key])}")


def _read(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParameterError(f"{file} is not a YAML file ({' '.join(str(error).split())}); correct it") from None
    if not isinstance(content, dict):
        raise ParameterError(f"{file} holds no parameters; write lines NAME: VALUE, as in params.yaml")
    return content


def _flat(content: dict[str, Any]) -> dict[str, Any]:
    """The values by their full names, such as "ensemble.linkage"."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{name}": inner for name, inner in value.items()}
        else:
            flat[key] = value
    return flat


def _short(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("...\n").strip()


app = application(preset)
