"""Contact sheets: which images show what a cluster is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stages.reporting.rivals import Rivals
from stages.tables import ImageTable, class_names
from stages.tables.results import Assignments

NEARLY = 0.5  # an image is on a boundary when it agrees with another cluster at least half as much as with its own


@dataclass(frozen=True)
class Sheet:
    """A cluster and the rows of its images to show.

    Attributes: `cluster`; `size`, its number of images; `confidence`, their mean;
    `most`, int64 rows, the most confident image first; `least`, int64 rows, the least confident first; `boundary`,
    int64 rows, those first whose own cluster leads least over another.
    """

    cluster: int
    size: int
    confidence: float
    most: np.ndarray
    least: np.ndarray
    boundary: np.ndarray

    @property
    def rows(self) -> list[int]:
        """The rows of all images to show."""
        return [*self.most.tolist(), *self.boundary.tolist(), *self.least.tolist()]


@dataclass(frozen=True)
class Tile:
    """An image on a contact sheet.

    Attributes: `name`; `confidence`, 0 to 1; `label`, a class's name or ""; `near`, the other cluster on
    whose boundary it is, or None; `picture`, a thumbnail as a data URI; `place`, its place in the gallery.
    """

    name: str
    confidence: float
    label: str
    near: int | None
    picture: str
    place: int


@dataclass(frozen=True)
class Strip:
    """Some images of a cluster under one heading."""

    heading: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Cluster:
    """A cluster: number, images, mean confidence, commonest class ("": none), images to show."""

    number: int
    size: int
    confidence: float
    commonest: str
    strips: tuple[Strip, ...]


def choose_images(
    clusters: np.ndarray, confidence: np.ndarray, rivals: Rivals, per_cluster: int, limit: int
) -> list[Sheet]:
    """Choose the images to show, for int clusters (n) and float confidence (n) in 0 to 1.

    Of `per_cluster`, a quarter are a cluster's least confident images, up to a quarter are others on its boundary,
    and the rest its most confident; a cluster no larger is shown whole. Sheets come largest first, then by number.
    The smallest clusters have none where more than `limit` images would be shown. Equal values: the image table's
    order decides. No row comes twice. Images in no cluster, -1, come last, the first `per_cluster` of them.
    """
    near, lead = on_boundary(rivals), rivals.lead
    n_boundary, n_least = per_cluster // 4, (per_cluster + 1) // 4
    sheets = []
    for cluster, members in _members(clusters):
        if cluster < 0:
            sheets.append(Sheet(cluster, len(members), 0.0, members[:per_cluster], members[:0], members[:0]))
            continue
        ranked = members[np.argsort(-confidence[members], kind="stable")]
        most, least, boundary = ranked, ranked[:0], ranked[:0]
        if len(ranked) > per_cluster:
            least = ranked[len(ranked) - n_least :][::-1]
            rest = np.sort(ranked[per_cluster - n_boundary - n_least : len(ranked) - n_least])
            rest = rest[near[rest]]
            boundary = rest[np.argsort(lead[rest], kind="stable")][:n_boundary]
            others = ranked[~np.isin(ranked, np.concatenate([least, boundary]))]
            most = others[: per_cluster - len(least) - len(boundary)]
        mean = float(confidence[members].mean())
        sheets.append(Sheet(cluster, len(ranked), mean, most, least, boundary))
    sheets.sort(key=lambda sheet: (sheet.cluster < 0, -sheet.size, sheet.cluster))
    shown = np.cumsum([len(sheet.rows) for sheet in sheets])
    return sheets[: int(np.searchsorted(shown, limit, side="right"))]


def on_boundary(rivals: Rivals) -> np.ndarray:
    """Return which images, bool (n), agree with another cluster nearly as much as with their own."""
    near: np.ndarray = (rivals.clusters >= 0) & (rivals.other >= NEARLY * rivals.own)
    return near


def cluster_sizes(clusters: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Pair every cluster's number with its number of images, largest first, then by number; -1 is none."""
    numbers, counts = np.unique(clusters[clusters >= 0], return_counts=True)
    return tuple(sorted(zip(numbers.tolist(), counts.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0])))


def contact_sheet(
    sheet: Sheet, tiles: Mapping[int, Tile], labels: np.ndarray, class_names: Sequence[str]
) -> Cluster:
    """Lay out the `tiles` (by row) of a cluster whose members have int `labels`, -1 for none."""
    if sheet.cluster < 0:
        strips = [("In no group", sheet.most)]
    elif len(sheet.most) == sheet.size:
        strips = [
            (f"All {sheet.size} images, most confident first" if sheet.size > 1 else "The only image", sheet.most)
        ]
    else:
        strips = [
            ("Most confident", sheet.most),
            ("Boundary", sheet.boundary),
            ("Least confident", sheet.least),
        ]
    return Cluster(
        number=sheet.cluster,
        size=sheet.size,
        confidence=sheet.confidence,
        commonest=_commonest(labels[labels >= 0], class_names),
        strips=tuple(
            Strip(heading, tuple(tiles[row] for row in rows.tolist())) for heading, rows in strips if len(rows)
        ),
    )


def make_tiles(
    images: ImageTable,
    assigned: Assignments,
    rivals: Rivals,
    thumbnails: Mapping[int, str],
    at_hand: np.ndarray,
) -> dict[int, Tile]:
    """Make a tile of each image whose thumbnail is known by row; `at_hand` (m) are the rows of the gallery."""
    names, near = class_names(images), on_boundary(rivals)
    return {
        row: Tile(
            name=images.paths[row],
            confidence=float(assigned.confidence[row]),
            label=names[images.labels[row]] if images.labels[row] >= 0 else "",
            near=int(rivals.clusters[row]) if near[row] else None,
            picture=picture,
            place=int(np.searchsorted(at_hand, row)),
        )
        for row, picture in thumbnails.items()
    }


def contact_sheets(
    images: ImageTable, clusters: np.ndarray, sheets: Sequence[Sheet], tiles: Mapping[int, Tile]
) -> tuple[Cluster, ...]:
    """Lay out the `sheets` of int `clusters` (n), whose `tiles` are known by row."""
    names = class_names(images)
    return tuple(contact_sheet(sheet, tiles, images.labels[clusters == sheet.cluster], names) for sheet in sheets)


def _commonest(labels: np.ndarray, class_names: Sequence[str]) -> str:
    """The commonest label, as "7 of 9 labelled rose"; "" without labels."""
    if not len(labels):
        return ""
    counts = np.bincount(labels)
    return f"{counts.max()} of {len(labels)} labelled {class_names[int(counts.argmax())]}"


def _members(clusters: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield every cluster with its rows, ascending."""
    order = np.argsort(clusters, kind="stable")
    numbers, starts = np.unique(clusters[order], return_index=True)
    yield from zip(numbers.tolist(), np.split(order, starts[1:]), strict=True)
