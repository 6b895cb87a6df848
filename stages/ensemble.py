"""Stage `ensemble`: combine the partitions of all views into one."""

import functools
import time
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import typer

from stages.core.algorithm_name import algorithm_label, check_shares, parse_algorithm
from stages.core.atomic import write_text
from stages.core.checks import MOST, check_share
from stages.core.command import run
from stages.core.csvtext import csv_text
from stages.core.digests import file_digest
from stages.core.errors import ParameterError
from stages.core.runlog import Timings, write_runlog
from stages.core.seal import BLANK, sealed
from stages.params.file import PARAMS
from stages.params.n_clusters import resolve_n_clusters
from stages.params.options import AUTO, DATA, DataFolder, Dataset, NClusters
from stages.params.stage import ParamsFile, stage_application
from stages.tables import check_same_images, read_base_partitions, read_images, write_dendrogram, write_partitions
from stages.tables.links import read_links
from stages.tables.manifest import read_manifest
from stages.tables.near_duplicates import read_near_duplicates
from stages.tables.textfiles import write_json

if TYPE_CHECKING:
    from stages.core.dendrogram import Dendrogram
    from stages.graphs import ClusterCount


def ensemble(
    dataset: Dataset,
    n_clusters: NClusters = AUTO,
    algorithms: Annotated[
        list[str],
        typer.Option(
            help="Algorithms whose baseline partitions are combined, with or without parameters; repeatable."
        ),
    ] = [  # noqa: B006
        "kmeans:multiple=auto,seeds=10",
        "gdl:multiple=auto,n_neighbors=5,seeds=10,subspace=0.5",
    ],
    shares: Annotated[
        list[float],
        typer.Option(
            min=0, help="Weight of each of these algorithms' partitions together, within every view; repeatable."
        ),
    ] = [1, 3],  # noqa: B006
    overclustering: Annotated[
        list[int],
        typer.Option(
            min=1,
            max=MOST,
            help="Factors whose partitions are combined, of algorithms that draw no number; repeatable.",
        ),
    ] = [1],  # noqa: B006
    linkage: Annotated[
        Literal["average", "single", "complete"], typer.Option(help="Of the co-association; average is MVEC's.")
    ] = "average",
    weights: Annotated[
        Literal["modularity", "equal"],
        typer.Option(help="Of partitions beside the shares: by the square of their modularity, or equal (MVEC)."),
    ] = "modularity",
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
    """Combine the views' partitions by co-association and linkage; write clusters, dendrogram and all cuts of it.

    Every view has an equal say. Within it every algorithm has its share, however many partitions it brings, and
    every partition weighs by its modularity on the views' neighbour graph, unless that would leave an image
    without a vote. The same graph says which number of clusters is the best; n_clusters.json has it, beside the
    number used. Where the graph links one of each group of near-duplicates alone, the group counts as that image.
    """
    images = read_images(data / "images" / f"{dataset}.parquet")
    folder = data / "partitions" / dataset
    count = resolve_n_clusters(n_clusters, images)
    check_shares(shares, algorithms)
    check_share("min_cluster_fraction", min_cluster_fraction)
    settings: dict[str, Any] = {
        "algorithms": [algorithm_label(*parse_algorithm(text)) for text in algorithms],
        "shares": shares,
        "overclustering": overclustering,
        "weights": weights,
        "linkage": linkage,
        "min_cluster_fraction": min_cluster_fraction,
        "backbones": read_manifest(data / "views" / dataset / "partitions.json"),
    }
    base = read_base_partitions(images, folder, settings)
    neighbours = read_links(data / "graphs" / f"{dataset}.parquet")
    check_same_images(images, neighbours)
    once = None
    if neighbours.count_once:
        once = read_near_duplicates(data / "graphs" / f"{dataset}.near_duplicates.csv", images).representatives
        settings["count_once"] = True
    partitions = base.partitions if once is None else base.partitions[once.rows]
    links = neighbours.links if once is None else once.place[neighbours.links]
    if count and count > len(partitions):
        raise ParameterError(
            f"n_clusters is {count}; near-duplicates count once, which leaves {len(partitions)} images; "
            "give at most so many, or set graph.count_once to false"
        )

    from stages import consensus, graphs

    started, timings = time.perf_counter(), Timings()
    with timings.measure("loading or compiling kernels"):
        consensus.warm_up()
    values, left_out = base.weights, []
    if weights == "modularity":
        with timings.measure("weights"):
            quality = np.array([graphs.modularity(links, labels) for labels in partitions.T])
            values, collapsed = consensus.weigh_by_quality(partitions, values, base.views, quality)
            if not (partitions[:, values > 0] >= 0).any(axis=1).all():  # some images are in collapsed ones alone
                values, collapsed = base.weights, np.zeros_like(collapsed)
            left_out = [name for name, fell in zip(base.names, collapsed, strict=True) if fell]
    with timings.measure("consensus"):
        dendrogram = consensus.linkage(partitions, linkage, values)
    with timings.measure("number of clusters"):
        cuts = functools.cache(consensus.ConsensusCuts(dendrogram, partitions, values, min_cluster_fraction))
        clear = graphs.Structure(*neighbours.structure).clear
        found = graphs.choose_cluster_count(cuts, links, len(partitions), clear)
    used = count or found.n_clusters
    whole = dendrogram if once is None else once.dendrogram_of_all(dendrogram)

    def labels_of(number: int) -> np.ndarray:
        labels: np.ndarray = cuts(number)
        return labels if once is None else once.labels_of_all(labels)

    settings |= {
        "n_clusters": used,
        "n_partitions": len(values),
        "partition_weights": values.tolist(),
        "collapsed": left_out,
    }
    if count is None:
        settings["n_clusters_by"] = "modularity"
    write_partitions(
        folder / "ensemble.parquet", {"ensemble": labels_of(used)}, {"ensemble": settings}, images.fingerprint
    )
    write_dendrogram(folder / "dendrogram.parquet", whole.merges, images.fingerprint, settings)
    counts = sorted({*found.counts.tolist(), used})
    labels = {f"cut-{k}": labels_of(k) for k in counts}
    write_partitions(folder / "cuts.parquet", labels, {name: {} for name in labels}, images.fingerprint)
    counts_file = folder / "cluster_counts.csv"
    write_text(counts_file, _counts_csv(found, whole))
    write_text(folder / "n_clusters.txt", sealed(f"{used} {dataset} {BLANK}\n"))
    digest = {counts_file.name: file_digest(counts_file)}
    write_json(folder / "n_clusters.json", _answer(found, used) | digest)
    write_runlog(
        f"ensemble-{dataset}",
        partitions=len(values),
        collapsed=left_out,
        seconds=round(time.perf_counter() - started, 3),
        seconds_in=timings.seconds(),
    )
    views = len(settings["backbones"])
    print(f"{dataset}: {len(values)} partitions of {views} views into {used} clusters")
    if left_out:
        print(f"{dataset}: {len(left_out)} of them collapsed and count nothing, the first {left_out[0]}")
    print(f"{dataset}: {found}; `manyviews cut K --dataset {dataset}` shows another number")


def _answer(found: "ClusterCount", used: int) -> dict[str, Any]:
    """The number of clusters `used`, and all that the graph says of it."""
    return {
        "n_clusters": used,
        "found": found.n_clusters,
        "clear": found.clear,
        "plausible": list(found.plausible),
        "coarser": found.coarser,
        "finer": found.finer,
        "summary": str(found),
    }


def _counts_csv(found: "ClusterCount", dendrogram: "Dendrogram") -> str:
    """The modularity and the lifetime of each number of clusters that was looked at."""
    lifetimes = dendrogram.lifetimes()
    curve = zip(found.counts.tolist(), found.modularity.tolist(), strict=True)
    rows = ((k, f"{value:.6f}", f"{lifetimes[k]:.6f}") for k, value in curve)
    return csv_text(["clusters", "modularity", "lifetime"], rows)


app = stage_application(
    ensemble,
    "n_clusters",
    "ensemble.algorithms",
    "ensemble.shares",
    "ensemble.overclustering",
    "ensemble.weights",
    "ensemble.linkage",
    "ensemble.min_cluster_fraction",
)

if __name__ == "__main__":
    run(app)
