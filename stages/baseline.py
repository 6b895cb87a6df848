"""Stage `baseline`: cluster one view by itself, in several ways, seeds and granularities."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from stages.cluster_count import resolve_n_clusters
from stages.clustering import find_algorithm, finer, normalise
from stages.command import application, run
from stages.runlog import write_runlog
from stages.seeds import derived_seed
from stages.tables import check_same_images, read_images, read_vectors, write_partitions


def baseline(
    dataset: Annotated[str, typer.Option(help="Name of the dataset: the folder under data/raw.")],
    backbone: Annotated[str, typer.Option(help="Name of the backbone whose features are clustered.")],
    n_clusters: Annotated[str, typer.Option(help="Number of clusters, or 'classes': as many as labels.")],
    seed: Annotated[int, typer.Option(help="Seed that all the runs' seeds are derived from.")] = 0,
    layers: Annotated[list[str], typer.Option(help="Layer to cluster; repeatable.")] = ["L3"],  # noqa: B006
    algorithms: Annotated[list[str], typer.Option(help="kmeans or ward; repeatable.")] = ["kmeans", "ward"],  # noqa: B006
    normalise_rows: Annotated[
        str,
        typer.Option(
            "--normalise",
            help="sqrt: signed square root of each feature, then rows of length 1; l2: only that; none.",
        ),
    ] = "sqrt",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each algorithm that depends on chance.")] = 5,
    n_init: Annotated[int, typer.Option(min=1, help="K-means starts in a run; the best is kept.")] = 10,
    multiples: Annotated[
        list[int],
        typer.Option(min=1, help="Granularities: each gives runs with that many times n_clusters; repeatable."),
    ] = [1, 4, 5],  # noqa: B006
    data: Annotated[Path, typer.Option(help="Folder of the pipeline's data.")] = Path("data"),
) -> None:
    """Cluster one backbone's features and write the partitions of all runs as one table.

    A run with a multiple above 1 has finer clusters, on average of at least five images; such partitions are
    what the ensemble is made of. Each is a single K-means start, because variety helps a consensus.
    """
    images = read_images(data / "images" / f"{dataset}.parquet")
    count = resolve_n_clusters(n_clusters, images)
    chosen = [find_algorithm(name) for name in dict.fromkeys(algorithms)]
    started = time.perf_counter()
    labels, settings = {}, {}
    for layer in layers:
        table = read_vectors(data / "features" / dataset / backbone / f"{layer}.parquet", "features")
        check_same_images(images, table)
        features = normalise(table.values, normalise_rows)
        for algorithm in chosen:
            for multiple in dict.fromkeys(multiples):
                clusters = finer(count, multiple, len(images))
                for index in range(seeds if algorithm.random else 1):
                    name = f"{algorithm.name}/{layer}/x{multiple}/seed{index}"
                    run_settings: dict[str, Any] = {
                        "algorithm": algorithm.name,
                        "layer": layer,
                        "multiple": multiple,
                        "n_clusters": clusters,
                        "normalise": normalise_rows,
                        "seed": derived_seed(seed, "baseline", name),
                        "n_init": n_init if multiple == 1 else 1,
                    }
                    labels[name] = algorithm.partition(
                        features, clusters, run_settings["seed"], run_settings["n_init"]
                    )
                    settings[name] = run_settings
    write_partitions(
        data / "partitions" / dataset / "baseline" / f"{backbone}.parquet", labels, settings, images.fingerprint
    )
    seconds = time.perf_counter() - started
    write_runlog(f"baseline-{dataset}-{backbone}", runs=len(labels), seconds=round(seconds, 3))
    print(f"{dataset} through {backbone}: {len(labels)} partitions, {count} clusters, {seconds:.1f} s")


app = application(baseline)

if __name__ == "__main__":
    run(app)
