"""Contact sheets: which images show what a cluster is, and their thumbnails."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_THUMBNAILS = 4000  # on one dataset's page: some 16 MB at 96 pixels, which a browser still opens at once
QUALITY = 80  # JPEG; below it, blocks show on flat backgrounds


@dataclass(frozen=True)
class Sheet:
    """A cluster and the rows of its images to show.

    Attributes: `cluster`; `size`, its number of images; `confidence`, their mean (nan without any value);
    `most`, int64 rows, the most confident image first; `least`, int64 rows, the least confident first.
    """

    cluster: int
    size: int
    confidence: float
    most: np.ndarray
    least: np.ndarray

    @property
    def rows(self) -> list[int]:
        """The rows of all images to show."""
        return [*self.most.tolist(), *self.least.tolist()]


@dataclass(frozen=True)
class Tile:
    """An image on a contact sheet: name, confidence (0 to 1 or nan), class name or "", thumbnail as a data URI."""

    name: str
    confidence: float
    label: str
    picture: str


@dataclass(frozen=True)
class Strip:
    """Some images of a cluster under one heading."""

    heading: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Cluster:
    """A cluster: number, images, mean confidence (nan: unknown), commonest class ("": none), images to show."""

    number: int
    size: int
    confidence: float
    commonest: str
    strips: tuple[Strip, ...]


def choose_images(
    clusters: np.ndarray, confidence: np.ndarray, per_cluster: int, limit: int = MOST_THUMBNAILS
) -> list[Sheet]:
    """Choose the images to show, for int clusters (n) and float confidence (n) in 0 to 1, nan for unknown.

    A third of `per_cluster` are a cluster's least confident images, the others its most confident; a cluster no
    larger is shown whole. Sheets come largest first, then by number. The smallest clusters have none where more
    than `limit` images would be shown. Equal confidence: the image table's order decides. No row comes twice.
    """
    n_least = per_cluster // 3
    sheets = []
    for cluster, members in _members(clusters):
        known = np.where(np.isnan(confidence[members]), -1.0, confidence[members])
        ranked = members[np.argsort(-known, kind="stable")]
        whole = len(ranked) <= per_cluster
        values = confidence[members][known >= 0]
        sheets.append(
            Sheet(
                cluster=cluster,
                size=len(ranked),
                confidence=float(values.mean()) if len(values) else float("nan"),
                most=ranked if whole else ranked[: per_cluster - n_least],
                least=ranked[:0] if whole else ranked[len(ranked) - n_least :][::-1],
            )
        )
    sheets.sort(key=lambda sheet: (-sheet.size, sheet.cluster))
    shown = np.cumsum([len(sheet.most) + len(sheet.least) for sheet in sheets])
    return sheets[: int(np.searchsorted(shown, limit, side="right"))]


def thumbnail(image: "Image", pixels: int) -> str:
    """Shrink an RGB image so that its longer side has at most `pixels`; return it as a JPEG data URI."""
    small = image.copy()
    small.thumbnail((pixels, pixels), reducing_gap=3.0)
    buffer = io.BytesIO()
    # Without the source's metadata: it may hold where a photo was taken, and a profile larger than the image.
    small.save(buffer, "JPEG", quality=QUALITY, optimize=True, exif=b"", icc_profile=None)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def cluster_sizes(clusters: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Pair every cluster's number with its number of images, largest first, then by number."""
    numbers, counts = np.unique(clusters, return_counts=True)
    return tuple(sorted(zip(numbers.tolist(), counts.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0])))


def contact_sheet(
    sheet: Sheet, tiles: Mapping[int, Tile], labels: np.ndarray, class_names: Sequence[str]
) -> Cluster:
    """Lay out the `tiles` (by row) of a cluster whose members have int `labels`, -1 for none."""
    if len(sheet.most) == sheet.size:
        strips = [
            (f"All {sheet.size} images, most confident first" if sheet.size > 1 else "The only image", sheet.most)
        ]
    else:
        strips = [("Most confident", sheet.most), ("Least confident", sheet.least)]
    return Cluster(
        number=sheet.cluster,
        size=sheet.size,
        confidence=sheet.confidence,
        commonest=_commonest(labels[labels >= 0], class_names),
        strips=tuple(
            Strip(heading, tuple(tiles[row] for row in rows.tolist())) for heading, rows in strips if len(rows)
        ),
    )


def _commonest(labels: np.ndarray, class_names: Sequence[str]) -> str:
    """Say which label is the commonest, as "7 of 9 labelled rose"; "" without labels."""
    if not len(labels):
        return ""
    counts = np.bincount(labels)
    return f"{counts.max()} of {len(labels)} labelled {class_names[int(counts.argmax())]}"


def _members(clusters: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield every cluster with its rows, ascending."""
    order = np.argsort(clusters, kind="stable")
    numbers, starts = np.unique(clusters[order], return_index=True)
    yield from zip(numbers.tolist(), np.split(order, starts[1:]), strict=True)
