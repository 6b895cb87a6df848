"""Reads params.yaml as DVC does (YAML 1.2), and values that a run by hand gives in the same form."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.core.errors import ParameterError
from stages.core.regular import check_regular

PARAMS = Path("params.yaml")  # beside dvc.yaml, in the folder in which a stage runs
# By the name of version 0.1: the name since, and the sections.
_RENAMED = {
    "least_share": ("min_cluster_fraction", ("ensemble", "jule", "image_jule")),
    "multiples": ("overclustering", ("baseline", "ensemble", "idec", "dec")),
}


def read_params(file: Path) -> dict[str, Any]:
    """Return the values of a file of parameters.

    Raises `ParameterError` where the file does not exist, holds the marks of a merge conflict, is not YAML, names
    a key twice, or holds anything but keys with values.
    """
    try:
        text = check_regular(file).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ParameterError(
            f"{file} does not exist; run this in the project's folder, or name the file by --params"
        ) from None
    except UnicodeDecodeError as error:
        raise ParameterError(f"{file} is not UTF-8 text ({error.reason}); take it from git") from None
    if number := conflict_line(text):
        raise ParameterError(
            f"{file} holds the marks of a merge conflict, from line {number} on; keep one of the two versions"
        )
    content = _parsed(text, f"{file} cannot be read as YAML", "correct it, or take it from git")
    if not isinstance(content, dict):
        raise ParameterError(f"{file} holds no lines NAME: VALUE; take it from git")
    return content


def read_section(file: Path, section: str, changes: Sequence[str] = ()) -> dict[str, Any]:
    """Return the names and values of a section, those of the `changes`, see `read_changes`, before the file's.

    Raises `ParameterError` where the file does not have the section.
    """
    content = read_params(file)
    if section not in content:
        raise ParameterError(f"{file} has no section {section!r}; add one, or name another file by --params")
    found = content[section]
    if not isinstance(found, dict):
        raise ParameterError(not_a_section(section, found))
    for name in found:
        if new := renamed_key(f"{section}.{name}"):
            raise ParameterError(f"{section}.{name} is now called {new}; rename it in {file}")
    return {**{str(name): value for name, value in found.items()}, **read_changes(changes, section)}


def read_changes(assignments: Sequence[str], section: str = "") -> dict[str, Any]:
    """Return the names and values of texts like "eta=0.3", for a section; values are written as in the file."""
    changes = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ParameterError(f"--set is {text!r}; write NAME=VALUE, such as eta=0.3")
        name = name.replace("-", "_")
        if new := renamed_key(f"{section}.{name}"):
            raise ParameterError(f"--set {name} is now called {new.rpartition('.')[2]}; use that name")
        changes[name] = _parsed(
            value, f"--set is {text!r}, whose value cannot be read as YAML", "quote texts: NAME='...'"
        )
    return changes


def conflict_line(text: str) -> int | None:
    """Return the number of the first line that a merge of git marked as a conflict; None if there is none."""
    lines = enumerate(text.splitlines(), start=1)
    return next((number for number, line in lines if line.startswith(("<<<<<<< ", ">>>>>>> "))), None)


def renamed_key(key: str) -> str | None:
    """Return the present name of a key, if it was renamed: "idec.overclustering" for "idec.multiples"."""
    section, _, name = key.rpartition(".")
    new, sections = _RENAMED.get(name, ("", ()))
    return f"{section}.{new}" if section in sections else None


def not_a_section(name: str, value: Any) -> str:
    """Return the message about a value that should be a section."""
    return f"{name} is {'empty' if value is None else repr(value)}; it is a section: indent its keys below it"


def _parsed(text: str, problem: str, way_out: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe").load(text)
    except (YAMLError, ValueError, RecursionError) as error:  # ValueError: a date such as 2024-13-01
        reason = " ".join(
            str(error).partition("To suppress this check")[0].replace('in "<unicode string>", ', "").split()
        )
        raise ParameterError(f"{problem} ({reason}); {way_out}") from None
