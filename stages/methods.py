"""Stage `methods`: list the trained methods that are scored and shown, with the digests of their clusters."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from stages.core.checks import check_once
from stages.core.command import application, run
from stages.core.digest import file_digest
from stages.params.transfers import read_transfers, sources_of
from stages.tables import check_same_images, read_fingerprint, read_images
from stages.tables.comparison import METHODS, check_objective
from stages.tables.image_methods import FOLDER, check_image_baseline, check_image_method
from stages.tables.manifest import write_manifest
from stages.tables.trained_files import TrainedFiles, transferred


def methods(
    dataset: Annotated[str, typer.Option(help="Name of the dataset: the folder under data/raw.")],
    objectives: Annotated[
        list[str], typer.Option(help="Objective that networks were trained for; repeatable. None: there are none.")
    ] = [],  # noqa: B006 - Typer copies it
    image_baselines: Annotated[
        list[str], typer.Option(help="Baseline on the images' pixels; repeatable. None: there are none.")
    ] = [],  # noqa: B006
    image_methods: Annotated[
        list[str],
        typer.Option(help="Method that trained a network on the images; repeatable. None: there are none."),
    ] = [],  # noqa: B006
    transfers: Annotated[
        Path | None,
        typer.Option(
            help="YAML file whose list `transfers` says by which other datasets' networks this one was clustered. "
            "Default: by none."
        ),
    ] = None,
    data: Annotated[Path, typer.Option(help="Folder of the pipeline's data.")] = Path("data"),
) -> None:
    """Check that every trained method's clusters are there and of the same images; write a manifest of them.

    Leftover files of other objectives and methods, which stay in the folders, are not listed and so not used.
    """
    sources = sources_of(dataset, read_transfers(transfers)) if transfers else []
    names = [
        *_on_features(objectives),
        *_on_images(image_baselines, image_methods),
        *((FOLDER, transferred(source)) for source in sources),
    ]
    images = read_images(data / "images" / f"{dataset}.parquet")
    digests = {}
    for folder, method in names:
        file = TrainedFiles(data, dataset, folder).partitions(method)
        check_same_images(images, read_fingerprint(file))
        digests[f"{folder}/{method}"] = {"partitions": file_digest(file)}
    write_manifest(data / "views" / dataset / "methods.json", digests)
    print(f"{dataset}: {len(digests)} trained methods: {', '.join(digests) or 'none'}")


def _on_features(objectives: list[str]) -> Iterator[tuple[str, str]]:
    """Every method that was trained for the objectives, each as its folder and its name."""
    check_once("objectives", objectives, "objective")
    for objective in objectives:
        check_objective(objective)
        yield from ((objective, method) for method in METHODS)


def _on_images(baselines: list[str], networks: list[str]) -> Iterator[tuple[str, str]]:
    """Every method on the images themselves, as `_on_features` gives them."""
    check_once("image_baselines", baselines, "image baseline")
    check_once("image_methods", networks, "image method")
    for name in baselines:
        check_image_baseline(name)
    for name in networks:
        check_image_method(name)
    yield from ((FOLDER, name) for name in (*baselines, *networks))


app = application(methods)

if __name__ == "__main__":
    run(app)
