"""The table of the views' neighbour graph."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stages.core.errors import TableError
from stages.tables.links import read_links, write_links
from stages.tables.parquet import write_numbers

SETTINGS = {"layers": ["L3"], "structure": {"odds": 2.5, "cut": 0.25}}


@pytest.mark.parametrize("count", [0, 1, 5])
def test_links_come_back_as_they_were(tmp_path: Path, count: int) -> None:
    file = tmp_path / "graphs/d.parquet"
    links = np.arange(2 * count, dtype=np.int32).reshape(count, 2)
    write_links(file, links, "f", SETTINGS)
    found = read_links(file)
    assert found.links.dtype == np.int32 and found.links.shape == (count, 2)
    np.testing.assert_array_equal(found.links, links)
    assert (found.file, found.fingerprint, found.structure) == (file, "f", (2.5, 0.25))


def test_the_same_links_give_the_same_bytes(tmp_path: Path) -> None:
    links = np.array([[0, 1], [1, 0]], dtype=np.int32)
    for name in ("one", "other"):
        write_links(tmp_path / name, links, "f", SETTINGS)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@pytest.mark.parametrize(
    ("columns", "settings", "reason"),
    [
        (("start",), SETTINGS, "'Field \"end\" does not exist in schema' is missing"),
        (("start", "end"), {}, "'structure' is missing"),
        (("start", "end"), {"structure": None}, "'NoneType' object is not subscriptable"),
        (("start", "end"), {"structure": {"odds": "high", "cut": 1}}, "could not convert string to float: 'high'"),
        (("start", "end"), [1], "list indices must be integers or slices, not str"),
    ],
)
def test_what_the_stage_does_not_write_is_told_in_one_line(
    tmp_path: Path, columns: tuple, settings: object, reason: str
) -> None:
    file = tmp_path / "d.parquet"
    write_numbers(file, {name: pa.array([0], pa.int32()) for name in columns}, "links", "f", settings)
    with pytest.raises(TableError) as caught:
        read_links(file)
    assert str(caught.value) == f"{file} cannot be used ({reason}); delete it and run `dvc repro`"


def test_a_missing_table_and_one_of_another_kind_are_told(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"d\.parquet does not exist; run `dvc repro`"):
        read_links(tmp_path / "d.parquet")
    write_numbers(tmp_path / "d.parquet", {"start": pa.array([0])}, "partitions", "f", {})
    with pytest.raises(TableError, match="holds a table of kind 'partitions', not 'links'; delete it"):
        read_links(tmp_path / "d.parquet")
