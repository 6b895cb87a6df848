"""Python and the installed packages against what a project asks for."""

import importlib.metadata
import platform
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.core.errors import ParameterError
from stages.diagnosis.finding import Finding

_INSTALL = "run `pip install -e .`"


def check_python(project: Path, version: str = "") -> Iterator[Finding]:
    """Compare this Python, or another `version`, with `requires-python` of the project file."""
    from packaging.specifiers import SpecifierSet

    version = version or platform.python_version()
    wanted = _read(project).get("requires-python", "")
    if SpecifierSet(wanted).contains(version, prereleases=True):
        yield Finding("ok", f"{version} ({platform.system()}, {platform.machine()})")
    else:
        yield Finding(
            "fault", f"this is Python {version}, needed is {wanted}; make an environment with such a one"
        )


def check_packages(project: Path) -> Iterator[Finding]:
    """Compare the installed packages with the dependencies of the project file."""
    from packaging.requirements import Requirement

    requirements = [Requirement(line) for line in _read(project).get("dependencies", [])]
    wrong = 0
    for requirement in requirements:
        if requirement.marker and not requirement.marker.evaluate():
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding("fault", f"{requirement.name} is not installed; {_INSTALL}")
            wrong += 1
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield Finding("fault", f"{requirement.name} {version} is not {requirement.specifier}; {_INSTALL}")
            wrong += 1
    if not wrong:
        yield Finding("ok", f"all {len(requirements)} that {project.name} asks for")


def _read(file: Path) -> dict[str, Any]:
    """The table `project` of a pyproject.toml."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParameterError(f"there is no {file}; run this in the project's folder") from None
    except ValueError as error:
        raise ParameterError(f"{file} cannot be read ({error}); take it from git") from None
    project: dict[str, Any] = content.get("project", {})
    return project
