"""How much memory is said to be free, in a container and outside one, and what is refused."""

from types import SimpleNamespace

import pytest

from stages.core import memory
from stages.core.errors import ParameterError


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with 8 GiB free, whose container, if any, is told by files in a folder."""
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=8 << 30))
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)

    def limit(most, used):
        (tmp_path / "memory.max").write_text(f"{most}\n")
        (tmp_path / "memory.current").write_text(f"{used}\n")

    return limit


def test_without_a_container(machine):
    assert memory.available_memory() == 8 << 30


@pytest.mark.parametrize(
    ("most", "used", "expected"),
    [
        ("max", 1 << 30, 8 << 30),
        (3 << 30, 1 << 30, 2 << 30),
        (64 << 30, 1 << 30, 8 << 30),
        (3 << 30, 4 << 30, 0),
    ],
    ids=["no limit", "the container has less", "the machine has less", "nothing left"],
)
def test_in_a_container(machine, most, used, expected):
    machine(most, used)
    assert memory.available_memory() == expected


def test_a_container_that_says_nothing_readable(machine):
    machine("lots", "some")
    assert memory.available_memory() == 8 << 30


def test_what_fits_passes_and_what_does_not_is_refused_with_both_figures(machine):
    memory.require_memory(8 << 30, "the matrix", "cluster fewer images")
    message = r"the matrix would take 8\.5 GiB of memory, of which 8\.0 GiB are free; cluster fewer images$"
    with pytest.raises(ParameterError, match=message):
        memory.require_memory(8.5 * 2**30, "the matrix", "cluster fewer images")
