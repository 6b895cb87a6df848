"""The report's spaces: the maps of a trained embedding and of every view, and the neighbours in them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stages import tables
from stages.core.errors import ParameterError
from stages.reporting.gallery import Space
from stages.reporting.maps import scatter
from stages.reporting.projection import nearest_rows, project_each
from stages.tables import check_layer
from stages.tables.methods import MethodName, all_networks
from stages.tables.trained_files import TrainedFiles

FIRST = "first"  # of the objectives: its dmvc is mapped
NEAREST = 10  # neighbours of an image that the page shows, in each space


class Source(NamedTuple):
    """A table of vectors: its `file`, the `column` "features" or "embedding", its `title` and `what` it has."""

    file: Path
    column: str
    title: str
    what: str


class MappedSpace(NamedTuple):
    """A space on the page, its map's `points` float64 (m, 2) as t-SNE laid them out, and how features were `made`.

    `made` is empty for an embedding, whose settings are those of its training.
    """

    space: Space
    points: np.ndarray
    made: dict[str, Any]


def space_sources(
    data: Path, dataset: str, trained: Sequence[str], backbones: Sequence[str], method: str, layer: str
) -> list[Source]:
    """List the tables to map: the embedding of `method`, where networks were trained, and a `layer` of every view.

    A method `FIRST` is the dmvc of the first objective or, without objectives, the first network on images. Raises
    `ParameterError` if networks were trained, but not this one, and for a layer that was not extracted.
    """
    features = data / "features" / dataset
    check_layer("report.layer", layer, features, backbones)
    sources = [
        Source(features / view / f"{layer}.parquet", "features", view, f"{layer} features") for view in backbones
    ]
    places = TrainedFiles(data, dataset)
    networks = all_networks(map(MethodName.parse, trained), backbones)
    files = {str(network): places.embedding(network) for network in networks}
    if not files:
        return sources
    if method == FIRST:
        method = next((name for name in files if name.endswith("/dmvc")), next(iter(files)))
    if method not in files:
        raise ParameterError(
            f"report.method is {method!r}, no network that was trained on {dataset}; "
            f"give one of {', '.join(files)}"
        )
    learned = Source(files[method], "embedding", f"Learned by {method}", "a trained network's embedding")
    return [learned, *sources]


def map_spaces(
    sources: Sequence[Source],
    images: tables.ImageTable,
    clusters: np.ndarray,
    mapped: np.ndarray,
    at_hand: np.ndarray,
    seed: int,
) -> list[MappedSpace]:
    """Map the rows `mapped` of every source, and find the neighbours of the rows `at_hand` among themselves.

    `clusters` is int (n); both kinds of rows are ascending, and those mapped are among those at hand.
    """
    notes, made, sampled, nearest = [], [], [], []
    on_map = np.searchsorted(at_hand, mapped)
    for source in sources:  # one whole table in memory at a time
        vectors = tables.read_vectors(source.file, source.column)
        tables.check_same_images(images, vectors)
        notes.append(f"{source.what}, {vectors.values.shape[1]:,} numbers an image")
        made.append(vectors.metadata if source.column == "features" else {})
        values = vectors.values[at_hand]
        nearest.append(nearest_rows(values, NEAREST))
        sampled.append(values[on_map])
    maps = project_each(sampled, seed)
    plots = [scatter(points, clusters[mapped], images.labels[mapped]) for points in maps]
    spaces = [
        Space(source.title, note, plot, rows)
        for source, note, plot, rows in zip(sources, notes, plots, nearest, strict=True)
    ]
    return [MappedSpace(*each) for each in zip(spaces, maps, made, strict=True)]
