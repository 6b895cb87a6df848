"""Command `cut`: the ensemble's dendrogram cut into another number of clusters."""

from typing import Annotated

import typer

from stages.core.atomic import write_text
from stages.core.checks import check_n_clusters
from stages.core.command import application
from stages.core.csvtext import csv_text
from stages.core.dendrogram import Dendrogram
from stages.core.errors import TableError
from stages.params.options import DATA, DataFolder, Dataset
from stages.tables import check_same_images, read_base_partitions, read_dendrogram, read_images
from stages.tables.near_duplicates import read_near_duplicates


def cut(
    n_clusters: Annotated[int, typer.Argument(min=1, metavar="K", help="Number of clusters.")],
    dataset: Dataset,
    data: DataFolder = DATA,
) -> None:
    """Cut the dendrogram of the ensemble into K clusters, and write them to cut-K.csv beside it.

    Nothing is computed again. Clusters that are too small to count are treated as in the ensemble.
    """
    images = read_images(data / "images" / f"{dataset}.parquet")
    folder = data / "partitions" / dataset
    table = read_dendrogram(folder / "dendrogram.parquet")
    check_same_images(images, table)
    dendrogram = Dendrogram(table.merges)
    if "min_cluster_fraction" not in table.settings:
        raise TableError(f"{table.file} was written by another version; run `dvc repro ensemble@{dataset}`")
    base, once = read_base_partitions(images, folder, table.settings), None
    partitions = base.partitions
    if table.settings.get("count_once"):
        once = read_near_duplicates(data / "graphs" / f"{dataset}.near_duplicates.csv", images).representatives
        dendrogram, partitions = once.dendrogram_of_rows(dendrogram), partitions[once.rows]
    check_n_clusters(n_clusters, dendrogram.n_images)

    import numpy as np

    from stages.consensus import ConsensusCuts

    cuts = ConsensusCuts(dendrogram, partitions, base.weights, table.settings["min_cluster_fraction"])
    labels = cuts(n_clusters)
    if once:
        labels = once.labels_of_all(labels)
    file = folder / f"cut-{n_clusters}.csv"
    write_text(file, csv_text(["path", "cluster"], zip(images.paths, labels, strict=True)))
    sizes = np.bincount(labels)
    print(f"{n_clusters} clusters of {sizes.max()} to {sizes.min()} images")
    print(file)


app = application(cut)
