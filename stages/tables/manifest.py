"""Lists of which tables are current, with their digests, for later stages to depend on.

A folder keeps the files of backbones that were removed from params.yaml, and DVC lets a stage depend on files
that dvc.yaml names or on folders, not on a list of names from params.yaml. So a stage that needs the tables of
all backbones depends on a manifest instead: it names the current tables alone, and leftovers neither enter a
result nor make a stage run again.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from stages.tables.textfiles import check_digest, json_of, understanding, write_json

TASK = "task"  # what a manifest may say of a dataset beside its tables: the kind of task that it poses


def write_manifest(file: Path, digests: Mapping[str, Mapping[str, str]]) -> None:
    """Write {name: {table: sha256}} as JSON, keeping the order of the names."""
    write_json(file, {name: dict(tables) for name, tables in digests.items()})


def read_manifest(file: Path, table: str = "") -> list[str]:
    """Return the names in a manifest (the backbones, say), in order; with `table`, those that have this one."""
    with understanding(file):
        return [name for name, tables in json_of(file).items() if not table or table in tables]


def read_task(manifest: Path, dataset: str) -> str:
    """Return the task that the manifest gives a dataset, "" where it gives none."""
    with understanding(manifest):
        return str(json_of(manifest)[dataset].get(TASK, ""))


def check_listed(manifest: Path, name: str, files: Iterable[Path]) -> None:
    """Raise `TableError` for the first of the `files` that is not the one which the manifest lists under `name`.

    A file that is not listed is not checked.
    """
    with understanding(manifest):
        digests = dict(json_of(manifest)[name])
        for file in files:
            if file.name in digests:
                check_digest(file, manifest, digests[file.name])
