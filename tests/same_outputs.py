"""Whether two folders of the project hold the same results: `python -m tests.same_outputs BEFORE AFTER`.

For changes that must not move a figure: run the pipeline before and after, in two clones on one machine, and
compare. Files are compared byte by byte; where a table or a network differs, by its columns or tensors, and the
keys of its metadata that differ are listed. Ends with status 1 where content differs, or a file is on one side
only.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from safetensors import safe_open

_NOT_RESULTS = ("corrections", "raw", "scratch")  # below data/


def result_files(project: Path) -> set[str]:
    """The results of a project, by their paths below its folder."""
    found = [file for top in ("data", "metrics") for file in (project / top).rglob("*") if file.is_file()]
    paths = [file.relative_to(project) for file in found if file.name != ".gitignore"]
    return {path.as_posix() for path in paths if path.parts[1] not in _NOT_RESULTS}


def content(file: Path) -> tuple[dict[str, np.ndarray] | None, dict[str, Any]]:
    """The columns of a table or the tensors of a network, and its metadata; no content for any other file."""
    if file.suffix == ".parquet":
        table = pq.read_table(file)
        columns = {name: np.asarray(table[name].to_pylist(), dtype=object) for name in table.column_names}
        return columns, json.loads(pq.read_metadata(file).metadata[b"manyviews"])
    if file.suffix == ".safetensors":
        with safe_open(file, "np") as tensors:
            metadata = {key: json.loads(value) for key, value in (tensors.metadata() or {}).items()}
            return {name: tensors.get_tensor(name) for name in tensors.keys()}, metadata  # noqa: SIM118
    return None, {}


def same_content(one: dict[str, np.ndarray] | None, other: dict[str, np.ndarray] | None) -> bool:
    """Whether both have content, of the same names in the same order, and equal to the last bit."""
    if one is None or other is None or list(one) != list(other):
        return False
    pairs = [(one[name], other[name]) for name in one]
    return all(a.dtype == b.dtype and a.shape == b.shape and a.tolist() == b.tolist() for a, b in pairs)


def other_keys(one: Any, other: Any, key: str = "") -> Iterator[str]:
    """Yield the keys that only one side has, and those whose values differ, at any depth."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            if name in one and name in other:
                yield from other_keys(one[name], other[name], name)
            else:
                yield f"{name} ({'before' if name in one else 'after'} only)"
    elif one != other:
        yield f"{key} (another value)"


def main(before: Path, after: Path) -> int:
    """Print what differs between two projects; return 1 if results do, else 0."""
    files = {project: result_files(project) for project in (before, after)}
    alone = sorted(files[before] ^ files[after])
    keys: dict[str, list[str]] = defaultdict(list)
    same, different = 0, []
    for path in sorted(files[before] & files[after]):
        one, other = before / path, after / path
        if one.read_bytes() == other.read_bytes():
            same += 1
            continue
        if one.suffix == ".json":
            found = set(other_keys(json.loads(one.read_text()), json.loads(other.read_text())))
            if any(key.endswith("(another value)") for key in found - {"seal (another value)"}):
                different.append(path)
            else:
                for key in found:
                    keys[key].append(path)
            continue
        (one_content, one_metadata), (other_content, other_metadata) = content(one), content(other)
        if same_content(one_content, other_content):
            for key in set(other_keys(one_metadata, other_metadata)):
                keys[key].append(path)
        else:
            different.append(path)
    total = len(files[before] & files[after])
    print(f"{same} of {total} files have the same bytes, {total - same - len(different)} the same content")
    for key, paths in sorted(keys.items()):
        print(f"metadata: {key} in {len(paths)} files, such as {paths[0]}")
    for path in alone:
        print(f"only {'before' if path in files[before] else 'after'}: {path}")
    for path in different:
        print(f"differs: {path}")
    return int(bool(alone or different))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m tests.same_outputs BEFORE AFTER")
    sys.exit(main(*map(Path, sys.argv[1:])))
