"""Command `doctor`: whether this machine and this project are fit to run, and what to do where they are not."""

import json
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from stages.core.command import application
from stages.core.errors import ManyviewsError, printable
from stages.diagnosis import inputs, leftovers, machine, network, repository, torn
from stages.diagnosis.finding import Check, Finding, examine

# Bytes that the default run, a few hundred photos and four small networks, takes at the most.
MEMORY = 2 << 30
DATA_DISK = 1 << 30
CACHE_DISK = 1 << 30


def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON list of check, level (ok, warning, fault) and message.")
    ] = False,
    timeout: Annotated[
        float,
        typer.Option(min=0.1, max=3600, help="Seconds to wait for an answer of a remote or of another address."),
    ] = 3,
    patience: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Seconds to wait for git, for DVC and for torch to start.")
    ] = 60,
    parameters: Annotated[Path, typer.Option("--params", help="The file of parameters.")] = Path("params.yaml"),
    data: Annotated[
        Path | None, typer.Option(help="Folder of the pipeline's data. Default: data beside that file.")
    ] = None,
    metrics: Annotated[
        Path | None, typer.Option(help="Folder of the scores. Default: metrics beside that file.")
    ] = None,
) -> None:
    """Check Python, packages, devices, disks, git, DVC, remotes, parameters, images, weights and tables.

    Prints a line for each thing: ok, warning (may surprise) or fault (stops a run), with the way out. Nothing is
    changed and nothing fetched. Ends with status 1 when there is a fault. Run it in the project's folder.
    """
    root = parameters.parent  # of the project: all else is looked for there
    checks = _checks(parameters, data or root / "data", metrics or root / "metrics", timeout, patience)
    found: list[tuple[str, Finding]] = []
    # Checks that wait for other programs and machines run beside the rest.
    with ThreadPoolExecutor(len(checks)) as pool:
        results = {name: pool.submit(lambda check: list(examine(check)), check) for name, check in checks.items()}
        for name, result in results.items():
            for finding in result.result():
                found.append((name, finding))
                if not as_json:
                    print(f"{finding.level:8} {name}: {printable(finding.message)}", flush=True)
    if as_json:
        rows = [{"check": name, "level": level, "message": message} for name, (level, message) in found]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    faults = sum(finding.level == "fault" for _, finding in found)
    warnings = sum(finding.level == "warning" for _, finding in found)
    if not as_json:
        total = f"{faults} fault{'s' * (faults != 1)}, {warnings} warning{'s' * (warnings != 1)}"
        print(total if faults or warnings else "all is well")
    if faults:
        sys.exit(1)


def _checks(file: Path, data: Path, metrics: Path, timeout: float, patience: float) -> dict[str, Check]:
    """All checks by name, in the order in which their findings are printed.

    Packages other than Typer are imported by the checks that need them: that one is missing is a finding, too.
    """
    root, project, lock = file.parent, file.parent / "pyproject.toml", file.parent / "dvc.lock"
    parameters = _parameters(file)
    return {
        "python": lambda: machine.check_python(project),
        "packages": lambda: machine.check_packages(project),
        "devices": lambda: machine.check_devices(patience),
        "memory": lambda: machine.check_memory(MEMORY),
        "disk": lambda: machine.check_disk(_needed(parameters, data, root, patience)),
        "project": lambda: repository.check_repository(root, patience),
        "remotes": lambda: network.check_remotes(root, timeout, patience),
        "parameters": lambda: _values(file),
        "datasets": _each(parameters, "datasets", lambda name: inputs.check_dataset(name, data, lock)),
        "n_clusters": _each(
            parameters, "datasets", lambda name: inputs.check_n_clusters(parameters.get("n_clusters"), name, data)
        ),
        "weights": _each(
            parameters,
            "backbones",
            lambda name: inputs.check_weights(name, _weights(parameters, root), data, _cache(), timeout),
        ),
        "dvc.lock": lambda: repository.check_lock(lock),
        "torn": lambda: torn.check_torn(root, _cache_of_dvc(root, patience)) if (root / ".dvc").is_dir() else (),
        "outputs": lambda: repository.check_outputs(root, lock, patience),
        "tables": lambda: _tables(parameters, data),
        "leftovers": lambda: leftovers.check_leftovers(
            data, metrics, _cache(), _names(parameters, "datasets"), _names(parameters, "backbones")
        ),
    }


def _parameters(file: Path) -> dict[str, Any]:
    """The parameters, or none where they cannot be read, which the check of them reports."""
    try:
        from stages.params.file import read_params

        return read_params(file)
    except (ManyviewsError, OSError, ImportError):
        return {}


def _cache() -> Path:
    from stages.fetching.downloads import cache_folder

    return cache_folder()


def _names(parameters: dict[str, Any], key: str) -> list[Any]:
    names = parameters.get(key)
    return names if isinstance(names, list) else []


def _each(parameters: dict[str, Any], key: str, check: Callable[[Any], Iterable[Finding]]) -> Check:
    """The check of every name in a list of parameters; a name that fails does not stop the others."""
    return lambda: (found for name in _names(parameters, key) for found in examine(partial(check, name)))


def _needed(parameters: dict[str, Any], data: Path, root: Path, patience: float) -> dict[Path, float]:
    """The bytes needed at each place: the tables and DVC's cache take the images once more each."""
    folders = [data / "raw" / str(name) for name in _names(parameters, "datasets")]
    images = sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())
    needs: dict[Path, float] = {data: images + DATA_DISK, _cache(): CACHE_DISK}
    if (root / ".dvc").is_dir():
        needs[_cache_of_dvc(root, patience)] = images + DATA_DISK
    return needs


def _cache_of_dvc(root: Path, patience: float) -> Path:
    return root / repository.dvc(root, patience, "cache", "dir").strip()


def _weights(parameters: dict[str, Any], root: Path) -> Path:
    """The folder of weights that were put there by hand."""
    section = parameters.get("weights")
    return root / str((section.get("folder") if isinstance(section, dict) else None) or "data/weights")


def _values(file: Path) -> Iterable[Finding]:
    from stages.diagnosis.values import check_parameters
    from stages.params.file import read_params

    return check_parameters(read_params(file))


def _tables(parameters: dict[str, Any], data: Path) -> Iterable[Finding]:
    from stages.diagnosis.tables import check_tables

    return check_tables(parameters, data)


app = application(doctor)
