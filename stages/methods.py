"""Stage `methods`: list the trained methods that are scored and shown, with the digests of their clusters."""

from pathlib import Path
from typing import Annotated

import typer

from stages.checks import check_once
from stages.command import application, run
from stages.comparison import METHODS, check_objective
from stages.digest import file_digest
from stages.manifest import write_manifest
from stages.tables import check_same_images, read_fingerprint, read_images
from stages.trainedfiles import TrainedFiles


def methods(
    dataset: Annotated[str, typer.Option(help="Name of the dataset: the folder under data/raw.")],
    objectives: Annotated[
        list[str], typer.Option(help="Objective that networks were trained for; repeatable. None: there are none.")
    ] = [],  # noqa: B006 - Typer copies it
    data: Annotated[Path, typer.Option(help="Folder of the pipeline's data.")] = Path("data"),
) -> None:
    """Check that every trained method's clusters are there and of the same images; write a manifest of them.

    Leftover files of other objectives, which stay in the folders, are not listed and so not used.
    """
    check_once("objectives", objectives, "objective")
    images = read_images(data / "images" / f"{dataset}.parquet")
    digests = {}
    for objective in objectives:
        check_objective(objective)
        for method in METHODS:
            file = TrainedFiles(data, dataset, objective).partitions(method)
            check_same_images(images, read_fingerprint(file))
            digests[f"{objective}/{method}"] = {"partitions": file_digest(file)}
    write_manifest(data / "views" / dataset / "methods.json", digests)
    print(f"{dataset}: {len(digests)} trained methods: {', '.join(digests) or 'none'}")


app = application(methods)

if __name__ == "__main__":
    run(app)
