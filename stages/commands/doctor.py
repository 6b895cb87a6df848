"""Command `doctor`: whether this machine and this project are fit to run, and what to do where they are not."""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from stages import diagnosis
from stages.core.command import application
from stages.diagnosis import Check, Finding, examine

# Bytes that the default run, a few hundred photos and four small networks, takes at the most.
MEMORY = 2 << 30
DATA_DISK = 1 << 30
CACHE_DISK = 1 << 30


def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON list of check, level (ok, warning, fault) and message.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds to wait for an answer of a remote or of another address.")
    ] = 3,
    patience: Annotated[
        float, typer.Option(min=0.1, help="Seconds to wait for git, for DVC and for torch to start.")
    ] = 60,
    parameters: Annotated[Path, typer.Option(help="The file of parameters.")] = Path("params.yaml"),
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
    # What waits for other programs and machines runs beside the rest.
    with ThreadPoolExecutor(len(checks)) as pool:
        results = [(name, pool.submit(lambda check: list(examine(check)), check)) for name, check in checks]
        for name, result in results:
            for finding in result.result():
                found.append((name, finding))
                if not as_json:
                    print(f"{finding.level:8} {name}: {_one_line(finding.message)}", flush=True)
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


def _checks(
    parameters: Path, data: Path, metrics: Path, timeout: float, patience: float
) -> list[tuple[str, Check]]:
    """All checks, in the order in which their findings are told."""
    root, lock = parameters.parent, parameters.parent / "dvc.lock"
    values = _parameters(parameters)
    return [
        ("python", partial(diagnosis.check_python, root / "pyproject.toml")),
        ("packages", partial(diagnosis.check_packages, root / "pyproject.toml")),
        ("devices", partial(diagnosis.check_devices, patience)),
        ("memory", _memory),
        ("disk", partial(_disk, values, data, root, patience)),
        ("project", partial(_project, root, patience)),
        ("remotes", partial(_remotes, root, timeout, patience)),
        ("parameters", partial(_values, parameters, root / "dvc.yaml")),
        ("datasets", partial(_datasets, values, data, lock)),
        ("n_clusters", partial(_n_clusters, values, data)),
        ("weights", partial(_weights, values, data, root, timeout)),
        ("dvc.lock", partial(_lock, lock)),
        ("outputs", partial(_outputs, root, lock, patience)),
        ("tables", partial(_tables, values, data)),
        ("leftovers", partial(_leftovers, data, metrics)),
    ]


def _parameters(file: Path) -> dict[str, Any]:
    """The parameters, or none where they cannot be read, which another check tells of."""
    from stages.core.errors import ManyviewsError
    from stages.diagnosis.inputs import read_parameters

    try:
        return read_parameters(file)
    except (ManyviewsError, OSError):
        return {}


def _names(values: dict[str, Any], key: str) -> list[Any]:
    names = values.get(key)
    return names if isinstance(names, list) else []


def _memory() -> Iterator[Finding]:
    from stages.core.memory import available_memory

    return diagnosis.check_memory(available_memory(), MEMORY)


def _disk(values: dict[str, Any], data: Path, root: Path, patience: float) -> Iterator[Finding]:
    """The tables and DVC's cache take the images once more each; weights go into the user's cache."""
    from stages.diagnosis.repository import dvc
    from stages.fetching.downloads import cache_folder

    folders = [data / "raw" / str(name) for name in _names(values, "datasets")]
    images = sum(file.stat().st_size for folder in folders for file in folder.rglob("*") if file.is_file())
    needs = {data: images + DATA_DISK, cache_folder(): CACHE_DISK}
    if (root / ".dvc").is_dir():
        needs[root / dvc(root, patience, "cache", "dir").strip()] = images + DATA_DISK
    yield from diagnosis.check_disk(needs)


def _project(root: Path, patience: float) -> Iterator[Finding]:
    from stages.diagnosis.repository import check_repository

    return check_repository(root, patience)


def _remotes(root: Path, timeout: float, patience: float) -> Iterator[Finding]:
    from stages.diagnosis.repository import check_remotes

    return check_remotes(root, timeout, patience)


def _values(file: Path, pipeline: Path) -> Iterator[Finding]:
    from stages.diagnosis.inputs import read_parameters
    from stages.diagnosis.values import check_parameters

    yield from check_parameters(read_parameters(file), pipeline)


def _datasets(values: dict[str, Any], data: Path, lock: Path) -> Iterator[Finding]:
    from stages.diagnosis.inputs import check_dataset

    for name in _names(values, "datasets"):
        yield from examine(partial(check_dataset, name, data, lock))


def _n_clusters(values: dict[str, Any], data: Path) -> Iterator[Finding]:
    from stages.diagnosis.inputs import check_n_clusters

    for name in _names(values, "datasets"):
        yield from examine(partial(check_n_clusters, values.get("n_clusters"), name, data))


def _weights(values: dict[str, Any], data: Path, root: Path, timeout: float) -> Iterator[Finding]:
    from stages.diagnosis.inputs import check_weights
    from stages.fetching.downloads import cache_folder

    section = values.get("weights")
    folder = root / str((section.get("folder") if isinstance(section, dict) else None) or "data/weights")
    for name in _names(values, "backbones"):
        yield from examine(partial(check_weights, name, folder, data, cache_folder(), timeout))


def _lock(file: Path) -> Iterator[Finding]:
    from stages.diagnosis.outputs import check_lock

    return check_lock(file)


def _outputs(root: Path, lock: Path, patience: float) -> Iterator[Finding]:
    """What `dvc status` says, unless there is nothing that it could compare with."""
    from stages.diagnosis import conflict_line
    from stages.diagnosis.outputs import check_status, read_status
    from stages.diagnosis.repository import SlowDvcError

    if lock.exists() and not conflict_line(lock):
        try:
            status = read_status(root, patience)
        except SlowDvcError as error:  # many photos take their time, which is no fault
            yield Finding("warning", str(error))
            return
        yield from check_status(status)


def _tables(values: dict[str, Any], data: Path) -> Iterator[Finding]:
    from stages.core.errors import ParameterError
    from stages.diagnosis.outputs import check_tables
    from stages.params.transfers import TRANSFERS, check_transfers, sources_of
    from stages.tables.methods import all_methods

    lists = ("backbones", "objectives", "image_baselines", "image_methods")
    backbones, objectives, baselines, networks = (list(map(str, _names(values, key))) for key in lists)
    try:
        transfers = check_transfers(values.get(TRANSFERS))
    except ParameterError:  # which another check tells of
        transfers = []
    for name in map(str, _names(values, "datasets")):
        methods = all_methods(objectives, [*baselines, *networks], sources_of(name, transfers))
        yield from examine(partial(check_tables, name, backbones, methods, data))


def _leftovers(data: Path, metrics: Path) -> Iterator[Finding]:
    from stages.diagnosis.outputs import check_leftovers
    from stages.fetching.downloads import cache_folder

    return check_leftovers(data, metrics, cache_folder())


def _one_line(message: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)


app = application(doctor)
