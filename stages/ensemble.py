"""Stage `ensemble`: combine the partitions of all views into one."""

import csv
import io
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from stages.atomic import write_text
from stages.cluster_count import resolve_n_clusters
from stages.command import application, run
from stages.errors import ParameterError
from stages.manifest import read_manifest
from stages.runlog import write_runlog
from stages.tables import Partitions, check_same_images, read_images, read_partitions, write_partitions


def ensemble(
    dataset: Annotated[str, typer.Option(help="Name of the dataset: the folder under data/raw.")],
    n_clusters: Annotated[str, typer.Option(help="Number of clusters, or 'classes': as many as labels.")],
    algorithms: Annotated[
        list[str], typer.Option(help="Algorithms whose baseline partitions are combined; repeatable.")
    ] = ["kmeans"],  # noqa: B006
    multiples: Annotated[
        list[int], typer.Option(help="Granularities whose baseline partitions are combined; repeatable.")
    ] = [4, 5],  # noqa: B006
    linkage: Annotated[str, typer.Option(help="average (MVEC), single or complete.")] = "average",
    data: Annotated[Path, typer.Option(help="Folder of the pipeline's data.")] = Path("data"),
) -> None:
    """Combine the views' partitions by co-association and linkage; write clusters and confidences.

    Every view has an equal say: it brings the same number of partitions. An image's confidence is its mean
    co-association with the other members of its cluster.
    """
    from stages.consensus import CoassociationClustering, membership_confidence

    images = read_images(data / "images" / f"{dataset}.parquet")
    count = resolve_n_clusters(n_clusters, images)
    backbones = read_manifest(data / "views" / dataset / "partitions.json")
    tables = [
        read_partitions(data / "partitions" / dataset / "baseline" / f"{backbone}.parquet")
        for backbone in backbones
    ]
    check_same_images(images, *tables)
    started = time.perf_counter()
    partitions = np.column_stack([_chosen(table, algorithms, multiples) for table in tables])
    labels = CoassociationClustering(count, linkage=linkage).fit_predict(partitions)
    confidence = membership_confidence(partitions, labels)
    settings = {
        "algorithms": algorithms,
        "multiples": multiples,
        "linkage": linkage,
        "n_clusters": count,
        "n_partitions": partitions.shape[1],
        "backbones": backbones,
    }
    folder = data / "partitions" / dataset
    write_partitions(folder / "ensemble.parquet", {"ensemble": labels}, {"ensemble": settings}, images.fingerprint)
    write_text(folder / "assignments.csv", _assignments(images.paths, labels, confidence))
    seconds = time.perf_counter() - started
    write_runlog(f"ensemble-{dataset}", partitions=partitions.shape[1], seconds=round(seconds, 3))
    print(f"{dataset}: {partitions.shape[1]} partitions of {len(backbones)} views into {count} clusters")


def _chosen(table: Partitions, algorithms: list[str], multiples: list[int]) -> np.ndarray:
    """The wanted runs of one view's table, int32 (n, runs)."""
    runs = [
        labels
        for name, labels in table.labels.items()
        if table.settings[name]["algorithm"] in algorithms and table.settings[name]["multiple"] in multiples
    ]
    if not runs:
        had = sorted({f"{run['algorithm']} x{run['multiple']}" for run in table.settings.values()})
        raise ParameterError(
            f"{table.file} has no run of {', '.join(algorithms)} at the multiples "
            f"{', '.join(map(str, multiples))}; it has {', '.join(had)}"
        )
    return np.column_stack(runs)


def _assignments(paths: tuple[str, ...], labels: np.ndarray, confidence: np.ndarray) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["path", "cluster", "confidence"])
    for path, cluster, value in zip(paths, labels, confidence, strict=True):
        writer.writerow([path, cluster, f"{value:.6f}"])
    return text.getvalue()


app = application(ensemble)

if __name__ == "__main__":
    run(app)
