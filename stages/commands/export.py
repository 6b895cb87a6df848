"""Command `export`: the groups of images as folders, or as CSV, JSON or COCO, for other programs."""

import contextlib
import errno
import shutil
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer

from stages import exporting
from stages.core.atomic import write_text
from stages.core.checks import check_choice
from stages.core.command import application
from stages.core.errors import DatasetError, ParameterError, TableError
from stages.core.progress import progress_bar
from stages.exporting import Clusters
from stages.tables import IMAGE_ROWS, ImageTable, check_same_images, read_images, read_partitions

FORMATS = ("folders", "csv", "json", "coco", "imagefolder")


class Wanted(NamedTuple):
    """What is exported: the clusters, the rows of their images, int (m), and the names of the clusters."""

    images: ImageTable
    clusters: Clusters
    rows: np.ndarray
    names: dict[int, str]
    about: dict[str, str]


class Layout(NamedTuple):
    """How the images are laid out."""

    originals: Path | None
    ranked: bool
    keep_folders: bool


def export(
    to: Annotated[Path, typer.Option(help="Folder to make; it must not exist, or be empty.", metavar="DIR")],
    dataset: Annotated[
        str, typer.Option(help="Name of the dataset: the folder under data/raw. Default: the only one there is.")
    ] = "",
    as_: Annotated[
        str,
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
            help="Whose clusters: ensemble; cut-K, as `manyviews cut K` made them; OBJECTIVE/METHOD; "
            "OBJECTIVE/views/BACKBONE; images/METHOD/RESULT; baseline/BACKBONE/RUN."
        ),
    ] = "ensemble",
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
            help="Keep the images' sub-folders within each cluster. Without: of equal names the second becomes "
            "'a (2).png'.",
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

    Images are copied as they were found, byte by byte. Confidences are the ensemble's; other methods have none.
    The folder appears when everything is in it; a run that is killed leaves no more than DIR's hidden
    neighbours .partial-DIR and .replaced-DIR, which the next one clears away.
    """
    check_choice("--as", as_, FORMATS)
    dataset = dataset or _only_dataset(data / "images")
    images = read_images(data / "images" / f"{dataset}.parquet")
    clusters = _clusters(images, data / "partitions" / dataset, method)
    if (ranked or least_confidence) and clusters.confidence is None:
        option = "--ranked" if ranked else "--least-confidence"
        raise ParameterError(f"{method} has no confidences; leave out {option}, or take --method ensemble")
    rows = exporting.choose_rows(clusters, cluster, least_confidence)
    names = exporting.cluster_names(clusters.labels)
    kept = {label: names[label] for label in map(int, np.unique(clusters.labels[rows]))}
    wanted = Wanted(images, clusters, rows, kept, {"dataset": dataset, "method": method})
    if as_ in ("csv", "json") and (link or ranked or keep_folders):
        raise ParameterError(f"--as {as_} writes no images; leave out --link, --ranked and --keep-folders")
    raw, originals, target = data / "raw" / dataset, None, exporting.resolve_target(to)
    with contextlib.nullcontext() if link else contextlib.suppress(DatasetError):
        originals = _originals(raw)
    if link and originals is None:
        raise ParameterError(
            f"the images of {dataset} do not lie in a folder, {raw / 'source.yaml'} says where they come from: "
            "there is nothing to link to; leave out --link for copies"
        )
    exporting.check_outside(target, {data: "the pipeline's own files are", **_own_folders(data.parent)})
    if originals:
        exporting.check_outside(target, {originals: "the original images are"})
    try:
        with exporting.new_folder(target, force) as folder:
            if as_ in ("csv", "json"):
                _write_document(wanted, as_, folder)
            else:
                layout = Layout(originals if link else None, ranked, keep_folders or as_ == "coco")
                _write_images(wanted, as_, layout, folder)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ParameterError(
                f"the disk of {to} is full, nothing was written; make room, or name a folder on another disk"
            ) from None
        raise
    print(f"{dataset}: {exporting.sum_up(clusters.labels, rows, method)}")
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


def _clusters(images: ImageTable, folder: Path, method: str) -> Clusters:
    """The clusters of a method, checked to be of these images."""
    if method == "ensemble" or method.startswith("cut-"):
        file = folder / ("assignments.csv" if method == "ensemble" else f"{method}.csv")
        if file.parent == folder and file.is_file():
            return exporting.read_clusters(file, images.paths)
        if method != "ensemble":
            command = f"manyviews cut {method.removeprefix('cut-')} --dataset {folder.name}"
            raise TableError(f"{file} does not exist; make it by `{command}`")
        raise TableError(f"{file} does not exist; run `dvc repro` to make it or `dvc pull` to fetch it")
    parts = method.split("/")
    for end in range(len(parts), 0, -1):
        file = folder / f"{'/'.join(parts[:end])}.parquet"
        if ".." not in parts and file.is_file():
            table = read_partitions(file)
            check_same_images(images, table)
            return exporting.partition_clusters(table, "/".join(parts[end:]))
    files = [file for file in folder.rglob("*.parquet") if file != folder / "dendrogram.parquet"]
    there = sorted(file.relative_to(folder).with_suffix("").as_posix() for file in files)
    if not there:
        raise TableError(f"{folder} holds no clusters; run `dvc repro` to make them or `dvc pull` to fetch them")
    raise ParameterError(f"no method is called {method!r}; {folder} has {', '.join(there)}")


def _originals(folder: Path) -> Path | None:
    """The folder in which the image files of a dataset lie as they are; None if they lie in none."""
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
    """What else of the project is no place for an export, and what is there."""
    return {
        project / "stages": "the pipeline's own code is",
        project / "metrics": "the pipeline's own results are",
        project / ".git": "Git's own files are",
        project / ".dvc": "DVC's own files are",
    }


def _write_document(wanted: Wanted, as_: str, folder: Path) -> None:
    images, clusters, rows, names, about = wanted
    if as_ == "csv":
        text = exporting.table_text(images, clusters, rows.tolist())
    else:
        text = exporting.grouped_text(images, clusters, rows.tolist(), names, about)
    write_text(folder / f"clusters.{as_}", text)


def _write_images(wanted: Wanted, as_: str, layout: Layout, folder: Path) -> None:
    """Put the images into `folder`, a few at a time, and what tells of them beside."""
    images, clusters, rows, names, about = wanted
    if layout.originals is None and len(rows) == len(images):
        _check_room(images.file.stat().st_size, folder)
    numbers = None
    if layout.ranked and clusters.confidence is not None:
        numbers = exporting.ranks(clusters.labels, clusters.confidence, rows)
    tops = {row: "images" if as_ == "coco" else names[int(clusters.labels[row])] for row in rows.tolist()}
    plain = exporting.needs_plain_names(folder)
    places = exporting.lay_out(images.paths, tops, layout.keep_folders, numbers, plain)
    writer = exporting.ImageWriter(folder, layout.originals)
    with progress_bar("exporting images", len(places)) as advance:
        for start in range(0, len(images), IMAGE_ROWS):
            within = range(start, min(start + IMAGE_ROWS, len(images)))
            if not any(row in places for row in within):
                continue
            for row, content in zip(within, images.read_bytes(start, within.stop), strict=True):
                if row in places:
                    writer.write(places[row], images.paths[row], content)
                    advance(1)
    if as_ == "folders":
        write_text(folder / "clusters.csv", exporting.table_text(images, clusters, rows.tolist(), places))
    elif as_ == "coco":
        files = {row: place.removeprefix("images/") for row, place in places.items()}
        text = exporting.coco_text(images, clusters, rows.tolist(), names, files, about)
        write_text(folder / "annotations.json", text)
    elif passed := exporting.passed_over(places.values()):
        some = f"{exporting.counted(len(passed), 'image')} for the extension, the first {passed[0]!r}"
        typer.echo(f"torchvision's ImageFolder passes over {some}", err=True)


def _check_room(needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ParameterError(
            f"copies of the images take {needed / 2**30:.1f} GiB, of which {free / 2**30:.1f} GiB are free; "
            "make room, or take --link"
        )


app = application(export)
