"""Stage `vote`: the clusters of the networks on single views, combined into one partition."""

import time
from typing import Annotated

import numpy as np
import typer

from stages.core.command import run, warn
from stages.core.runlog import write_runlog
from stages.params.file import PARAMS
from stages.params.n_clusters import found_n_clusters, resolve_n_clusters
from stages.params.options import DATA, DataFolder, Dataset, NClusters
from stages.params.stage import ParamsFile, stage_application
from stages.tables import check_same_images, read_images, read_partitions, write_partitions
from stages.tables.methods import VOTE, FeatureMethod, MethodName, Objective
from stages.tables.trained_files import TrainedFiles


def vote(
    dataset: Dataset,
    n_clusters: NClusters,
    objective: Annotated[
        Objective, typer.Option(help="Training objective of the single-view networks.")
    ] = Objective.JULE,
    data: DataFolder = DATA,
    params: ParamsFile = PARAMS,
) -> None:
    """Combine the clusters of the single views by co-association, cut plainly, as published (mvec); write them."""
    from stages.consensus import CoassociationClustering

    name, files = MethodName(objective, VOTE), TrainedFiles(data, dataset)
    images = read_images(data / "images" / f"{dataset}.parquet")
    count = resolve_n_clusters(n_clusters, images) or found_n_clusters(files.n_clusters)
    started = time.perf_counter()
    views = read_partitions(files.partitions(MethodName(objective, FeatureMethod.VIEWS)))
    check_same_images(images, views)
    partitions = np.column_stack(list(views.labels.values()))
    labels = CoassociationClustering(count, "average", min_cluster_fraction=0).fit_predict(partitions)
    sizes = np.unique(labels, return_counts=True)[1]
    if count > 2 and 2 * sizes.max() > len(labels):
        warn(f"one cluster holds {sizes.max()} of {len(labels)} images")
    settings = {
        "objective": objective,
        "method": VOTE,
        "backbones": list(views.labels),
        "linkage": "average",
        "n_clusters": count,
    }
    write_partitions(files.partitions(name), {VOTE: labels}, {VOTE: settings}, images.fingerprint)
    write_runlog(f"vote-{dataset}-{objective}-{VOTE}", seconds=round(time.perf_counter() - started, 3))
    found = f"{len(sizes)} clusters of {sizes.min()} to {sizes.max()} images"
    print(f"{dataset}: {name} on {len(views.labels)} views: {found}, {time.perf_counter() - started:.1f} s")


app = stage_application(vote, "n_clusters")

if __name__ == "__main__":
    run(app)
