"""Stage `methods`: list the trained methods that are scored and shown, with the digests of their clusters."""

from typing import Annotated

import typer

from stages.core.checks import check_once
from stages.core.command import run
from stages.core.digests import file_digest
from stages.params.file import PARAMS
from stages.params.options import DATA, DataFolder, Dataset
from stages.params.stage import ParamsFile, stage_application
from stages.params.transfers import read_transfers, sources_of
from stages.tables import check_same_images, read_fingerprint, read_images
from stages.tables.manifest import write_manifest
from stages.tables.methods import ImageBaseline, ImageMethod, Objective, all_methods
from stages.tables.trained_files import TrainedFiles


def methods(
    dataset: Dataset,
    objectives: Annotated[
        list[Objective],
        typer.Option(help="Objective that networks were trained for; repeatable. Default: none."),
    ] = [],  # noqa: B006 - Typer copies it
    image_baselines: Annotated[
        list[ImageBaseline], typer.Option(help="Baseline on the images' pixels; repeatable. Default: none.")
    ] = [],  # noqa: B006
    image_methods: Annotated[
        list[ImageMethod],
        typer.Option(help="Method that trained a network on the images; repeatable. Default: none."),
    ] = [],  # noqa: B006
    data: DataFolder = DATA,
    params: ParamsFile = PARAMS,
) -> None:
    """Check that every trained method's clusters are there and of the same images; write a manifest of them.

    Leftover files of other objectives and methods, which stay in the folders, are not listed and so not used.
    """
    sources = sources_of(dataset, read_transfers(params)) if params.is_file() else []
    check_once("objectives", objectives, "objective")
    check_once("image_baselines", image_baselines, "image baseline")
    check_once("image_methods", image_methods, "image method")
    files = TrainedFiles(data, dataset)
    images = read_images(data / "images" / f"{dataset}.parquet")
    digests = {}
    for name in all_methods(objectives, [*image_baselines, *image_methods], sources):
        file = files.partitions(name)
        check_same_images(images, read_fingerprint(file))
        digests[str(name)] = {"partitions": file_digest(file)}
    write_manifest(data / "views" / dataset / "methods.json", digests)
    print(f"{dataset}: {len(digests)} trained methods: {', '.join(digests) or 'none'}")


app = stage_application(methods, "objectives", "image_baselines", "image_methods")

if __name__ == "__main__":
    run(app)
