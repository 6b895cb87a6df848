"""Command `export`: the groups of images as folders, or as CSV, JSON or COCO, for other programs."""

import contextlib
import errno
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer

from stages.core.command import application
from stages.core.errors import DatasetError, ParameterError, TableError
from stages.core.progress import progress_bar
from stages.exporting.clusters import choose_rows, counted, sum_up
from stages.exporting.documents import Wanted
from stages.exporting.images import cluster_names, passed_over
from stages.exporting.target import check_outside, new_folder, resolve_target
from stages.exporting.writing import Layout, write_document, write_images
from stages.tables import read_images
from stages.tables.clusters import RESULT, find_clusters, read_result
from stages.tables.names import read_names

Format = Literal["folders", "csv", "json", "coco", "imagefolder"]


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
            "torchvision and Hugging Face read them. csv, json: one file, no images. coco: annotations.json, with "
            "clusters as categories, and the images.",
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
    """Lay the images out in one folder per cluster, or write the clusters as CSV, JSON or COCO.

    Images are copied as they were found, byte by byte. The result has confidences, which are mean co-associations;
    other methods have none. The folder appears when everything is in it; a run that is killed leaves no more than
    DIR's hidden neighbours .partial-DIR and .replaced-DIR, which the next one clears away.
    """
    dataset = dataset or _only_dataset(data / "images")
    images = read_images(data / "images" / f"{dataset}.parquet")
    if method == RESULT:
        clusters = read_result(data / "results" / dataset, images)
    else:
        clusters = find_clusters(images, data / "partitions" / dataset, method)
    if (ranked or least_confidence) and clusters.confidence is None:
        option = "--ranked" if ranked else "--least-confidence"
        raise ParameterError(f"{method} has no confidences; leave out {option}, or take --method result")
    rows = choose_rows(clusters, cluster, least_confidence)
    named = read_names(data / "results" / dataset, None if method == RESULT else method)
    names = cluster_names(clusters.labels, named)
    kept = {label: names[label] for label in map(int, np.unique(clusters.labels[rows]))}
    wanted = Wanted(images, clusters, rows, kept, {"dataset": dataset, "method": method})
    if as_ in ("csv", "json") and (link or ranked or keep_folders):
        raise ParameterError(f"--as {as_} writes no images; leave out --link, --ranked and --keep-folders")
    raw, originals, target = data / "raw" / dataset, None, resolve_target(to)
    with contextlib.nullcontext() if link else contextlib.suppress(DatasetError):
        originals = _originals(raw)
    if link and originals is None:
        raise ParameterError(
            f"the images of {dataset} are not files in a folder, {raw / 'source.yaml'} says where they come from: "
            "there is nothing to link to; leave out --link for copies"
        )
    check_outside(target, {data: "the pipeline's own files are", **_own_folders(data.parent)})
    if originals:
        check_outside(target, {originals: "the original images are"})
    try:
        with new_folder(target, force) as folder:
            if as_ in ("csv", "json"):
                write_document(wanted, as_, folder)
            else:
                layout = Layout(originals if link else None, ranked, keep_folders or as_ == "coco")
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
    print(f"{dataset}: {sum_up(clusters.labels, rows, method)}")
    print(to)


def _only_dataset(folder: Path) -> str:
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
