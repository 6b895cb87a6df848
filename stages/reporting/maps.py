"""Maps: scatter plots as the few shapes an inline SVG needs, and all of a dataset as one PNG and one table.

The page's template writes the markup. The dots of one cluster and label are one path: a dot costs some 14 bytes,
stays sharp at any zoom, and takes its colour from the page's style, so that light, dark and "colour by label" need
no second picture. The PNG is for slides and README files, where a page cannot go.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.core.csvtext import csv_text

PANEL, DPI = 2.6, 110  # of the picture: side of a map in inches, dots per inch
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
    marks = [
        _mark(cluster, placed[clusters == cluster]) for cluster in np.unique(clusters).tolist() if cluster >= 0
    ]
    diameter = round(float(np.clip(100 / np.sqrt(len(points)), 2.5, 9)), 1)
    return Scatter(SIZE, diameter, tuple(dots), tuple(marks), placed)


def maps_picture(title: str, panels: Sequence[tuple[str, np.ndarray]], clusters: np.ndarray) -> bytes:
    """Draw points (n, 2) of every panel side by side, coloured by int clusters (n); return a PNG.

    t-SNE's axes carry no unit, so none are drawn. The same points give the same bytes.
    """
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Ten colours that differ, then as many hues as are needed.
    count = int(clusters.max()) + 1
    palette = colormaps["tab10"](np.arange(10)) if count <= 10 else colormaps["hsv"](np.linspace(0, 1, count + 1))
    palette = np.vstack([palette, (0.8, 0.8, 0.8, 1)])  # of -1, in no cluster
    figure = Figure(figsize=(PANEL * len(panels), PANEL + 0.7), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    size = float(np.clip(2500 / len(clusters), 2, 14))
    for place, (name, points) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), place + 1)
        axes.scatter(
            points[:, 0], points[:, 1], c=[palette[cluster] for cluster in clusters], s=size, linewidths=0
        )
        axes.set_title(name, fontsize=9, parse_math=False)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_aspect("equal", adjustable="datalim")
    figure.suptitle(title, fontsize=10, parse_math=False)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def maps_csv(
    panels: Sequence[tuple[str, np.ndarray]], paths: Sequence[str], clusters: np.ndarray, mapped: np.ndarray
) -> str:
    """Return the maps as a table: `panels` have the points of the rows `mapped` of all `paths` and `clusters`."""
    rows = (
        (title, paths[row], clusters[row], f"{x:.4f}", f"{y:.4f}")
        for title, points in panels
        for row, (x, y) in zip(mapped, points, strict=True)
    )
    return csv_text(["map", "path", "cluster", "x", "y"], rows)


def _fit(points: np.ndarray) -> np.ndarray:
    """Scale and centre points into the drawing; the second coordinate grows upwards."""
    low, high = points.min(axis=0), points.max(axis=0)
    reach = float((high - low).max())
    scale = (SIZE - 2 * MARGIN) / reach if reach > 0 else 0.0
    placed: np.ndarray = SIZE / 2 + (points - (low + high) / 2) * scale * np.array([1, -1])
    return placed


def _mark(cluster: int, points: np.ndarray) -> Mark:
    """Write the number on the cluster's point nearest to its median: never in the void between two parts."""
    nearest = np.argmin(((points - np.median(points, axis=0)) ** 2).sum(axis=1))
    x, y = points[nearest].tolist()
    lift = BESIDE if len(points) <= FEW else 0.0  # where it would hide all there is to see
    return Mark(cluster, round(x, 1), round(y - lift, 1))
