"""How many clusters there are: three curves, and whether they point at the same number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WIDTH, HEIGHT, MARGIN = 300, 110, 14  # of a drawing, in SVG units, and the room left for its marks
_ALIKE = 0.01  # a stability this near to the greatest is as good: extra clusters of one image each are stable too


@dataclass(frozen=True)
class Counts:
    """The evidence for each number of clusters: `clusters` int (c), ascending, and three curves float64 (c).

    `lifetime`, `stability` and `silhouette` are nan where they are not defined.
    """

    clusters: np.ndarray
    lifetime: np.ndarray
    stability: np.ndarray
    silhouette: np.ndarray


@dataclass(frozen=True)
class Curve:
    """One curve: its title, what it says, the number of clusters it points at, and its drawing in SVG units.

    `path` is SVG path data; `best` is where the number pointed at is, `used` the place of the number used.
    """

    title: str
    meaning: str
    count: int
    value: float
    path: str
    best: tuple[float, float]
    used: float | None


@dataclass(frozen=True)
class CountChart:
    """The curves that are defined, the range of the number of clusters, and in a sentence what they say."""

    curves: tuple[Curve, ...]
    least: int
    most: int
    verdict: str


_CURVES = (
    ("lifetime", "Lifetime", "share of the dendrogram's height at which a cut gives so many clusters"),
    ("stability", "Stability", "agreement of the consensus of two halves of the partitions, adjusted Rand index"),
    ("silhouette", "Silhouette", "how much nearer images are to their own cluster, mean of the views"),
)


def count_chart(counts: Counts, used: int) -> CountChart:
    """Draw the curves that are defined, with the number of clusters that each points at, and compare them."""
    curves = []
    for name, title, meaning in _CURVES:
        values = getattr(counts, name)
        known = np.isfinite(values)
        if known.any():
            curves.append(_curve(title, meaning, counts.clusters[known], values[known], used))
    least, most = (int(counts.clusters[end]) for end in (0, -1)) if len(counts.clusters) else (used, used)
    return CountChart(tuple(curves), least, most, _verdict(curves, used))


def _curve(title: str, meaning: str, clusters: np.ndarray, values: np.ndarray, used: int) -> Curve:
    near = _ALIKE if title == "Stability" else 0.0
    best = int(np.argmax(values >= values.max() - near))  # the fewest clusters of those as good
    # A logarithmic axis: from 2 to 3 is as large a step as from 20 to 30.
    position = np.log(clusters)
    x = _scaled(position, position[0], position[-1], WIDTH)
    y = HEIGHT - _scaled(values, min(values.min(), 0.0), values.max(), HEIGHT)
    path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))
    inside = clusters[0] <= used <= clusters[-1]
    place = round(float(np.interp(math.log(used), position, x)), 1) if inside else None
    return Curve(
        title,
        meaning,
        int(clusters[best]),
        float(values[best]),
        path,
        (round(x[best], 1), round(y[best], 1)),
        place,
    )


def _scaled(values: np.ndarray, low: float, high: float, length: int) -> np.ndarray:
    share = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
    scaled: np.ndarray = MARGIN + share * (length - 2 * MARGIN)
    return scaled


def _verdict(curves: Sequence[Curve], used: int) -> str:
    """Say in a sentence what the curves make of the number used."""
    found = [f"{curve.title.lower()} at {curve.count}" for curve in curves]
    if not found:
        return "There is nothing to compare the number of clusters by."
    numbers = {curve.count for curve in curves}
    listed = found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
    if numbers == {used}:
        return f"Everything here points at the {used} clusters of this page."
    if len(numbers) == 1:
        return f"Everything here points at {numbers.pop()} clusters, not at the {used} of this page."
    return f"They disagree: {listed}; this page has {used}. Look at the clusters before you trust one."
