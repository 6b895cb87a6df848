"""Damage to a table, a network, a card or a list is found, whichever byte it is in."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from stages.core.errors import TableError
from stages.core.seal import BLANK, SealError, check_seal, check_sealed, seal, sealed, sealed_json, unsealed_json
from stages.deep.model_files import ModelError, read_model_file, write_model_file
from stages.tables import (
    Image,
    read_dendrogram,
    read_images,
    read_partitions,
    read_vectors,
    write_dendrogram,
    write_images,
    write_partitions,
    write_vectors,
)
from stages.tables.parquet import write_numbers
from stages.tables.sealed import SealedFile, seal_parquet

VALUES = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
MERGES = np.array([[0, 1, 0.1, 2], [2, 3, 0.5, 3]], dtype=np.float64)
Read = Callable[[Path], object]


def write_all(folder: Path) -> dict[Path, Read]:
    """Write a file of each kind; what reads all of it, by file."""
    write_vectors(folder / "v.parquet", "features", [VALUES], "f", {"layer": "L3"})
    write_partitions(folder / "p.parquet", {"a": np.arange(4)}, {"a": {"seed": 0}}, "f")
    write_dendrogram(folder / "d.parquet", MERGES, "f", {"linkage": "average"})
    write_images(folder / "i.parquet", [Image("a.png", b"a" * 50, 0, 4, 3), Image("b", b"b", None, 1, 1)], ["x"])
    write_model_file(folder / "m.safetensors", {"w": torch.arange(6.0).reshape(2, 3)}, {"k": 1}, {"seed": 0})

    def images(file: Path) -> object:
        table = read_images(file)
        labels, sizes = table.labels.tolist(), table.sizes.tolist()
        return table.paths, table.class_names, labels, sizes, table.fingerprint, list(table.read_bytes())

    def model(file: Path) -> object:
        tensors, facts, settings = read_model_file(file)
        return {name: tensor.tolist() for name, tensor in tensors.items()}, facts, settings

    def vectors(file: Path) -> object:
        table = read_vectors(file, "features")
        return table.values.tolist(), table.metadata

    def partitions(file: Path) -> object:
        table = read_partitions(file)
        return {name: values.tolist() for name, values in table.labels.items()}, table.settings, table.fingerprint

    def dendrogram(file: Path) -> object:
        table = read_dendrogram(file)
        return table.merges.tolist(), table.settings, table.fingerprint

    readers: dict[str, Read] = {
        "v.parquet": vectors,
        "p.parquet": partitions,
        "d.parquet": dendrogram,
        "i.parquet": images,
    }
    return {folder / name: read for name, read in readers.items()} | {folder / "m.safetensors": model}


def test_no_byte_can_be_another_one(tmp_path: Path) -> None:
    chance = Random(0)
    for file, read in write_all(tmp_path).items():
        sound, content = read(file), file.read_bytes()
        for place in range(chance.randrange(29), len(content), 29):
            harmed = bytearray(content)
            harmed[place] ^= chance.randrange(1, 256)
            file.write_bytes(harmed)
            try:
                assert read(file) == sound, (file, place)
            except (TableError, ModelError) as error:
                assert str(error).startswith(f"{file} ") and "\n" not in str(error)
        for end in range(chance.randrange(97), len(content), 97):
            file.write_bytes(content[:end])
            with pytest.raises((TableError, ModelError)):
                read(file)


def test_other_programs_read_a_sealed_table(tmp_path: Path) -> None:
    file = tmp_path / "p.parquet"
    labels = np.arange(3_000, dtype=np.int32) % 7
    write_partitions(file, {"a": labels}, {"a": {}}, "f")
    assert pd.read_parquet(file)["a"].tolist() == pq.read_table(file)["a"].to_pylist() == labels.tolist()


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20])
def test_a_sealed_file_gives_any_part_of_the_original(tmp_path: Path, size: int) -> None:
    """Whatever the number of blocks. `size` bytes are random, and a footer's length stands for the footer."""
    file, content = tmp_path / "f", Random(size).randbytes(size)
    file.write_bytes(content + b"footer" + (6).to_bytes(4, "little") + b"PAR1")
    seal_parquet(file)
    with SealedFile(file) as stream:
        assert stream.read(size) == content
        end = stream.seek(0, io.SEEK_END)
        assert end == file.stat().st_size == size + 32 * -(-size // (1 << 20)) + 32 + 8 + 6 + 8
        stream.seek(-14, io.SEEK_END)
        assert stream.read() == b"footer" + (6).to_bytes(4, "little") + b"PAR1"
        for place in {0, size // 3, max(size - 5, 0)}:
            stream.seek(place)
            assert stream.read(9)[: size - place] == content[place : place + 9]


def test_only_what_is_read_is_checked(tmp_path: Path) -> None:
    """So a large table of images opens without all of its bytes being read."""
    file = tmp_path / "i.parquet"
    write_images(file, [Image(f"{i}.png", bytes([i]) * 3_000_000, None, 1, 1) for i in range(3)], [])
    content = bytearray(file.read_bytes())
    content[4_000_000] ^= 1
    file.write_bytes(content)
    images = read_images(file)
    assert len(images) == 3
    with pytest.raises(TableError, match=r"i\.parquet is not a readable .* \(its bytes from 3145728 on were"):
        list(images.read_bytes())


@pytest.mark.parametrize(
    ("merges", "reason"),
    [
        ([[0, 9, 0.1, 2], [2, 3, 0.5, 3]], "its merges join other groups than there are"),
        ([[0, 3, 0.1, 2], [1, 2, 0.5, 3]], "its merges join other groups than there are"),
        ([[0, 1, 0.6, 2], [2, 3, 0.5, 3]], "its heights are no numbers that never decrease"),
        ([[0, 1, np.nan, 2], [2, 3, 0.5, 3]], "its heights are no numbers that never decrease"),
        (
            [[0, 1, 0.1, 2], [2, 3, 0.5, 4]],
            "its merges have other numbers of images than their groups",
        ),
    ],
)
def test_a_dendrogram_that_cannot_be(tmp_path: Path, merges: list[list[float]], reason: str) -> None:
    file = tmp_path / "d.parquet"
    write_dendrogram(file, np.array(merges), "f", {})
    with pytest.raises(TableError) as caught:
        read_dendrogram(file)
    assert str(caught.value) == f"{file} cannot be used ({reason}); delete it and run `dvc repro`"


@pytest.mark.parametrize(
    ("columns", "settings", "reason"),
    [
        ({"a": pa.array([0, 1], pa.int32())}, {}, "'a' is missing"),
        ({"a": pa.array([0, 1], pa.int32())}, [], "list indices must be integers or slices, not str"),
        ({"a": pa.array([0, 1], pa.int32())}, {"a": 1}, "'int' object is not iterable"),
        ({"a": pa.array([0, -2], pa.int32())}, {"a": {}}, "a has labels from -2 to 0 of 2 images"),
        ({"a": pa.array([0, 2], pa.int32())}, {"a": {}}, "a has labels from 0 to 2 of 2 images"),
        ({"a": pa.array([0.5, 1])}, {"a": {}}, "the column 'a' is double, not int32"),
        (
            {"a": pa.array([0, None], pa.int32())},
            {"a": {}},
            "the column 'a' is int32 with 1 empty fields, not int32",
        ),
        ({}, {}, "it holds no partition"),
    ],
)
def test_partitions_that_cannot_be(
    tmp_path: Path, columns: dict[str, pa.Array], settings: object, reason: str
) -> None:
    file = tmp_path / "p.parquet"
    write_numbers(file, {"image_id": pa.array([0, 1]), **columns}, "partitions", "f", settings)
    with pytest.raises(TableError) as caught:
        read_partitions(file)
    assert str(caught.value) == f"{file} cannot be used ({reason}); delete it and run `dvc repro`"


def test_a_sealed_text_and_its_inverse() -> None:
    content = {"a": [1.5, None], "b": {"ü": "x"}}
    text = sealed_json(content)
    assert unsealed_json(text) == content and list(json.loads(text))[-1] == "seal"
    for place in range(len(text)):
        with pytest.raises(SealError):
            unsealed_json(text[:place] + ("x" if text[place] != "x" else "y") + text[place + 1 :])
    check_sealed(sealed(f"12 photos {BLANK}\n"))
    for text in ("", "{}", "12", "[" * 100_000, f"12 photos {BLANK}\n"):
        with pytest.raises(SealError):
            check_sealed(text)


def test_a_file_larger_than_a_block_is_sealed_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(BLANK.encode() + bytes(3 << 20))
    seal(file)
    check_seal(file)
    content = bytearray(file.read_bytes())
    content[-1] = 1
    file.write_bytes(content)
    with pytest.raises(SealError, match="its content was changed"):
        check_seal(file)
