"""Lists of which tables are current, with their digests, for later stages to depend on.

A folder keeps the files of backbones that were removed from params.yaml, and DVC lets a stage depend on files
that dvc.yaml names or on folders, not on a list of names from params.yaml. So a stage that needs the tables of
all backbones depends on a manifest instead: it names the current tables alone, and leftovers neither enter a
result nor make a stage run again.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from stages.core.atomic import write_text
from stages.tables.textfiles import json_of, understanding


def write_manifest(file: Path, digests: Mapping[str, Mapping[str, str]]) -> None:
    """Write {name: {table: sha256}} as JSON, keeping the order of the names."""
    write_text(file, json.dumps({name: dict(tables) for name, tables in digests.items()}, indent=2) + "\n")


def read_manifest(file: Path, table: str = "") -> list[str]:
    """Return the names in a manifest (the backbones, say), in order; with `table`, those that have this one."""
    with understanding(file):
        return [name for name, tables in json_of(file).items() if not table or table in tables]
