"""Command `add`: a folder of images as a dataset of the project; nothing is copied or moved."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from stages.core.command import application
from stages.params.options import check_dataset_name, check_n_clusters_text

Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the images, in any nesting.")]
Name = Annotated[
    str,
    typer.Option(
        help="Name of the dataset. Default: the one that the folder has already, or made of the folder's name.",
        callback=lambda name: name and check_dataset_name(name),
    ),
]
Labels = Annotated[
    Literal["folders", "none"] | None,
    typer.Option(
        help="folders: sub-folders, or a labels.csv, name the classes, used by scores alone; none: no labels. "
        "Default: as before, at first folders."
    ),
]
Groups = Annotated[
    str,
    typer.Option(
        help="n_clusters of params.yaml: a whole number, auto, or classes: as many as labels. Default: as it is.",
        callback=lambda number: number and check_n_clusters_text(number),
        metavar="K",
    ),
]

Renumber = Annotated[
    bool, typer.Option("--renumber", help="Give groups other numbers. Else they keep those of an earlier run.")
]


def add(
    folder: Folder, name: Name = "", labels: Labels = None, groups: Groups = "", renumber: Renumber = False
) -> None:
    """Make a folder of images a dataset of the project, by a source.yaml that points to it and in params.yaml.

    The images stay where they are; every `dvc repro` looks whether they have changed. A folder that is a dataset
    already stays the same one. Go on with `dvc repro`; `manyviews cluster` does both.
    """
    from stages.commands.image_folder import plan_dataset, write_dataset
    from stages.commands.keep import keep_or_begin
    from stages.commands.pipeline import find_project

    root = find_project()
    dataset = plan_dataset(folder, root, name, labels)
    for line in [*keep_or_begin(root, dataset.name, renumber), *write_dataset(dataset, root, groups)]:
        print(line)
    print(f"{dataset.place} is the dataset {dataset.name}")


app = application(add)
