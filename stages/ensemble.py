"""Stage `ensemble`: combine the partitions of all views into one."""

import json
import time
from typing import Annotated, Any, Literal

import numpy as np
import typer

from stages.core.algorithm_name import algorithm_label, check_shares, parse_algorithm
from stages.core.atomic import write_text
from stages.core.command import run
from stages.core.csvtext import csv_text
from stages.core.runlog import Timings, write_runlog
from stages.params.file import PARAMS
from stages.params.n_clusters import resolve_n_clusters
from stages.params.options import AUTO, DATA, DataFolder, Dataset, NClusters
from stages.params.stage import ParamsFile, stage_application
from stages.tables import read_base_partitions, read_images, write_dendrogram, write_partitions
from stages.tables.manifest import read_manifest


def ensemble(
    dataset: Dataset,
    n_clusters: NClusters = AUTO,
    algorithms: Annotated[
        list[str],
        typer.Option(
            help="Algorithms whose baseline partitions are combined, with or without parameters; repeatable."
        ),
    ] = [  # noqa: B006
        "kmeans",
        "gdl:multiple=2,n_neighbors=5,seeds=10,subspace=0.5",
    ],
    shares: Annotated[
        list[float],
        typer.Option(
            min=0, help="Weight of each of these algorithms' partitions together, within every view; repeatable."
        ),
    ] = [1, 3],  # noqa: B006
    overclustering: Annotated[
        list[int], typer.Option(min=1, help="Factors whose baseline partitions are combined; repeatable.")
    ] = [2, 4, 5],  # noqa: B006
    linkage: Annotated[
        Literal["average", "single", "complete"], typer.Option(help="Of the co-association; average is MVEC's.")
    ] = "average",
    min_cluster_fraction: Annotated[
        float,
        typer.Option(
            help="Size from which a cluster counts, as a fraction of the mean size; images of smaller ones join "
            "the clusters they agree with most. 0: a plain cut."
        ),
    ] = 0.2,
    data: DataFolder = DATA,
    params: ParamsFile = PARAMS,
) -> None:
    """Combine the views' partitions by co-association and linkage; write clusters, confidences and dendrogram.

    Every view has an equal say, and within it every algorithm its share, however many partitions it brings. An
    image's confidence is its mean co-association with the other members of its cluster.
    """
    images = read_images(data / "images" / f"{dataset}.parquet")
    folder = data / "partitions" / dataset
    count = resolve_n_clusters(n_clusters, images)
    check_shares(shares, algorithms)
    settings: dict[str, Any] = {
        "algorithms": [algorithm_label(*parse_algorithm(text)) for text in algorithms],
        "shares": shares,
        "overclustering": overclustering,
        "linkage": linkage,
        "min_cluster_fraction": min_cluster_fraction,
        "backbones": read_manifest(data / "views" / dataset / "partitions.json"),
    }
    base = read_base_partitions(images, folder, settings)
    partitions, weights = base.partitions, base.weights

    from stages import consensus

    started, timings = time.perf_counter(), Timings()
    with timings.measure("loading or compiling kernels"):
        consensus.warm_up()
    with timings.measure("consensus"):
        estimator = consensus.CoassociationClustering(count or AUTO, linkage, weights, min_cluster_fraction)
        labels = estimator.fit_predict(partitions)
        found, dendrogram = estimator.n_clusters_, estimator.dendrogram_
        confidence = consensus.membership_confidence(partitions, labels, weights)
    with timings.measure("stability"):
        counts = consensus.candidates(len(images), found)
        stability = consensus.consensus_stability(partitions, counts, linkage, weights)
    settings |= {"n_clusters": found, "n_partitions": partitions.shape[1]}
    if count is None:
        settings["n_clusters_by"] = "longest lifetime"
    write_partitions(folder / "ensemble.parquet", {"ensemble": labels}, {"ensemble": settings}, images.fingerprint)
    write_dendrogram(folder / "dendrogram.parquet", dendrogram.merges, images.fingerprint, settings)
    rows = zip(images.paths, labels, (f"{value:.6f}" for value in confidence), strict=True)
    write_text(folder / "assignments.csv", csv_text(["path", "cluster", "confidence"], rows))
    write_text(folder / "n_clusters.json", json.dumps({"n_clusters": found}) + "\n")
    lifetimes = dendrogram.lifetimes()
    curve = ((k, f"{lifetimes[k]:.6f}", _number(value)) for k, value in zip(counts, stability, strict=True))
    write_text(folder / "cluster_counts.csv", csv_text(["clusters", "lifetime", "stability"], curve))
    write_runlog(
        f"ensemble-{dataset}",
        partitions=partitions.shape[1],
        seconds=round(time.perf_counter() - started, 3),
        seconds_in=timings.seconds(),
    )
    why = "" if count else " (the number that lasts longest)"
    views = len(settings["backbones"])
    print(f"{dataset}: {partitions.shape[1]} partitions of {views} views into {found} clusters{why}")


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6f}"


app = stage_application(
    ensemble,
    "n_clusters",
    "ensemble.algorithms",
    "ensemble.shares",
    "ensemble.overclustering",
    "ensemble.linkage",
    "ensemble.min_cluster_fraction",
)

if __name__ == "__main__":
    run(app)
