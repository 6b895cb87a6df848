"""What it costs to find damage: tables of vectors with seals, and with the checksums of Parquet's pages alone."""

import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import psutil
import pyarrow.parquet as pq

from stages.tables import read_vectors, write_vectors
from tests.benchmarks.comparison import Comparison, Measured, Side

_N, _WIDTH = 10_000, 1_280
_TIMES = 10  # in a run, of which the fastest counts


def _reading(folder: Path) -> tuple[Side, Side]:
    """Our way to read a table, and the way before there were seals: pages checked by pyarrow."""
    file = _table(folder)

    def theirs() -> None:
        values = np.empty((_N, _WIDTH), dtype=np.float32)
        start = 0
        with pq.ParquetFile(file, page_checksum_verification=True, buffer_size=1 << 20, pre_buffer=False) as table:
            for group in range(table.num_row_groups):
                vectors = table.read_row_group(group, columns=["features"])["features"].combine_chunks()
                values[start : start + len(vectors)] = vectors.flatten().to_numpy().reshape(len(vectors), -1)
                start += len(vectors)

    return _measured(lambda: read_vectors(file, "features")), _measured(theirs)


def _writing(folder: Path) -> tuple[Side, Side]:
    """Writing a table, and that without the seal: the difference is the time of sealing."""
    file = _table(folder)
    values = read_vectors(file, "features").values

    def unsealed() -> None:
        with patch("stages.tables.parquet.seal_parquet"):
            write_vectors(file, "features", [values], "f", {})

    return _measured(lambda: write_vectors(file, "features", [values], "f", {})), _measured(unsealed)


def _table(folder: Path) -> Path:
    values = np.random.default_rng(0).normal(size=(_N, _WIDTH)).astype(np.float32)
    write_vectors(folder / "v.parquet", "features", [values], "f", {})
    return folder / "v.parquet"


def _measured(call: Callable[[], object]) -> Side:
    def side() -> Measured:
        seconds = []
        for _ in range(_TIMES):
            started = time.process_time()
            call()
            seconds.append(time.process_time() - started)
        return Measured(min(seconds), psutil.Process().memory_info().rss / 2**20)

    return side


_TABLE = f"a table of {_N:,} x {_WIDTH:,} float32"
COMPARISONS = (
    Comparison("seal-read", f"{_TABLE} read with its seal, and without", _N, "CPU s", _reading),
    Comparison("seal-write", f"{_TABLE} written with its seal, and without", _N, "CPU s", _writing),
)
