"""Stage `baseline`: cluster one view by itself, in several ways, seeds and granularities."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer

from stages.clustering import (
    ALGORITHMS,
    Algorithm,
    Factor,
    check_finite,
    find_algorithm,
    normalise,
    principal_axes,
)
from stages.clustering.candidates import CANDIDATES, LEAST_RECALL, SHARED, find_candidates
from stages.clustering.preparation import Normalisation, different_images
from stages.core.checks import MOST
from stages.core.command import run
from stages.core.engine import MapTasks, tasks_on
from stages.core.runlog import Timings, write_runlog
from stages.core.seeds import derived_seed
from stages.params.file import PARAMS
from stages.params.n_clusters import provisional_n_clusters, resolve_n_clusters
from stages.params.options import DATA, Backbone, DataFolder, Dataset, Engine, Layers, NClusters, NInit, Seed
from stages.params.stage import ParamsFile, stage_application
from stages.tables import check_same_images, read_images, read_vectors, write_partitions


class _Run(NamedTuple):
    """A run's algorithm, overclustering factor, number among its like, and name."""

    algorithm: Algorithm
    factor: Factor
    number: int
    name: str


def baseline(
    dataset: Dataset,
    backbone: Backbone,
    n_clusters: NClusters,
    seed: Seed = 0,
    layers: Layers = ["L3"],  # noqa: B006 - Typer copies it
    algorithms: Annotated[
        list[str],
        typer.Option(
            help=f"Any of {', '.join(ALGORITHMS)}, with parameters like gdl:n_neighbors=10,a=0.95; multiple, "
            "seeds and subspace (a share of the features, drawn for each run) are parameters of each; "
            "multiple=auto: each run draws its number of clusters; repeatable."
        ),
    ] = [  # noqa: B006
        "kmeans",
        "ward",
        "gdl:n_neighbors=10",
        "kmeans:multiple=auto,seeds=10",
        "gdl:multiple=auto,n_neighbors=5,seeds=10,subspace=0.5",
    ],
    normalise_rows: Annotated[
        Normalisation,
        typer.Option(
            "--normalise",
            help="sqrt: signed square root of each feature, then rows of length 1; l2: only that; none.",
        ),
    ] = "sqrt",
    seeds: Annotated[
        int, typer.Option(min=1, max=MOST, help="Runs of each algorithm that depends on chance.")
    ] = 5,
    n_init: NInit = 10,
    overclustering: Annotated[
        list[int],
        typer.Option(
            min=1, max=MOST, help="Granularities: each gives runs with that many times n_clusters; repeatable."
        ),
    ] = [1],  # noqa: B006
    engine: Engine = "local",
    data: DataFolder = DATA,
    params: ParamsFile = PARAMS,
) -> None:
    """Cluster one backbone's features and write the partitions of all runs as one table.

    No run makes more clusters than there are different images. A run with a multiple above 1, or a drawn number,
    has finer clusters, on average of at least five images; such partitions are what the ensemble is made of. Each
    is a single start, because variety helps a consensus. Algorithms that find the number of clusters themselves
    run once, and label an image that they leave out -1.
    """
    images = read_images(data / "images" / f"{dataset}.parquet")
    known = resolve_n_clusters(n_clusters, images)
    count = known or provisional_n_clusters(len(images))
    chosen = [find_algorithm(name) for name in dict.fromkeys(algorithms)]
    started, timings = time.perf_counter(), Timings()
    labels: dict[str, np.ndarray] = {}
    settings: dict[str, dict[str, Any]] = {}
    recalls: dict[str, float] = {}
    for layer in layers:
        table = read_vectors(data / "features" / dataset / backbone / f"{layer}.parquet", "features")
        check_same_images(images, table)
        check_finite(table.values, f"the features in {table.file}", "extract them again, or leave the view out")
        features = normalise(table.values, normalise_rows)
        del table  # of large sets, the features as they were need not stay beside them
        reduced = principal_axes(features)
        first, equal = different_images([features])
        runs = list(_runs(chosen, layer, overclustering, seeds))
        for algorithm, factor, index, name in runs:
            own_seed = derived_seed(seed, "baseline", name)
            wanted = algorithm.run_n_clusters(
                factor, count, len(images), index, algorithm.seeds(seeds), own_seed, known is not None
            )
            settings[name] = {
                "algorithm": algorithm.label,
                "layer": layer,
                "overclustering": factor,
                "n_clusters": min(wanted, len(first)),
                "normalise": normalise_rows,
                "seed": own_seed,
                "n_init": n_init if factor == 1 else 1,
            }
        with tasks_on(engine) as map_tasks:
            # First what works on the reduced features, for which large sets then need no memory any more.
            on_distances = [run for run in runs if run.algorithm.distances_only]
            labels |= _partitions(map_tasks, on_distances, settings, timings, reduced, None)
            others = [run for run in runs if not run.algorithm.distances_only]
            graphs = [run for run in others if run.algorithm.merges_copies and run.number == 0]
            candidates = None
            if graphs and len(first) > SHARED:
                with timings.measure("candidates"):
                    candidates, found = _candidates(features, reduced, (first, equal), graphs, seed)
                recalls |= found
            del reduced
            labels |= _partitions(map_tasks, others, settings, timings, features, candidates)
    file = data / "partitions" / dataset / "baseline" / f"{backbone}.parquet"
    write_partitions(file, {name: labels[name] for name in settings}, settings, images.fingerprint)
    seconds = time.perf_counter() - started
    write_runlog(
        f"baseline-{dataset}-{backbone}",
        runs=len(labels),
        engine=engine,
        neighbour_recall=recalls,  # of the first run of each algorithm, empty where all searches are exact
        seconds=round(seconds, 3),
        seconds_in=timings.seconds(),
    )
    clusters = f"{known} clusters" if known else f"{count} clusters until their number is found"
    print(f"{dataset} through {backbone}: {len(labels)} partitions, {clusters}, {seconds:.1f} s")


def _partitions(
    map_tasks: MapTasks,
    runs: Sequence[_Run],
    settings: Mapping[str, Mapping[str, Any]],
    timings: Timings,
    features: np.ndarray,
    candidates: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """The labels of each run on the features, by the name of the run."""
    given = ((run.algorithm, settings[run.name]) for run in runs)
    partitions = map_tasks(_partition, given, features, candidates)
    labels = {}
    for algorithm, *_, name in runs:
        # With the time to compile its kernels, once; on a cluster, the time until the labels are here.
        with timings.measure(algorithm.label):
            labels[name] = next(partitions)
    return labels


def _partition(
    features: np.ndarray, candidates: np.ndarray | None, run: tuple[Algorithm, Mapping[str, Any]]
) -> np.ndarray:
    """The labels of a run, by its algorithm and settings."""
    algorithm, how = run
    return algorithm.partition(features, how["n_clusters"], how["seed"], how["n_init"], candidates)


def _runs(
    algorithms: Sequence[Algorithm], layer: str, overclustering: Sequence[int], seeds: int
) -> Iterator[_Run]:
    for algorithm in algorithms:
        for factor in algorithm.factors(overclustering):
            for index in range(algorithm.seeds(seeds)):
                yield _Run(algorithm, factor, index, f"{algorithm.label}/{layer}/x{factor}/seed{index}")


def _candidates(
    features: np.ndarray,
    turned: np.ndarray,
    copies: tuple[np.ndarray, np.ndarray],
    graphs: Sequence[_Run],
    seed: int,
) -> tuple[np.ndarray, dict[str, float]]:
    """The candidates that the `graphs` share, and which share of each one's neighbours is among them."""
    for number in CANDIDATES:
        candidates = find_candidates(turned, *copies, number)
        recalls = {
            name: algorithm.neighbour_recall(features, derived_seed(seed, "baseline", name), candidates)
            for algorithm, _, _, name in graphs
        }
        if min(recalls.values()) >= LEAST_RECALL:
            break
    for name, recall in recalls.items():
        if recall < LEAST_RECALL:
            print(f"{name}: only {recall:.1%} of the neighbours are found; lower its n_neighbors")
    return candidates, {name: round(recall, 4) for name, recall in recalls.items()}


app = stage_application(
    baseline,
    "n_clusters",
    "seed",
    "views.layers",
    "baseline.algorithms",
    "baseline.normalise=normalise_rows",
    "baseline.seeds",
    "baseline.n_init",
    "baseline.overclustering",
)

if __name__ == "__main__":
    run(app)
