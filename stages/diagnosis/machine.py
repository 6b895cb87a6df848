"""Python and its packages, disks, memory and processors of this machine."""

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stages.core.errors import ParameterError
from stages.diagnosis.finding import Finding, fault, ok, warning

_INSTALL = "run `pip install -e .`"
# In a process of its own: a broken installation may end the process that imports it.
_PROBE = """
import json, os, torch
from stages.core.device import choose_device
from stages.backbones.precision import has_bf16
found = {"torch": torch.__version__, "threads": torch.get_num_threads(), "error": "", "bf16": False, "name": ""}
found["mps"] = bool(getattr(torch.backends, "mps", None) and torch.backends.mps.is_available())
try:
    device = choose_device(os.environ.get("MANYVIEWS_DEVICE", "auto"))
    found["device"] = str(device)
    found["bf16"] = has_bf16(device)
    if device.type == "cuda":
        found["name"] = torch.cuda.get_device_name(device)
        found["free"], found["total"] = torch.cuda.mem_get_info(device)
    torch.ones(2, device=device).sum().item()
except Exception as error:
    found["error"] = " ".join(str(error).split())
print(json.dumps(found))
"""


def check_python(project: Path, version: str = "") -> Iterator[Finding]:
    """Compare this Python, or another `version`, with `requires-python` of the project file."""
    from packaging.specifiers import SpecifierSet

    version = version or platform.python_version()
    wanted = _read_project(project).get("requires-python", "")
    if SpecifierSet(wanted).contains(version, prereleases=True):
        yield ok(f"{version} ({platform.system()}, {platform.machine()})")
    else:
        yield fault(f"this is Python {version}, but {wanted} is needed; make an environment with such a Python")


def check_packages(project: Path) -> Iterator[Finding]:
    """Compare the installed packages with the dependencies of the project file."""
    from packaging.requirements import Requirement

    requirements = [Requirement(line) for line in _read_project(project).get("dependencies", [])]
    wrong = 0
    for requirement in requirements:
        if requirement.marker and not requirement.marker.evaluate():
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            yield fault(f"{requirement.name} is not installed; {_INSTALL}")
            wrong += 1
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield fault(f"{requirement.name} {version} is not {requirement.specifier}; {_INSTALL}")
            wrong += 1
    if not wrong:
        yield ok(f"all {len(requirements)} that {project.name} asks for")


def check_disk(needs: Mapping[Path, float]) -> Iterator[Finding]:
    """Compare free space with the bytes needed at each place; places on one disk share it.

    A place need not exist: the folder above it that does counts.
    """
    disks: dict[int, list[Path]] = {}
    for place in needs:
        disks.setdefault(_existing(place).stat().st_dev, []).append(place)
    for places in disks.values():
        free = shutil.disk_usage(_existing(places[0])).free
        needed = sum(needs[place] for place in places)
        what = f"{_size(free)} free for {', '.join(map(str, places))}"
        if free < needed:
            yield fault(f"{what}; some {_size(needed)} are needed: make room, or move one elsewhere")
        elif free < 2 * needed:
            yield warning(f"{what}; some {_size(needed)} are needed, which may become tight: make room")
        else:
            yield ok(f"{what} (needed: some {_size(needed)})")
    for place in needs:
        if not os.access(_existing(place), os.W_OK):
            yield fault(f"{place} cannot be written to; change its rights or its owner")


def check_memory(needed: int) -> Iterator[Finding]:
    """Compare the bytes of free memory with those that the default run takes."""
    from stages.core.memory import available_memory

    available = available_memory()
    if available < needed:
        yield warning(
            f"{_size(available)} free, some {_size(needed)} are needed: end other programs, or runs may fail"
        )
    else:
        yield ok(f"{_size(available)} free (needed: some {_size(needed)})")


def check_devices(timeout: float) -> Iterator[Finding]:
    """Import torch in a process of its own and compute a sum on the device that a run would take."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        yield warning(f"torch took more than {timeout:g} s to start; try again when the machine is idle")
        return
    if done.returncode or not done.stdout.strip():
        lines = done.stderr.strip().splitlines()
        reason = lines[-1] if lines else f"it ended with status {done.returncode}"
        yield fault(f"torch cannot be used ({reason}); install it again: https://pytorch.org")
        return
    found = json.loads(done.stdout.splitlines()[-1])
    if found["error"]:
        yield fault(f"torch {found['torch']}: {found['error']}")
        return
    bf16 = "with fast bf16" if found["bf16"] else "without fast bf16"
    if "free" in found:
        memory = f"{_size(found['free'])} of {_size(found['total'])} free"
        yield ok(f"torch {found['torch']} on {found['device']}, {found['name']}, {memory}, {bf16}")
    else:
        unused = "; MPS is there, but is not used" if found["mps"] else ""
        where = f"on {found['device']}, {found['threads']} threads, {bf16}{unused}"
        yield ok(f"torch {found['torch']} {where}")


def _read_project(file: Path) -> dict[str, Any]:
    """The table `project` of a pyproject.toml."""
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParameterError(f"there is no {file}; run this in the project's folder") from None
    except ValueError as error:
        raise ParameterError(f"{file} cannot be read ({error}); take it from git") from None
    project: dict[str, Any] = content.get("project", {})
    return project


def _existing(place: Path) -> Path:
    place = place.absolute()
    return next(folder for folder in (place, *place.parents) if folder.exists())


def _size(count: float) -> str:
    return f"{count / 2**30:.1f} GiB"
