"""Stage `train_images`: one network, trained on the images themselves to cluster them."""

from typing import Annotated

import typer

from stages.core.command import run, warn, warnings_reported
from stages.decoding.pixels import AUTO, chosen_size, read_pixels
from stages.params import options
from stages.params.file import PARAMS, read_section
from stages.params.n_clusters import found_n_clusters, resolve_n_clusters
from stages.params.stage import ParamsFile, stage_application
from stages.tables import read_images
from stages.tables.methods import IMAGES, ImageMethod, MethodName
from stages.tables.trained_files import TrainedFiles
from stages.training.on_images import IMAGE_JOBS
from stages.training.run import run_job


def train_images(
    dataset: options.Dataset,
    n_clusters: options.NClusters,
    image_method: Annotated[
        ImageMethod,
        typer.Option(
            "--method",
            "--image-method",
            help="Method to train. dec: an autoencoder of the pixels, pulled towards "
            "clusters; jule: a network of convolutions, trained on clusters that merge; mmdc: one that "
            "maps images onto the points of a mixture of Gaussians; iic: one whose clusters of two views of an "
            "image share most information; dac: one that learns from pairs of images that it is certain of; "
            "rotnet: one that recognises rotations, with K-means on its features; deepcluster: one that "
            "recognises the clusters of its own features, with K-means on these; nat: one that maps images "
            "onto fixed random points, with K-means on its features.",
        ),
    ],
    seed: options.Seed = 0,
    image_size: options.ImageSize = AUTO,
    changes: options.Changes = [],  # noqa: B006 - Typer copies it
    device: options.Device = "auto",
    checkpoint_seconds: options.CheckpointSeconds = 10.0,
    engine: options.Engine = "local",
    data: options.DataFolder = options.DATA,
    metrics: options.MetricsFolder = options.METRICS,
    params: ParamsFile = PARAMS,
) -> None:
    """Train a network on the pixels, without any pretrained one; write its clusters, embedding, weights and curve.

    dec has two results, K-means on the embedding of its pre-trained autoencoder ("autoencoder") and the clusters
    that it ends with; jule has that of one pass ("jule-sf"), and that of clustering its embedding again
    ("jule-rc"). An unfinished training keeps its state in DATA/scratch: run again after a kill, it goes on from
    there and ends with the same files, byte for byte. With several `seeds` the network that agrees most with those
    of the other seeds is kept, and the clusters of all.
    """
    name, files = MethodName(IMAGES, image_method), TrainedFiles(data, dataset)
    side, kind = chosen_size(image_size), IMAGE_JOBS[image_method]
    chosen = kind.chosen_parameters(name, read_section(params, name.section, changes))
    images = read_images(data / "images" / f"{dataset}.parquet")
    job = kind(
        name=name,
        files=files,
        images=images,
        pixels=read_pixels(images, side),
        image_size=image_size,
        n_clusters=resolve_n_clusters(n_clusters, images) or found_n_clusters(files.n_clusters),
        seed=seed,
        parameters=chosen,
        seconds=checkpoint_seconds,
    )
    with warnings_reported():
        result = run_job(job, metrics / dataset, device, warn, engine)
    if result:
        print(f"{job.title} on pixels ({' x '.join(map(str, job.pixels.shape[1:]))}): {result}")


app = stage_application(train_images, "n_clusters", "seed", "images.image_size")

if __name__ == "__main__":
    run(app)
