"""Scatter plots as the few shapes an inline SVG needs; the page's template writes the markup.

The dots of one cluster and label are one path: a dot costs some 14 bytes, stays sharp at any zoom, and takes
its colour from the page's style, so that light, dark and "colour by label" need no second picture.
"""

from dataclasses import dataclass

import numpy as np

SIZE = 300  # width and height of the drawing, in SVG units
MARGIN = 14  # room for the dots at the edge
FEW = 3  # points of a cluster that its number would hide
BESIDE = 9  # how far above them it is then written


@dataclass(frozen=True)
class Dots:
    """The dots of one cluster and label: `path` is SVG path data, `label` -1 for images without one."""

    cluster: int
    label: int
    count: int
    path: str


@dataclass(frozen=True)
class Mark:
    """Where a cluster's number is written, in SVG units."""

    cluster: int
    x: float
    y: float


@dataclass(frozen=True)
class Scatter:
    """A scatter plot: `dots` with their `diameter` and one of `marks` per cluster, in SVG units of `size`.

    `points` (n, 2) are the dots' places in the order of the images.
    """

    size: int
    diameter: float
    dots: tuple[Dots, ...]
    marks: tuple[Mark, ...]
    points: np.ndarray


def scatter(points: np.ndarray, clusters: np.ndarray, labels: np.ndarray) -> Scatter:
    """Lay out points (n, 2) with int clusters (n) and int labels (n), -1 for none.

    Both axes have one scale, so that distances may be compared in every direction.
    """
    placed = _fit(points)
    dots = []
    for cluster, label in np.unique(np.column_stack([clusters, labels]), axis=0).tolist():
        rows = (clusters == cluster) & (labels == label)
        path = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in placed[rows])  # no length, round ends: a dot
        dots.append(Dots(cluster, label, int(rows.sum()), path))
    marks = [_mark(cluster, placed[clusters == cluster]) for cluster in np.unique(clusters).tolist()]
    diameter = round(float(np.clip(100 / np.sqrt(len(points)), 2.5, 9)), 1)
    return Scatter(SIZE, diameter, tuple(dots), tuple(marks), placed)


def _fit(points: np.ndarray) -> np.ndarray:
    """Scale and centre points into the drawing; the second coordinate grows upwards."""
    low, high = points.min(axis=0), points.max(axis=0)
    reach = float((high - low).max())
    scale = (SIZE - 2 * MARGIN) / reach if reach > 0 else 0.0
    return SIZE / 2 + (points - (low + high) / 2) * scale * np.array([1, -1])


def _mark(cluster: int, points: np.ndarray) -> Mark:
    """Write the number on the cluster's point nearest to its median: never in the void between two parts."""
    nearest = np.argmin(((points - np.median(points, axis=0)) ** 2).sum(axis=1))
    x, y = points[nearest].tolist()
    lift = BESIDE if len(points) <= FEW else 0.0  # where it would hide all there is to see
    return Mark(cluster, round(x, 1), round(y - lift, 1))
