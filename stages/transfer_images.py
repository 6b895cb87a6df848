"""Stage `transfer_images`: images clustered by what a network, trained on another image set, makes of them."""

import time
from typing import Annotated, Any

import typer

from stages.clustering import ALGORITHMS
from stages.clustering.single_runs import clustered, described_counts, single_runs
from stages.core.checks import check_once
from stages.core.command import run
from stages.core.digests import file_digest
from stages.core.runlog import write_runlog
from stages.decoding.pixels import read_shaped
from stages.params.file import PARAMS
from stages.params.n_clusters import found_n_clusters, resolve_n_clusters
from stages.params.options import DATA, DataFolder, Dataset, Device, NClusters, NInit, Seed
from stages.params.stage import ParamsFile, stage_application
from stages.tables import read_images, write_partitions
from stages.tables.methods import IMAGES, TRANSFERRED, MethodName, transfer
from stages.tables.trained_files import TrainedFiles

_DATA = "data"  # the layer below all others: what the network is given


def transfer_images(
    dataset: Dataset,
    source: Annotated[str, typer.Option(help="Name of the dataset on which images/jule was trained.")],
    n_clusters: NClusters,
    seed: Seed = 0,
    layers: Annotated[
        list[str],
        typer.Option(
            help="Layer of the network whose features are clustered: top, its output; top-1, the maps of its last "
            "block; top-2, those of the block before; data, the images as the network takes them, to compare "
            "with; repeatable."
        ),
    ] = ["top"],  # noqa: B006 - Typer copies it
    algorithms: Annotated[
        list[str],
        typer.Option(
            help=f"Any of {', '.join(ALGORITHMS)}, with parameters like gdl:n_neighbors=10,a=0.95; repeatable."
        ),
    ] = ["gdl:n_neighbors=20", "kmeans"],  # noqa: B006
    n_init: NInit = 10,
    device: Device = "auto",
    data: DataFolder = DATA,
    params: ParamsFile = PARAMS,
) -> None:
    """Cluster a dataset by the network that images/jule trained on the dataset SOURCE; write a column a result.

    Images become as large as those the network was trained on, the features of each layer rows of length 1. So do
    the pixels, which are the layer "data". Each algorithm runs once. Those that find the number of clusters
    themselves label an image that they leave out -1.
    """
    check_once("layers", layers, "layer")
    chosen = single_runs(algorithms)
    files = TrainedFiles(data, dataset)
    images = read_images(data / "images" / f"{dataset}.parquet")
    count = resolve_n_clusters(n_clusters, images) or found_n_clusters(files.n_clusters)
    file = TrainedFiles(data, source).model(MethodName(IMAGES, TRANSFERRED))

    from stages.core.device import choose_device
    from stages.deep.image_models import check_layer, layer_features, read_image_model

    started = time.perf_counter()
    model = read_image_model(file, at := choose_device(device))
    network: Any = model.network  # of convolutions, whose layers have names
    for layer in layers:
        if layer != _DATA:
            check_layer(network, layer)
    name, digest = transfer(source), file_digest(file)
    pixels = read_shaped(images, model.image_shape, "take a source that was trained on smaller images")
    labels, settings = {}, {}
    for layer in layers:
        common = {"source": source, "model": digest, "image_shape": list(model.image_shape), "layer": layer}
        features = pixels.reshape(len(images), -1) if layer == _DATA else layer_features(network, pixels, layer)
        title = f"{name.method}-{layer}"
        runs = clustered(features, chosen, title, count, seed, n_init, "give a layer nearer to the top")
        for column, found, own in runs:
            labels[column], settings[column] = found, common | own
    write_partitions(files.partitions(name), labels, settings, images.fingerprint)
    seconds = time.perf_counter() - started
    write_runlog(f"transfer-{dataset}-{source}", device=str(at), seconds=round(seconds, 3))
    print(f"{dataset} by the network of {source} in {described_counts(labels)}, {seconds:.1f} s")


app = stage_application(
    transfer_images,
    "n_clusters",
    "seed",
    "image_transfer.layers",
    "image_transfer.algorithms",
    "image_transfer.n_init",
)

if __name__ == "__main__":
    run(app)
