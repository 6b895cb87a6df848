"""Ways to damage a file: its bytes, and what it says in its own format."""

import contextlib
import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import safe_open
from safetensors.numpy import save_file

from stages.core.seal import BLANK, seal, sealed_json
from stages.tables.sealed import seal_parquet

Harm = Callable[[Path, Random], None]  # changes the file in place

_WRONG: tuple[Any, ...] = (None, True, -1, 0, 1e308, 10**30, "", "x", [], {}, [[[[]]]], {"a": {"b": None}}, [None])


def _of_bytes(change: Callable[[bytearray, Random], bytes | bytearray]) -> Harm:
    def harm(file: Path, chance: Random) -> None:
        file.write_bytes(change(bytearray(file.read_bytes()), chance))

    return harm


def _flip(content: bytearray, chance: Random) -> bytearray:
    for _ in range(chance.randint(1, 8)):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return content


def _one_byte(content: bytearray, chance: Random) -> bytearray:
    content[chance.randrange(len(content))] = chance.randrange(256)
    return content


def _block(content: bytearray, chance: Random, new: Callable[[int], bytes]) -> bytearray:
    start = chance.randrange(len(content))
    length = chance.randint(1, min(512, len(content) - start))
    content[start : start + length] = new(length)
    return content


BYTES: Mapping[str, Harm] = {
    "bits flipped": _of_bytes(_flip),
    "another byte": _of_bytes(_one_byte),
    "a random block": _of_bytes(lambda content, chance: _block(content, chance, chance.randbytes)),
    "a block of zeros": _of_bytes(lambda content, chance: _block(content, chance, bytes)),
    "a block missing": _of_bytes(lambda content, chance: _block(content, chance, lambda length: b"")),
    "a block twice": _of_bytes(
        lambda content, chance: content[: (at := chance.randrange(len(content)))] * 2 + content[at:]
    ),
    "cut short": _of_bytes(lambda content, chance: content[: chance.randrange(len(content))]),
    "a few bytes short": _of_bytes(lambda content, chance: content[: -chance.randint(1, 9)]),
    "bytes behind it": _of_bytes(lambda content, chance: content + chance.randbytes(chance.randint(1, 99))),
    "empty": _of_bytes(lambda content, chance: b""),
    "all random": _of_bytes(lambda content, chance: chance.randbytes(len(content))),
    "a page of HTML": _of_bytes(lambda content, chance: b"<!DOCTYPE html><html><body>Not found</body></html>\n"),
    "nested": _of_bytes(lambda content, chance: b"[" * 100_000 + b"]" * 100_000),
}


def _changed(value: Any, chance: Random) -> Any:
    """A JSON value in which a key is missing, or something is of another type."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(sorted(value))
        if chance.random() < 0.25:
            return {name: part for name, part in value.items() if name != key}
        return value | {key: _changed(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.7:
        place = chance.randrange(len(value))
        return [*value[:place], _changed(value[place], chance), *value[place + 1 :]]
    return chance.choice([wrong for wrong in _WRONG if wrong != value or type(wrong) is not type(value)])


def _json(file: Path, chance: Random) -> None:
    file.write_text(json.dumps(_changed(json.loads(file.read_text()), chance), indent=2) + "\n")


def _csv(file: Path, chance: Random) -> None:
    rows = list(csv.reader(io.StringIO(file.read_text(), newline="")))
    row, column = chance.randrange(len(rows)), chance.randrange(len(rows[0]))
    match chance.choice(("cell", "row", "column", "order")):
        case "cell":
            rows[row][column] = chance.choice(("", "x", "-1", "nan", "1e999", "9" * 30))
        case "row":
            del rows[row]
        case "column":
            rows = [[cell for place, cell in enumerate(cells) if place != column] for cells in rows]
        case "order":
            rows[1:] = chance.sample(rows[1:], len(rows) - 1)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    file.write_text(text.getvalue())


def _parquet(file: Path, chance: Random) -> None:
    table = pq.read_table(file)
    metadata = pq.read_metadata(file).metadata
    place = chance.randrange(table.num_columns)
    name, values = table.column_names[place], table.column(place)
    match chance.choice(("missing", "renamed", "type", "order", "rows", "value", "nulls", "metadata", "metadata")):
        case "missing":
            table = table.remove_column(place)
        case "renamed":
            table = table.set_column(place, "other", values)
        case "type":
            text = pa.array([str(value) for value in values.to_pylist()])
            table = table.set_column(place, name, text)
        case "order":
            table = table.take(chance.sample(range(len(table)), len(table)))
        case "rows":
            table = table.slice(0, chance.randrange(len(table)))
        case "value":
            table = table.set_column(place, name, _other_value(values, chance))
        case "nulls":
            table = table.set_column(place, name, pa.nulls(len(table), values.type))
        case "metadata":
            content = _changed(json.loads(metadata[b"manyviews"]), chance)
            metadata = {**metadata, b"manyviews": json.dumps(content).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), file)


def _other_value(values: pa.ChunkedArray, chance: Random) -> pa.Array:
    found, place = values.to_pylist(), chance.randrange(len(values))
    match found[place]:
        case int():
            found[place] = chance.choice((-2, -(2**31), 2**31 - 1))
        case float():
            found[place] = chance.choice((np.nan, np.inf, -1.0))
        case list() as vector:
            found[place] = [chance.choice((np.nan, np.inf)), *vector[1:]]
        case _:
            found[place] = None
    return pa.array(found, values.type)


def _safetensors(file: Path, chance: Random) -> None:
    with safe_open(file, "numpy") as content:
        tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
        metadata = dict(content.metadata())
    name = chance.choice(sorted(tensors))
    match chance.choice(("missing", "renamed", "shape", "type", "value", "metadata", "metadata")):
        case "missing":
            del tensors[name]
        case "renamed":
            tensors["other"] = tensors.pop(name)
        case "shape":
            tensors[name] = np.concatenate([tensors[name].reshape(-1)] * 2)
        case "type":
            tensors[name] = tensors[name].astype(chance.choice((np.int64, np.float64, np.float16)))
        case "value":
            tensors[name] = np.full_like(tensors[name], chance.choice((0, 1, 127)))
        case "metadata":
            key = chance.choice(sorted(metadata))
            try:
                metadata[key] = json.dumps(_changed(json.loads(metadata[key]), chance))
            except ValueError:
                metadata[key] = "x"
    save_file(tensors, file, metadata)


# By the end of a file's name, what another program may do to it.
CONTENT: Mapping[str, Harm] = {".json": _json, ".csv": _csv, ".parquet": _parquet, ".safetensors": _safetensors}


def _seal_json(file: Path) -> None:
    content = json.loads(file.read_text())
    file.write_text(sealed_json(content if isinstance(content, dict) else {"x": content}))


def _seal_safetensors(file: Path) -> None:
    start = file.read_bytes()
    file.write_bytes(re.sub(rb"sha256:[0-9a-f]{64}", BLANK.encode(), start))
    with contextlib.suppress(ValueError):
        seal(file)


SEALED: Mapping[str, Callable[[Path], None]] = {
    ".json": _seal_json,
    ".parquet": seal_parquet,
    ".safetensors": _seal_safetensors,
}
