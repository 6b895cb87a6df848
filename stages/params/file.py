"""What stages read of params.yaml themselves, mostly one section, and what a run by hand changes in it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from stages.core.errors import ParameterError


def read_parameters(file: Path, option: str = "--parameters") -> dict[str, Any]:
    """Return the content of the file that an option names; raises `ParameterError` where it cannot be read."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParameterError(f"{file} does not exist; name the file of parameters by {option}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ParameterError(f"{file} is not a YAML file ({reason}); correct it, or take it from git") from None
    return content if isinstance(content, dict) else {}


def read_section(file: Path, section: str) -> dict[str, Any]:
    """Return the names and values of a section; raises `ParameterError` where the file does not have it."""
    found = read_parameters(file).get(section)
    if found is None:
        raise ParameterError(f"{file} has no section {section!r}; add one, or name another file by --parameters")
    if not isinstance(found, dict):
        raise ParameterError(f"{section} in {file} is {found!r}; give it one line NAME: VALUE for each parameter")
    return {str(name): value for name, value in found.items()}


def read_changes(assignments: Sequence[str]) -> dict[str, Any]:
    """Return the names and values of texts like "eta=0.3"; values are written as in YAML."""
    changes = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ParameterError(f"--set is {text!r}; write NAME=VALUE, such as eta=0.3")
        try:
            changes[name.replace("-", "_")] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise ParameterError(f"--set is {text!r}, whose value is no YAML; quote texts: NAME='...'") from None
    return changes
