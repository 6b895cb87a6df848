"""Stage `train_images`: one network, trained on the images themselves to cluster them."""

import time
from typing import Annotated, Any

import typer

from stages.core.command import run, warnings_reported
from stages.core.runlog import write_runlog
from stages.decoding.pixels import AUTO, chosen_size, read_pixels
from stages.params.file import PARAMS, read_changes, read_section
from stages.params.n_clusters import found_n_clusters, resolve_n_clusters
from stages.params.options import (
    DATA,
    METRICS,
    Changes,
    CheckpointSeconds,
    DataFolder,
    Dataset,
    Device,
    ImageSize,
    MetricsFolder,
    NClusters,
    Seed,
)
from stages.params.stage import ParamsFile, stage_application
from stages.tables import read_images
from stages.tables.methods import IMAGES, ImageMethod
from stages.tables.trained_files import TrainedFiles
from stages.training.imagejob import ImageJob, chosen_parameters, train_on_images, write_image_results
from stages.training.results import described_sizes
from stages.training.run import training_run


def train_images(
    dataset: Dataset,
    n_clusters: NClusters,
    image_method: Annotated[
        ImageMethod,
        typer.Option(
            "--method",
            "--image-method",
            help="What is trained. dec: an autoencoder of the pixels, pulled towards "
            "clusters; jule: a network of convolutions, trained on clusters that merge; mmdc: one that "
            "maps images onto the points of a mixture of Gaussians.",
        ),
    ],
    seed: Seed = 0,
    image_size: ImageSize = AUTO,
    changes: Changes = [],  # noqa: B006 - Typer copies it
    device: Device = "auto",
    checkpoint_seconds: CheckpointSeconds = 10.0,
    data: DataFolder = DATA,
    metrics: MetricsFolder = METRICS,
    params: ParamsFile = PARAMS,
) -> None:
    """Train a network on the pixels, without any pretrained one; write its clusters, embedding, weights and curve.

    dec has two results, K-means on the embedding of its pre-trained autoencoder ("autoencoder") and the clusters
    that it ends with; jule has that of one pass ("jule-sf"), and that of clustering its embedding anew
    ("jule-rc"). An unfinished training keeps its state in DATA/scratch: run again after a kill, it goes on from
    there and ends with the same files, byte for byte.
    """
    side = chosen_size(image_size)
    section = read_section(params, f"image_{image_method}")
    chosen = chosen_parameters(image_method, section, read_changes(changes))
    files = TrainedFiles(data, dataset)
    images = read_images(data / "images" / f"{dataset}.parquet")
    job = ImageJob(
        files=files,
        images=images,
        pixels=read_pixels(images, side),
        method=image_method,
        n_clusters=resolve_n_clusters(n_clusters, images) or found_n_clusters(files.n_clusters),
        image_size=image_size,
        seed=seed,
        parameters=chosen,
        seconds=checkpoint_seconds,
    )
    started = time.perf_counter()
    lock = files.scratch(job.name).with_suffix(".lock")
    with warnings_reported(), training_run(job.title, lock, device, _epochs(chosen)) as at:
        estimator = train_on_images(job, at.device, at.show)
        if at.group.rank == 0:
            labels = write_image_results(job, estimator, metrics / dataset)
    if at.group.rank > 0:
        return
    seconds = time.perf_counter() - started
    write_runlog(
        f"train-{dataset}-{IMAGES}-{image_method}",
        device=str(at.device),
        processes=at.group.size,
        seconds=round(seconds, 3),
    )
    size = " x ".join(map(str, job.pixels.shape[1:]))
    print(f"{job.title} on pixels ({size}): {described_sizes(list(labels.values()))}, {seconds:.1f} s")


def _epochs(given: dict[str, Any]) -> int | None:
    """How many records the training makes, at most; None where nobody knows."""
    names = ("pretrain_epochs", "anchor_epochs", "refine_epochs")
    if all(name in given for name in names):
        return sum(given[name] for name in names)
    return given.get("epochs") if "refine_epoch" in given else None  # nobody knows when jule has merged


app = stage_application(train_images, "n_clusters", "seed", "images.image_size")

if __name__ == "__main__":
    run(app)
