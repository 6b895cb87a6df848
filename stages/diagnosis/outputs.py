"""What `doctor` asks of dvc.lock, of `dvc status` and of the tables that the pipeline wrote."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.core.errors import TableError
from stages.diagnosis import Finding, conflict_line, find_leftovers, find_running
from stages.diagnosis.repository import dvc
from stages.tables.methods import MethodName, all_networks
from stages.tables.trained_files import TrainedFiles

_LISTED = 3  # names in a line; more are counted


def check_lock(lock: Path) -> Iterator[Finding]:
    """That dvc.lock can be read at all."""
    import yaml

    if not lock.exists():
        yield Finding("warning", f"there is no {lock}: nothing was computed yet; run `dvc repro`")
        return
    if line := conflict_line(lock):
        yield Finding(
            "fault",
            f"{lock} holds the marks of a merge conflict, from line {line} on; run `git checkout --ours {lock}`, "
            "then `dvc repro`",
        )
        return
    try:
        content = yaml.load(lock.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        stages = len(content["stages"])
    except (yaml.YAMLError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        yield Finding("fault", f"{lock} is damaged ({reason}); run `git checkout {lock}`, or remove it")
        return
    yield Finding("ok", f"{stages} stages are recorded in {lock}")


def check_status(status: Mapping[str, Sequence[Any]]) -> Iterator[Finding]:
    """What `dvc status --json` says: outputs that are missing or changed, and stages that would run again."""
    outs: dict[str, list[str]] = {}
    causes: dict[str, dict[str, None]] = {}
    absent: list[str] = []
    for stage, changes in status.items():
        if stage.endswith(".dvc"):
            yield from _tracked(stage, changes)
            continue
        for change in changes:
            for kind, what in change.items() if isinstance(change, dict) else [(change, {})]:
                if kind == "changed outs":
                    for path, how in what.items():
                        outs.setdefault(how, []).append(path)
                    continue
                # Without photos, a clone still has all that was computed from them.
                gone = [path for path, how in what.items() if how == "deleted" and path.startswith("data/raw/")]
                absent += gone
                if len(gone) < max(len(what), 1):
                    there = {path: how for path, how in what.items() if path not in gone}
                    causes.setdefault(stage, {}).update(dict.fromkeys(_causes(kind, there)))
    advice = {
        "deleted": "missing; fetch them by `dvc pull` or make them by `dvc repro`",
        "modified": "not as dvc.lock says; make them anew by `dvc repro`",
        "not in cache": "in no cache, so that `dvc push` lacks them; run `dvc commit`",
    }
    for how, paths in outs.items():
        yield Finding("warning", f"{_some(paths)}: {advice.get(how, f'{how}; run `dvc repro`')}")
    if absent:
        yield Finding(
            "warning", f"{_some(absent)}: not here; `dvc repro --pull` needs it only for what is in no remote"
        )
    if causes:
        reasons = dict.fromkeys(cause for found in causes.values() for cause in found)
        because = f" as these changed since: {_some(list(reasons))}" if reasons else ""
        yield Finding(
            "warning", f"{len(causes)} stage{'s' * (len(causes) != 1)} would run again{because}; run `dvc repro`"
        )
    if not status:
        yield Finding("ok", "all outputs are as dvc.lock says, and nothing they depend on has changed")


def _tracked(file: str, changes: Sequence[Any]) -> Iterator[Finding]:
    """What changed of that which a .dvc file, not a stage, keeps track of: photos, or an import."""
    told = 0
    for change in changes:
        for kind, what in change.items() if isinstance(change, dict) else ():
            for path, how in what.items():
                told += 1
                yield Finding("warning", f"{path}: {_advice(file, kind, path, how)}")
    if not told:
        yield Finding("warning", f"{file} was changed by hand; run `dvc commit {file}`, or take it from git")


def _advice(file: str, kind: str, path: str, how: str) -> str:
    if kind == "changed deps":
        return f"{how}; run `dvc update {file}`"
    if how == "deleted":
        return f"not here; `dvc pull {file}` fetches it"
    if how == "not in cache":
        return f"in no cache, so that `dvc push` lacks it; run `dvc commit {file}`"
    return f"not as {file} says; run `dvc add {path}` for what is new, or `dvc checkout {file}` for what was there"


def check_tables(
    dataset: str, backbones: Sequence[str], methods: Sequence[MethodName], data: Path
) -> Iterator[Finding]:
    """That the tables of a dataset can be read and were made from the images of its image table."""
    from stages.tables import check_same_images, read_fingerprint

    table = data / "images" / f"{dataset}.parquet"
    if not table.is_file():
        yield Finding("warning", f"{table} is not there yet; run `dvc repro`")
        return
    images = read_fingerprint(table)
    faults = checked = 0
    for file in _tables(dataset, backbones, methods, data):
        try:
            check_same_images(images, read_fingerprint(file))
        except TableError as error:
            yield Finding("fault", str(error))
            faults += 1
        checked += 1
    if not faults:
        yield Finding("ok", f"{dataset}: {checked} tables are of the images of {table}")


def check_leftovers(data: Path, metrics: Path, cache: Path) -> Iterator[Finding]:
    """Runs at work, unfinished work, and what killed runs left."""
    scratch = data / "scratch"
    running = list(find_running(scratch))
    for lock in running:
        yield Finding("warning", f"a stage is at work on {lock.relative_to(scratch).with_suffix('')}; wait for it")
    unfinished = [folder for folder in (scratch / "extract", scratch / "train") if any(_files(folder))]
    if unfinished and not running:
        size = sum(file.stat().st_size for folder in unfinished for file in _files(folder)) / 2**20
        yield Finding(
            "warning",
            f"{scratch} holds {size:.0f} MiB of unfinished work; `dvc repro` goes on there, or remove it",
        )
    parts = list(find_leftovers([data, metrics, cache]))
    if parts and not running:
        yield Finding(
            "warning", f"{_some(list(map(str, parts)))}: left by killed runs; remove them if nothing runs"
        )
    if not (running or unfinished or parts):
        yield Finding("ok", "no stage is at work, and none left anything unfinished")


def read_status(root: Path, patience: float) -> dict[str, Any]:
    """The answer of `dvc status`."""
    status: dict[str, Any] = json.loads(dvc(root, patience, "status", "--json"))
    return status


def _tables(dataset: str, backbones: Sequence[str], methods: Sequence[MethodName], data: Path) -> Iterator[Path]:
    """The tables that a run writes for a dataset, as far as they are there."""
    partitions = data / "partitions" / dataset
    places = [partitions / "ensemble.parquet", partitions / "dendrogram.parquet"]
    for backbone in backbones:
        places += [*sorted((data / "features" / dataset / backbone).glob("*.parquet"))]
        places.append(partitions / "baseline" / f"{backbone}.parquet")
    files = TrainedFiles(data, dataset)
    places += [files.partitions(name) for name in methods]
    places += [files.embedding(network) for network in all_networks(methods, backbones)]
    return (place for place in places if place.is_file())


def _causes(kind: str, what: Mapping[str, Any]) -> Iterator[str]:
    """What changed, in words: parameters by name, all code as one."""
    for path, how in what.items():
        if isinstance(how, dict):
            yield from (f"{path} {name}" for name in how)
        elif path.startswith("stages/"):
            yield "the code of the stages"
        elif kind == "changed deps":
            yield path


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file() and file.suffix != ".lock")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
