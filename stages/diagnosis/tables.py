"""The tables that the pipeline wrote: whether they can be read and are of the images that are there now."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from stages.core.errors import DatasetError, ParameterError, TableError
from stages.correcting import numbers_file, read_numbers, read_rows
from stages.diagnosis.finding import Finding, examine, fault, ok, warning
from stages.params.transfers import TRANSFERS, check_transfers, sources_of
from stages.tables import check_same_images, read_fingerprint, read_images
from stages.tables.methods import MethodName, all_methods, all_networks
from stages.tables.results import read_assignments, read_result
from stages.tables.trained_files import TrainedFiles


def check_tables(parameters: Mapping[str, Any], data: Path) -> Iterator[Finding]:
    """The tables of every dataset in params.yaml; what is not a list in it holds nothing here."""
    datasets, backbones, objectives, baselines, networks, representations = (
        list(map(str, value if isinstance(value := parameters.get(key), list) else []))
        for key in ("datasets", "backbones", "objectives", "image_baselines", "image_methods", "representations")
    )
    try:
        transfers = check_transfers(parameters.get(TRANSFERS))
    except ParameterError:  # which another check reports
        transfers = []
    for name in datasets:
        methods = all_methods(objectives, [*baselines, *networks], sources_of(name, transfers), representations)
        yield from examine(partial(_check_dataset, name, backbones, methods, data))


def _check_dataset(
    dataset: str, backbones: Sequence[str], methods: Sequence[MethodName], data: Path
) -> Iterator[Finding]:
    """That the tables of a dataset can be read and were made from the images of its image table."""
    table = data / "images" / f"{dataset}.parquet"
    if not table.is_file():
        yield warning(f"{table} does not exist yet; run `dvc repro`")
        return
    images = read_fingerprint(table)
    folder = data / "results" / dataset
    checks: dict[Path, Callable[[Path], object]] = {
        file: lambda file: check_same_images(images, read_fingerprint(file))
        for file in _tables(dataset, backbones, methods, data)
    }
    # These are no tables with a fingerprint.
    checks[folder / "assignments.csv"] = lambda _: read_assignments(folder, read_images(table))
    checks[folder / "result.json"] = lambda _: read_result(folder)
    checks[data / "corrections" / f"{dataset}.csv"] = read_rows
    checks[numbers_file(data, dataset)] = read_numbers
    there = {file: check for file, check in checks.items() if file.is_file()}
    faults = set[str]()  # one file may be the fault of two checks
    for file, check in there.items():
        try:
            check(file)
        except (DatasetError, TableError) as error:
            if str(error) not in faults:
                yield fault(str(error))
            faults.add(str(error))
    if not faults:
        yield ok(f"{dataset}: {len(there)} tables are of the images of {table}")


def _tables(dataset: str, backbones: Sequence[str], methods: Sequence[MethodName], data: Path) -> list[Path]:
    """The tables that a run writes for a dataset; whether they are there is not asked."""
    partitions = data / "partitions" / dataset
    places = [data / "graphs" / f"{dataset}.parquet"]
    places += [partitions / f"{name}.parquet" for name in ("ensemble", "dendrogram", "cuts")]
    for backbone in backbones:
        places += [*sorted((data / "features" / dataset / backbone).glob("*.parquet"))]
        places.append(partitions / "baseline" / f"{backbone}.parquet")
    files = TrainedFiles(data, dataset)
    places += [files.partitions(name) for name in methods]
    return [*places, *(files.embedding(network) for network in all_networks(methods, backbones))]
