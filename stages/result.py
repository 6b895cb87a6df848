"""Stage `result`: list the trained methods, and choose the partition that the run is about."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from stages.core.atomic import write_text
from stages.core.checks import check_once
from stages.core.command import run
from stages.core.csvtext import csv_text
from stages.core.digests import file_digest
from stages.core.errors import ParameterError
from stages.core.layer_names import CLASSES
from stages.params.file import PARAMS
from stages.params.options import AUTO, DATA, DataFolder, Dataset
from stages.params.representations import Representations, check_representations
from stages.params.stage import ParamsFile, stage_application
from stages.params.transfers import read_transfers, sources_of
from stages.tables import (
    ImageTable,
    check_same_images,
    class_names,
    read_base_partitions,
    read_fingerprint,
    read_images,
    read_partitions,
    vector_blocks,
)
from stages.tables.clusters import find_clusters
from stages.tables.links import read_links
from stages.tables.manifest import read_manifest, write_manifest
from stages.tables.methods import (
    ENSEMBLE,
    FeatureMethod,
    ImageBaseline,
    ImageMethod,
    MethodName,
    Objective,
    all_methods,
    check_made,
)
from stages.tables.parquet import read_metadata
from stages.tables.results import ASSIGNMENTS, UNCORRECTED, Result
from stages.tables.textfiles import write_json
from stages.tables.trained_files import TrainedFiles

# By which the network's modularity may be below the ensemble's before its clusters are not the result. Differences
# of a few hundredths say nothing of the agreement with labels (docs/results/seven-image-sets.md has figures).
MARGIN = 0.05


def result(
    dataset: Dataset,
    result: Annotated[
        str,
        typer.Option(
            help="Whose clusters are the result: auto, ensemble, OBJECTIVE/METHOD, OBJECTIVE/views/BACKBONE "
            "or images/METHOD/RESULT. auto: the multi-view network of the first objective, unless its modularity "
            "is clearly below the ensemble's."
        ),
    ] = AUTO,
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
    representations: Representations = [],  # noqa: B006
    data: DataFolder = DATA,
    params: ParamsFile = PARAMS,
) -> None:
    """Check that every trained method's clusters are there; write a manifest of them, and the result.

    The result is one partition: that of the report, of `manyviews export` and of assignments.csv. An image's
    confidence is its mean co-association with the other members of its cluster, whichever method made them. A
    cluster is named by the label of most of its labelled images, or by what networks see in its surest ones.
    Clusters keep the numbers of earlier ones, DATA/corrections/numbers/DATASET.csv, whose images they have. Then
    corrections by hand, DATA/corrections/DATASET.csv, are applied: an image set aside is in cluster -1.
    Leftover files of other objectives and methods, which stay in the folders, are not listed and so not used.
    """
    sources = sources_of(dataset, read_transfers(params)) if params.is_file() else []
    check_once("objectives", objectives, "objective")
    check_once("image_baselines", image_baselines, "image baseline")
    check_once("image_methods", image_methods, "image method")
    check_representations(representations, objectives, image_methods)
    files = TrainedFiles(data, dataset)
    images = read_images(data / "images" / f"{dataset}.parquet")
    trained = all_methods(objectives, [*image_baselines, *image_methods], sources, representations)
    digests = {}
    for name in trained:
        file = files.partitions(name)
        check_same_images(images, read_fingerprint(file))
        digests[str(name)] = {"partitions": file_digest(file)}
    write_manifest(data / "views" / dataset / "methods.json", digests)

    folder = data / "partitions" / dataset
    neighbours = read_links(data / "graphs" / f"{dataset}.parquet")
    check_same_images(images, neighbours)

    from stages.consensus import membership_confidence
    from stages.correcting import correct, number_clusters, numbers_file, read_numbers, read_rows
    from stages.graphs import modularity
    from stages.naming import name_clusters

    by_hand = read_rows(data / "corrections" / f"{dataset}.csv")
    earlier = read_numbers(numbers_file(data, dataset))

    network = str(MethodName(objectives[0], FeatureMethod.DMVC)) if objectives else ""
    compared = dict.fromkeys(filter(None, (ENSEMBLE, network)))
    if result != AUTO:
        check_made(result, trained)
        compared[result] = None
    clusters = {method: _clusters(images, folder, method) for method in compared}
    scores = {method: modularity(neighbours.links, labels) for method, labels in clusters.items()}
    chosen = _choose(scores, network) if result == AUTO else result
    numbers, kept = number_clusters(images, found := clusters[chosen], earlier)
    if numbers:
        found = np.array([numbers[number] for number in found.tolist()], dtype=np.int32)
    corrected = correct(images.paths, found, by_hand)
    labels, inside = corrected.labels, corrected.labels >= 0
    if not inside.any():
        raise ParameterError(
            f"{data / 'corrections' / dataset}.csv sets all images aside; remove some of its rows"
        )
    (settings,) = read_partitions(folder / f"{ENSEMBLE}.parquet").settings.values()
    base = read_base_partitions(images, folder, settings)
    confidence = np.where(inside, membership_confidence(base.partitions, labels, base.weights), 0.0)

    words = _words(data, images, labels, confidence)
    names = name_clusters(labels, images.labels, class_names(images), words)
    names.pop(-1, None)  # images that were set aside are no group
    names |= {number: replace(names[number], name=name) for number, name in corrected.names.items()}

    out = data / "results" / dataset
    columns: dict[str, Iterable[Any]] = {
        "path": images.paths,
        "cluster": labels.tolist(),
        "confidence": [f"{value:.6f}" for value in confidence],
        "name": [names[cluster].name if cluster >= 0 else "" for cluster in labels.tolist()],
    }
    if by_hand:
        columns[UNCORRECTED] = found.tolist()
    write_text(out / ASSIGNMENTS, csv_text(list(columns), zip(*columns.values(), strict=True)))
    done, digest = corrected.done if by_hand else None, file_digest(out / ASSIGNMENTS)
    about = Result(chosen, result == AUTO, scores, names, numbers, done, digest)
    write_json(out / "result.json", about.to_json())
    listed = ", ".join(f"{method} {score:.3f}" for method, score in scores.items())
    print(f"{dataset}: {len(digests)} trained methods: {', '.join(digests) or 'none'}")
    print(f"{dataset}: the result is that of {chosen} (modularity: {listed})")
    if kept:
        print(f"{dataset}: {kept}")
    if by_hand:
        print(f"{dataset}: corrected by hand: {corrected.done.summary}")
    for sentence in corrected.done.skipped:
        print(f"{dataset}: not corrected: {sentence}")


def _clusters(images: ImageTable, folder: Path, method: str) -> np.ndarray:
    """The clusters of a method, int32 (n), from 0 on; raises `ParameterError` where it leaves images out."""
    labels = find_clusters(images, folder, method).labels
    if (labels < 0).any():
        raise ParameterError(
            f"result is {method!r}, which leaves out {(labels < 0).sum()} images; name one that leaves out none"
        )
    return labels


def _words(
    data: Path, images: ImageTable, clusters: np.ndarray, confidence: np.ndarray
) -> dict[int, tuple[str, ...]]:
    """Words for each cluster by the class scores of the backbones that have some."""
    from stages.naming import cluster_words

    dataset = images.file.stem
    backbones = read_manifest(data / "views" / dataset / "features.json", CLASSES)
    tables = [data / "features" / dataset / backbone / f"{CLASSES}.parquet" for backbone in backbones]
    check_same_images(images, *map(read_fingerprint, tables))
    words = read_metadata(tables[0])["words"] if tables else ()
    views = (vector_blocks(table, "features") for table in tables)
    return cluster_words(views, clusters, confidence, words)


def _choose(scores: dict[str, float], network: str) -> str:
    """The method that is the result when none is named; `network` is "" where none was trained."""
    if network and scores[network] >= scores[ENSEMBLE] - MARGIN:
        return network
    return ENSEMBLE


app = stage_application(result, "result", "objectives", "image_baselines", "image_methods", "representations")

if __name__ == "__main__":
    run(app)
