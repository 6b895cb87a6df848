"""Which datasets are clustered by the network that was trained on the images of another one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stages.core.checks import check_once
from stages.core.errors import ParameterError
from stages.params.file import read_params
from stages.tables.methods import TRANSFERRED

TRANSFERS = "transfers"  # the list in the file of parameters


class Transfer(NamedTuple):
    """Two datasets: the one that a network was trained on, and the one that it clusters."""

    source: str
    dataset: str


def check_transfers(given: Any) -> list[Transfer]:
    """Return the entries of the list; raise `ParameterError` for what is none, and for two of the same."""
    if given is None:
        raise ParameterError(f"{TRANSFERS} is empty; write [] for none")
    if not isinstance(given, list):
        raise ParameterError(f"{TRANSFERS} is {given!r}; write a list, each {{source: NAME, dataset: NAME}}")
    for entry in given:
        names = isinstance(entry, dict) and all(isinstance(value, str | int) for value in entry.values())
        if not names or entry.keys() != {*Transfer._fields}:
            raise ParameterError(f"{TRANSFERS} holds {entry!r}; write {{source: NAME, dataset: NAME}}")
    found = [Transfer(str(entry["source"]), str(entry["dataset"])) for entry in given]
    check_once(TRANSFERS, [f"{source} to {dataset}" for source, dataset in found], "transfer")
    return found


def check_reachable(transfers: Sequence[Transfer], datasets: Sequence[str], image_methods: Sequence[str]) -> None:
    """Raise `ParameterError` where a transfer needs a dataset, or a network, that no run would make."""
    for name in dict.fromkeys(name for transfer in transfers for name in transfer):
        if name not in datasets:
            raise ParameterError(f"{TRANSFERS} names {name!r}, which is none of the datasets; add it to them")
    if transfers and TRANSFERRED not in image_methods:
        raise ParameterError(f"{TRANSFERS} needs the networks of {TRANSFERRED}; add it to the image_methods")


def sources_of(dataset: str, transfers: Sequence[Transfer]) -> list[str]:
    """Return the sources of the transfers to the dataset."""
    return [transfer.source for transfer in transfers if transfer.dataset == dataset]


def read_transfers(file: Path) -> list[Transfer]:
    """Read the list from a YAML file of parameters."""
    return check_transfers(read_params(file).get(TRANSFERS))
