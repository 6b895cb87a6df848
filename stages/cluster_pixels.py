"""Stage `cluster_pixels`: the images' own pixels clustered, what networks on images are compared with."""

import time
from typing import Annotated

import typer

from stages.clustering import ALGORITHMS
from stages.clustering.single_runs import clustered, described_counts, single_runs
from stages.core.command import run
from stages.core.runlog import write_runlog
from stages.decoding.pixels import AUTO, chosen_size, read_pixels
from stages.params.file import PARAMS
from stages.params.n_clusters import found_n_clusters, resolve_n_clusters
from stages.params.options import DATA, DataFolder, Dataset, ImageSize, NClusters, NInit, Seed
from stages.params.stage import ParamsFile, stage_application
from stages.tables import read_images, write_partitions
from stages.tables.methods import IMAGES, ImageBaseline, MethodName
from stages.tables.trained_files import TrainedFiles


def cluster_pixels(
    dataset: Dataset,
    n_clusters: NClusters,
    image_baseline: Annotated[
        ImageBaseline, typer.Option(help="Input to cluster; only pixels so far.")
    ] = ImageBaseline.PIXELS,
    seed: Seed = 0,
    image_size: ImageSize = AUTO,
    algorithms: Annotated[
        list[str],
        typer.Option(
            help=f"Any of {', '.join(ALGORITHMS)}, with parameters like gdl:n_neighbors=10,a=0.95; each has "
            "normalise: l2 (rows of length 1), sqrt or none; repeatable."
        ),
    ] = ["kmeans", "sc_njw"],  # noqa: B006
    n_init: NInit = 10,
    data: DataFolder = DATA,
    params: ParamsFile = PARAMS,
) -> None:
    """Cluster the pixels of the images, as rows of length 1 unless an algorithm says otherwise, one column each.

    Each algorithm runs once. Those that find the number of clusters themselves label an image that they leave out
    -1.
    """
    chosen = single_runs(algorithms)
    side = chosen_size(image_size)
    files = TrainedFiles(data, dataset)
    images = read_images(data / "images" / f"{dataset}.parquet")
    count = resolve_n_clusters(n_clusters, images) or found_n_clusters(files.n_clusters)
    started = time.perf_counter()
    pixels = read_pixels(images, side)
    shape = list(pixels.shape[1:])
    rows = pixels.reshape(len(images), -1)
    labels, settings = {}, {}
    for name, found, own in clustered(
        rows, chosen, image_baseline, count, seed, n_init, "give a smaller image_size"
    ):
        labels[name] = found
        settings[name] = own | {"image_size": image_size, "image_shape": shape}
    write_partitions(files.partitions(MethodName(IMAGES, image_baseline)), labels, settings, images.fingerprint)
    seconds = time.perf_counter() - started
    write_runlog(f"cluster-{dataset}-{image_baseline}", runs=len(labels), seconds=round(seconds, 3))
    size = " x ".join(map(str, shape))
    print(f"{dataset}: pixels ({size}) in {described_counts(labels)}, {seconds:.1f} s")


app = stage_application(
    cluster_pixels, "n_clusters", "seed", "images.image_size", "image_pixels.algorithms", "image_pixels.n_init"
)

if __name__ == "__main__":
    run(app)
