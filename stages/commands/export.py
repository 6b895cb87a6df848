"""Command `export`: the groups of images as folders, or as CSV, JSON, Parquet or COCO, for other programs."""

import contextlib
import errno
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer

from stages.commands.viewer_table import write_viewer_table
from stages.core.command import application
from stages.core.counted import counted
from stages.core.errors import DatasetError, ParameterError, TableError, printable
from stages.core.progress import progress_bar
from stages.exporting.clusters import choose_rows, find_unsure, sum_up, without_duplicates
from stages.exporting.documents import Wanted
from stages.exporting.images import cluster_names, passed_over
from stages.exporting.moving import count_moved, move_back, move_originals
from stages.exporting.target import check_free, check_outside, new_folder, resolve_target
from stages.exporting.writing import Layout, write_document, write_images
from stages.tables import read_images
from stages.tables.clusters import RESULT, find_clusters
from stages.tables.near_duplicates import read_near_duplicates
from stages.tables.results import find_result, read_assignments

Format = Literal["folders", "csv", "json", "parquet", "coco", "imagefolder"]
_NO_IMAGES = ("csv", "json", "parquet")  # forms that lay out no image files


def export(
    to: Annotated[Path, typer.Option(help="Folder to make; it must not exist, or be empty.", metavar="DIR")],
    dataset: Annotated[
        str, typer.Option(help="Name of the dataset: the folder under data/raw. Default: the only one there is.")
    ] = "",
    as_: Annotated[
        Format,
        typer.Option(
            "--as",
            help="folders: one folder of images per cluster, and clusters.csv. imagefolder: the folders alone, as "
            "torchvision and Hugging Face read them. csv, json: one file, no images. parquet: one file, with "
            "small pictures and their points on the page's map, for Embedding Atlas and Hugging Face datasets. "
            "coco: annotations.json, with clusters as categories, and the images.",
        ),
    ] = "folders",
    method: Annotated[
        str,
        typer.Option(
            help="Whose clusters: result, those of the report; ensemble; cut-K, as `manyviews cut K` made them; "
            "OBJECTIVE/METHOD; OBJECTIVE/views/BACKBONE; images/METHOD/RESULT; baseline/BACKBONE/RUN."
        ),
    ] = RESULT,
    link: Annotated[
        bool,
        typer.Option(
            "--link/--copy",
            help="Link to the original files instead of copying: hard links, symbolic ones to another disk. "
            "Whoever edits a linked image edits the original.",
        ),
    ] = False,
    move: Annotated[
        bool,
        typer.Option(
            "--move", help="Move the original files into DIR instead of copying; --undo takes them back."
        ),
    ] = False,
    undo: Annotated[
        bool,
        typer.Option("--undo", help="Take the images that were moved into DIR back to where they were."),
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Print which image would go where, and write nothing.")
    ] = False,
    keep_folders: Annotated[
        bool,
        typer.Option(
            "--keep-folders",
            help="Keep the images' sub-folders within each cluster. Without it, duplicate file names "
            "get a suffix: 'a (2).png'.",
        ),
    ] = False,
    ranked: Annotated[
        bool,
        typer.Option("--ranked", help="Number the images of each cluster, the most confident first: '01-a.png'."),
    ] = False,
    unsure: Annotated[
        bool,
        typer.Option(
            "--unsure",
            help="Put images that fit nowhere well into a folder of their own, unsure: those with less than half "
            "the median confidence of their cluster.",
        ),
    ] = False,
    keep: Annotated[
        Literal["all", "best"],
        typer.Option(help="best: of near-duplicates only the one with the most pixels; all: every image."),
    ] = "all",
    least_confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Leave out images of a lower confidence, from 0 to 1.")
    ] = 0,
    cluster: Annotated[
        list[int], typer.Option(help="Number of a cluster to export; repeatable. None: all of them.")
    ] = [],  # noqa: B006 - Typer copies it
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Replace an earlier export. A folder with any other file in it stays as it is."
        ),
    ] = False,
    data: Annotated[Path, typer.Option(help="Folder of the pipeline's data.")] = Path("data"),
) -> None:
    """Lay the images out in one folder per cluster, or write the clusters as CSV, JSON, Parquet or COCO.

    Images are copied as they were found, byte by byte. The result has confidences, which are mean co-associations;
    other methods have none. The folder appears when everything is in it; a run that is killed leaves no more than
    DIR's hidden neighbours .lock-DIR, .partial-DIR and .replaced-DIR, which the next one clears away. Before
    originals are moved, a journal in DIR says from where; --undo needs nothing else, also after a kill.
    """
    if undo:
        _take_back(resolve_target(to))
        return
    dataset = dataset or only_dataset(data / "images")
    images = read_images(data / "images" / f"{dataset}.parquet")
    results = data / "results" / dataset
    about = find_result(results)
    clusters = (
        read_assignments(results, images, about)
        if method == RESULT
        else find_clusters(images, data / "partitions" / dataset, method)
    )
    if clusters.confidence is None and (
        needs := _chosen(ranked=ranked, least_confidence=least_confidence, unsure=unsure)
    ):
        raise ParameterError(f"{method} has no confidences; leave out {needs[0]}, or take --method result")
    rows = choose_rows(clusters, cluster, least_confidence)
    if keep == "best":
        near = read_near_duplicates(data / "graphs" / f"{dataset}.near_duplicates.csv", images)
        rows = without_duplicates(rows, near)
    named = about.names_of(method) if about else {}
    names = cluster_names(clusters.labels, named)
    kept = {label: names[label] for label in map(int, np.unique(clusters.labels[rows]))}
    wanted = Wanted(images, clusters, rows, kept, {"dataset": dataset, "method": method})
    if as_ in _NO_IMAGES and (link or move or preview or ranked or keep_folders or unsure):
        given = _chosen(
            link=link, move=move, preview=preview, ranked=ranked, keep_folders=keep_folders, unsure=unsure
        )
        raise ParameterError(f"--as {as_} writes no image files; leave out {' and '.join(given)}")
    if as_ == "coco" and unsure:
        raise ParameterError("--as coco has one folder for all images; leave out --unsure")
    if link and move:
        raise ParameterError("--link leaves the originals in their place, --move does not; take one of them")
    raw, originals = data / "raw" / dataset, None
    with contextlib.nullcontext() if link or move else contextlib.suppress(DatasetError):
        originals = _originals(raw)
    if (link or move) and originals is None:
        raise ParameterError(
            f"the images of {dataset} are not files in a folder, {raw / 'source.yaml'} says where they come from: "
            + ("there is nothing to link to; leave out --link" if link else "none can be moved; leave out --move")
            + " for copies"
        )
    target = check_target(to, data, originals)
    layout = Layout(
        originals if link or move else None,
        move,
        ranked,
        keep_folders or as_ == "coco",
        frozenset(find_unsure(clusters).tolist()) if unsure else frozenset(),
    )
    if preview:
        check_free(target, force)
        for row, place in layout.places(wanted, as_, plain=False).items():
            print(f"{printable(images.paths[row])} -> {to / printable(place)}")
        return
    try:
        with new_folder(target, force) as folder:
            if as_ == "parquet":
                write_viewer_table(wanted, named, data, originals, folder / "clusters.parquet")
            elif as_ in _NO_IMAGES:
                write_document(wanted, as_, folder)
            else:
                with progress_bar("exporting images", len(rows)) as advance:
                    places = write_images(wanted, as_, layout, folder, advance)
                passed = passed_over(places) if as_ == "imagefolder" else []
                if passed:
                    some = f"{counted(len(passed), 'image')} for the extension, the first {passed[0]!r}"
                    typer.echo(f"torchvision's ImageFolder passes over {some}", err=True)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ParameterError(
                f"the disk of {to} is full, nothing was written; make room, or name a folder on another disk"
            ) from None
        raise
    if move:
        with progress_bar("moving images", len(rows)) as advance:
            move_originals(target, advance)
    print(f"{dataset}: {sum_up(clusters.labels, rows, method)}")
    if layout.unsure:
        print(f"{dataset}: {counted(len(layout.unsure & set(rows.tolist())), 'image')} in unsure")
    if move:
        print(f"the originals were moved; `manyviews export --undo --to {to}` takes them back")
    print(to)


def check_target(to: Path, data: Path, originals: Path | None) -> Path:
    """Return the whole path of the option --to; raise `ParameterError` where no export may be.

    `data` is the folder of the pipeline's data, `originals` that of the image files, if they are files.
    """
    target = resolve_target(to)
    check_outside(target, {data: "the pipeline's own files are", **_own_folders(data.parent)})
    if originals:
        check_outside(target, {originals: "the original images are"})
    return target


def _take_back(target: Path) -> None:
    with progress_bar("moving images back", count_moved(target)) as advance:
        number = move_back(target, advance)
    print(f"{counted(number, 'image')} back where they were")


def _chosen(**options: object) -> list[str]:
    """The options that are given, as they are typed."""
    return [f"--{name.replace('_', '-')}" for name, value in options.items() if value]


def only_dataset(folder: Path) -> str:
    """The name of the only table of images in `folder`."""
    names = sorted(file.stem for file in folder.glob("*.parquet") if not file.name.startswith("."))
    if not names:
        raise TableError(
            f"{folder} holds no table of images; run `dvc repro` to make it or `dvc pull` to fetch it"
        )
    if len(names) > 1:
        raise ParameterError(f"there are the datasets {', '.join(names)}; choose one by --dataset")
    return names[0]


def _originals(folder: Path) -> Path | None:
    """The folder that holds the image files of a dataset as they are; None where they are not files."""
    from stages.datasets import SOURCE
    from stages.datasets.keys import resolve_path
    from stages.datasets.local import Local
    from stages.datasets.source import read_source

    if not (folder / SOURCE).is_file():
        return folder
    reader = read_source(folder / SOURCE)
    place = resolve_path(reader.path, folder) if isinstance(reader, Local) else None
    return place if place and place.is_dir() else None


def _own_folders(project: Path) -> dict[Path, str]:
    """Other folders of the project in which no export may be, and what is there."""
    return {
        project / "stages": "the pipeline's own code is",
        project / "metrics": "the pipeline's own results are",
        project / ".git": "Git's own files are",
        project / ".dvc": "DVC's own files are",
    }


app = application(export)
