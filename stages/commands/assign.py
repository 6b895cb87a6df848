"""Command `assign`: new images into the clusters of a trained method."""

import difflib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import numpy as np
import typer

from stages.backbones.card import Backbone, Preprocessing, read_card
from stages.core.atomic import write_text
from stages.core.command import application
from stages.core.counted import counted
from stages.core.csvtext import csv_text
from stages.core.errors import DatasetError, ParameterError, TableError, printable
from stages.core.progress import progress_bar
from stages.exporting.adding import NewImage, add_images, check_clusters
from stages.fetching.downloads import cache_folder
from stages.params.options import DATA, WEIGHTS, BatchSize, Compiler, DataFolder, Device, WeightsFolder, Workers
from stages.tables import read_fingerprint, read_images, read_partitions, read_vectors
from stages.tables.clusters import RESULT, find_clusters
from stages.tables.methods import ENSEMBLE, VOTE, MethodName
from stages.tables.parquet import read_metadata
from stages.tables.results import find_result, read_assignments, read_result
from stages.tables.trained_files import TrainedFiles

if TYPE_CHECKING:
    import torch

    from stages.datasets import RawImage
    from stages.datasets.images import Readable
    from stages.deep.image_models import ImageModel
    from stages.deep.models import Model


def assign(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the new images, in any nesting.")],
    dataset: Annotated[str, typer.Option(help="Name of the dataset that the method was trained on.")],
    method: Annotated[
        str,
        typer.Option(
            help="Trained method: result, the one whose clusters the report shows; OBJECTIVE/METHOD; "
            "OBJECTIVE/views/BACKBONE for a single view; images/METHOD for a network on images."
        ),
    ] = RESULT,
    out: Annotated[
        Path | None, typer.Option(help="CSV file to write. Default: standard output, unless --into is given.")
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            help="Folder of an earlier `manyviews export` of the same clusters: each image is copied into the "
            "folder of its cluster, or into no-group, and listed in clusters.csv.",
            metavar="DIR",
        ),
    ] = None,
    preprocessing: Annotated[
        Literal["preset", "published"] | None,
        typer.Option(help="See stage extract. Default: that of the features trained on."),
    ] = None,
    precision: Annotated[
        Literal["fp32", "bf16"] | None,
        typer.Option(help="See stage extract. Default: that of the features trained on."),
    ] = None,
    weights_folder: WeightsFolder = WEIGHTS,
    device: Device = "auto",
    batch_size: BatchSize = 0,
    workers: Workers = 0,
    compiler: Compiler = "auto",
    data: DataFolder = DATA,
) -> None:
    """Put the images of a folder into the clusters of a trained method; write what was found as CSV.

    The columns are path, cluster, confidence, fits and name; only the clusters of the run's result have names.
    Groups of it that were merged by hand are one. Clusters of the result have its numbers, those of a method that
    is named are numbered as in DATA/partitions/DATASET/METHOD.parquet. A confidence is 1 - d1/d2, where d1 is the
    distance of the image to the center of its cluster and d2 that to the next center: from 0, half-way, to 1. An
    image fits, "yes", if it is no farther from the nearest image of its cluster than 99 in 100 images there are
    from the nearest other one; "no" means that it fits no cluster. That needs
    DATA/embeddings/DATASET/METHOD.parquet.

    With --into, nothing that is there is written over, and an image that was added before is not added again.

    Features are computed, and images resized for a network on images, as those that the method was trained on. Of
    the dataset only the model and the backbones' cards are needed, with --into also its table of images. Images
    that cannot be read are skipped, and listed on standard error.
    """
    if out and out.is_dir():
        raise ParameterError(f"--out is {out}, a folder; name the CSV file to write")
    of_result, results = method == RESULT, data / "results" / dataset
    about = read_result(results) if of_result else find_result(results)
    named = about.names_of(method) if about else {}
    shown = about if of_result else None
    method = shown.method if shown else method
    name = MethodName.parse(method)
    file = _model_file(data / "models" / dataset, name)
    target = _export_folder(into, folder, data, dataset, name, bool(shown and shown.changed)) if into else None

    import torch

    from stages.core.device import choose_device
    from stages.deep.clusters import confident_clusters

    machine = _Machine(choose_device(device), batch_size, workers, compiler, weights_folder)
    if name.on_images:
        if preprocessing or precision:
            raise ParameterError(f"{method} sees no features; leave out --preprocessing and --precision")
        model, seen = _read_image_network(file, name.method, machine)
    else:
        model, seen = _read_feature_network(file, data, dataset, preprocessing, precision, machine)
    check_trained_on(file, model.settings, data / "images" / f"{dataset}.parquet")
    images, skipped = _readable(folder)
    embedding = model.transform(seen([image.raw for image in images]))
    clusters, confidences = confident_clusters([torch.from_numpy(embedding)], model.centres.cpu())
    fit = _fits(TrainedFiles(data, dataset).embedding(name), model, embedding, clusters)
    if shown:
        clusters = np.array([shown.number_of(cluster) for cluster in clusters.tolist()])

    if out or not target:
        said = [""] * len(images) if fit is None else ["yes" if fits else "no" for fits in fit]
        rows = (
            (image.raw.path, cluster, f"{value:.6f}", fits, named[cluster].name if cluster in named else "")
            for image, cluster, value, fits in zip(images, clusters.tolist(), confidences, said, strict=True)
        )
        text = csv_text(["path", "cluster", "confidence", "fits", "name"], rows)
        if out:
            write_text(out, text)
        else:
            print(text, end="")
    inside = clusters if fit is None else clusters[fit]
    outside = "" if fit is None else f"{len(images) - len(inside)} fit none, "
    _report(
        f"{len(inside)} images in {len(np.unique(inside))} of {len(model.centres)} clusters of {method}, {outside}"
        f"{skipped} skipped"
    )
    if target:
        placed = clusters if fit is None else np.where(fit, clusters, -1)
        _add(target, images, placed, max(len(model.centres), 1 + int(placed.max())))
        print(into)


class _Machine(NamedTuple):
    """How to compute, which decides no more than the last bits."""

    device: "torch.device"
    batch_size: int
    workers: int
    compiler: str
    weights_folder: Path


def _model_file(folder: Path, name: MethodName) -> Path:
    """The file of a trained method; where it does not exist, the error names those that do."""
    method = str(name)
    file = folder / f"{method}.safetensors"
    if file.is_file():
        return file
    if method == ENSEMBLE:
        raise ParameterError(
            "the ensemble has no network for new images; name a method that has one, such as --method jule/dmvc"
        )
    if name.method == VOTE:
        raise ParameterError(
            f"method {method!r} has no network for new images, it is a vote of the single views; "
            f"take {name.objective}/dmvc, or one view such as {name.objective}/views/mobilenet_v2"
        )
    if name.on_images and not name.trains_network:
        raise ParameterError(
            f"method {method!r} trained no network on {folder.name}; take one that did, such as images/jule"
        )
    there = sorted(path.relative_to(folder).as_posix() for path in folder.glob("**/*.safetensors"))
    if not there:
        raise ParameterError(
            f"{folder} holds no trained model; run `dvc repro` to train one, or name another dataset"
        )
    methods = [name.removesuffix(".safetensors") for name in there]
    near = difflib.get_close_matches(method, methods) or methods
    raise ParameterError(f"{folder} holds no model of the method {method!r}; did you mean {' or '.join(near)}?")


def _export_folder(into: Path, folder: Path, data: Path, dataset: str, name: MethodName, changed: bool) -> Path:
    """The whole path of an export, checked to have the clusters of the method and to hold no new images.

    They are those of the run's result where this one `changed` the method's: by numbers that it kept, or by hand.
    """
    target, source = Path(os.path.realpath(into)), folder.resolve()
    if target.is_relative_to(source) or source.is_relative_to(target):
        raise ParameterError(f"--into {into} and the new images in {folder} are in one another; move one of them")
    images = read_images(data / "images" / f"{dataset}.parquet")
    if changed:
        check_clusters(target, images.paths, read_assignments(data / "results" / dataset, images).labels, RESULT)
        return target
    partitions, method = data / "partitions" / dataset, str(name)
    if name.on_images:  # the clusters of the network are its last result
        method = f"{method}/{list(read_partitions(TrainedFiles(data, dataset).partitions(name)).labels)[-1]}"
    check_clusters(target, images.paths, find_clusters(images, partitions, method).labels, method)
    return target


def _add(target: Path, images: "Sequence[Readable]", clusters: np.ndarray, n_clusters: int) -> None:
    """Copy the images into an export, each to its cluster, int (m), -1 for none; print how many came where."""
    new = (
        NewImage(image.raw.path, cluster, image.raw.read, image.width, image.height)
        for image, cluster in zip(images, clusters.tolist(), strict=True)
    )
    with progress_bar("copying images", len(images)) as advance:
        added = add_images(target, new, n_clusters, advance)
    for top, number in sorted(added.items()):
        print(f"{printable(top)}: {counted(number, 'new image')}")
    if there := len(images) - added.total():
        print(f"{counted(there, 'image')} there already")


def _fits(
    table: Path, model: "Model | ImageModel", embedding: np.ndarray, clusters: np.ndarray
) -> np.ndarray | None:
    """Which images fit their clusters, see `fits`; None, which is reported, without the `table` of embeddings."""
    if not table.exists():
        _report(f"{table} does not exist: which images fit no cluster is not known; `dvc pull {table}` fetches it")
        return None
    known = read_vectors(table, "embedding")
    of_images = model.settings.get("images", known.fingerprint)
    if known.values.shape[1] != embedding.shape[1] or of_images != known.fingerprint:
        raise TableError(f"{table} is not of the method's network; run `dvc repro` to make both again")

    import torch

    from stages.commands.fitting import fits
    from stages.deep.clusters import nearest_centres

    own = nearest_centres(torch.from_numpy(known.values), model.centres.cpu())
    return fits(embedding, clusters, known.values, own)


def _readable(folder: Path) -> "tuple[list[Readable], int]":
    """The images of a folder that decode, by path, and the number of the others, which are reported."""
    from stages.datasets.folder import read_folder
    from stages.datasets.images import Readable, check_images

    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder; give one that holds the new images")
    found = read_folder(folder)
    if not found:
        raise DatasetError(f"{folder} holds no image; give a folder that does")
    images, rejected = [], []
    with progress_bar("checking images", len(found)) as advance:
        for checked in check_images(found):
            if isinstance(checked, Readable):
                images.append(checked)
            else:
                rejected.append(checked)
            advance(1)
    for path, reason in rejected:
        _report(f"skipped {path!r}: {reason}")
    if not images:
        raise DatasetError(f"no image of {folder} can be read; the reasons are above")
    return images, len(rejected)


def _read_feature_network(
    file: Path, data: Path, dataset: str, preprocessing: str | None, precision: str | None, machine: _Machine
) -> "tuple[Model, Callable[[Sequence[RawImage]], list[np.ndarray]]]":
    """The model of a method on features, and a function from images to its views."""
    from stages.deep.models import read_model

    model = read_model(file, machine.device)
    if not {"backbones", "layer"} <= set(model.settings):
        raise TableError(
            f"{file} does not say which backbones it was trained on; run `dvc repro` to train it again"
        )
    layer, known = model.settings["layer"], model.settings.get("extraction", {})
    views = []
    for name in model.settings["backbones"]:
        card = read_card(data / "backbones" / f"{name}.json", [layer])
        made = known.get(name) or _made(data / "features" / dataset / name / f"{layer}.parquet")
        views.append(_view(card, made, preprocessing, precision))
    return model, lambda images: [_features(images, layer, *view, machine) for view in views]


def check_trained_on(file: Path, settings: Mapping[str, Any], table: Path) -> None:
    """Refuse a model whose settings name other images than the image table, where there is one."""
    if table.exists() and settings.get("images") not in (None, read_fingerprint(table).fingerprint):
        raise TableError(
            f"{file} was trained on other images than {table} holds; run `dvc repro` to train it again"
        )


def _made(table: Path) -> dict[str, Any]:
    """How the features of a table were made, from its metadata."""
    if not table.exists():
        _report(
            f"{table} does not exist: preprocessing preset and precision fp32 are taken, unless you name others"
        )
        return {}
    return read_metadata(table)


def _view(
    card: Backbone, made: Mapping[str, Any], preprocessing: str | None, precision: str | None
) -> tuple[Backbone, str]:
    """The card and the precision that features `made` before are computed with again, unless others are named."""
    if made.get("weights", card.weights.sha256) != card.weights.sha256:
        raise TableError(
            f"the weights of backbone {card.name!r} are not those that the method was trained on; "
            "run `dvc repro` to train it again"
        )
    if preprocessing == "published":
        card = replace(card, preprocessing=card.preprocessing.published())
    elif preprocessing is None and "preprocessing" in made:
        card = replace(card, preprocessing=Preprocessing.from_stored(made["preprocessing"]))
    return card, precision or made.get("precision", "fp32")


def _features(
    images: "Sequence[RawImage]", layer: str, card: Backbone, precision: str, machine: _Machine
) -> np.ndarray:
    """The features, float32 (m, d), of the images as the backbone sees them."""
    from stages.backbones.compilers import choose_compiler
    from stages.backbones.extraction import Recipe, ShardExtractor
    from stages.backbones.shards import shard_rows
    from stages.backbones.weights import obtain_weights
    from stages.decoding import decode_image

    compiler, _ = choose_compiler(machine.compiler, precision, len(images), machine.device)
    recipe = Recipe(card, (layer,), precision, compiler, machine.batch_size)
    weights = obtain_weights(card.weights, machine.weights_folder, cache_folder(), report=_report)
    extractor = ShardExtractor(
        recipe, weights, decode_image, machine.device, workers=machine.workers, report=_report
    )
    rows = shard_rows(sum(extractor.dimensions.values()), extractor.batch_size)
    shards = (
        (start // rows, (image.read() for image in images[start : start + rows]))
        for start in range(0, len(images), rows)
    )
    with progress_bar(f"features of {card.name}", len(images)) as advance:
        return np.concatenate([features[layer] for _, features in extractor(shards, advance)])


def _read_image_network(
    file: Path, method: str, machine: _Machine
) -> "tuple[Model | ImageModel, Callable[[Sequence[RawImage]], Any]]":
    """The model of a method on images, and a function from images to what its `predict` takes.

    DEC's network sees pixels as one view.
    """
    from stages.decoding.pixels import pixel_view
    from stages.deep.image_models import read_image_model
    from stages.deep.models import read_model

    if method == "dec":
        of_view = read_model(file, machine.device)
        shape = _trained_shape(file, of_view)
        return of_view, lambda images: [pixel_view(_pixels(images, shape, machine.workers))]
    model = read_image_model(file, machine.device)
    return model, lambda images: _pixels(images, model.image_shape, machine.workers)


def _trained_shape(file: Path, model: "Model") -> tuple[int, int, int]:
    """The shape (c, h, w) of the images that a network on one view of pixels was trained on."""
    try:
        channels, height, width = map(int, model.settings["image_shape"])
    except (KeyError, TypeError, ValueError):
        channels = height = width = 0
    if model.view_widths != (channels * height * width,):
        raise TableError(f"{file} does not say on which images it was trained; run `dvc repro` to train it again")
    return channels, height, width


def _pixels(images: "Sequence[RawImage]", shape: tuple[int, int, int], workers: int) -> np.ndarray:
    """The images as uint8 (m, c, h, w), each brought to `shape` as those trained on were."""
    from stages.decoding import decode_image
    from stages.decoding.pixels import decode_shaped

    with progress_bar("pixels", len(images)) as advance:
        return decode_shaped(
            lambda image: decode_image(image.read()),
            [images],
            len(images),
            shape,
            "assign fewer at once",
            workers,
            advance,
        )


def _report(line: str) -> None:
    print(line, file=sys.stderr)


app = application(assign)
