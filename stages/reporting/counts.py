"""How many clusters there are: what the views' graph says, as curves and in a sentence."""

import math
from dataclasses import dataclass

import numpy as np

from stages.core.counted import counted

WIDTH, HEIGHT, MARGIN = 300, 110, 14  # of a drawing, in SVG units, and the room left for its marks


@dataclass(frozen=True)
class Counts:
    """The evidence for each number of clusters: `clusters` int (c), ascending, and three curves float64 (c).

    `modularity`, `lifetime` and `silhouette` are nan where they are not defined.
    """

    clusters: np.ndarray
    modularity: np.ndarray
    lifetime: np.ndarray
    silhouette: np.ndarray


@dataclass(frozen=True)
class Answer:
    """The number of clusters `used`, and what the ensemble found: the number, how sure, and others in reach.

    `plausible` are the least and the greatest number that is about as good; `coarser` and `finer` are None where
    there is no such answer; `clear` says whether there are groups at all.
    """

    used: int
    found: int
    clear: bool
    plausible: tuple[int, int]
    coarser: int | None
    finer: int | None


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
    """The curves that are defined, the range of the number of clusters, and in sentences what they say.

    `others` are the numbers that the user may want instead, with a word for each.
    """

    curves: tuple[Curve, ...]
    least: int
    most: int
    verdict: str
    others: tuple[tuple[str, int], ...]


_CURVES = (
    (
        "modularity",
        "Modularity",
        "how much more often images share a cluster with their neighbours than by chance",
    ),
    ("silhouette", "Silhouette", "how much nearer images are to their own cluster, mean of the views"),
    ("lifetime", "Lifetime", "share of the dendrogram's height at which a cut gives so many clusters"),
)


def count_chart(counts: Counts, answer: Answer) -> CountChart:
    """Draw the curves that are defined, and put the answer into words."""
    curves = []
    for name, title, meaning in _CURVES:
        values = getattr(counts, name)
        known = np.isfinite(values)
        if known.any():
            curves.append(_curve(title, meaning, counts.clusters[known], values[known], answer.used))
    used = answer.used
    least, most = (int(counts.clusters[end]) for end in (0, -1)) if len(counts.clusters) else (used, used)
    shortlist = (("coarser", answer.coarser), ("found", answer.found), ("finer", answer.finer))
    others = tuple((word, count) for word, count in shortlist if count and count != used)
    return CountChart(tuple(curves), least, most, _verdict(answer), others)


def _curve(title: str, meaning: str, clusters: np.ndarray, values: np.ndarray, used: int) -> Curve:
    best = int(np.argmax(values))
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


def _verdict(answer: Answer) -> str:
    """Say in a sentence or two how many groups the views' graph speaks for, and what this page has."""
    groups = counted(answer.used, "group")
    least, most = answer.plausible
    if not answer.clear:
        first = "The images form no clear groups: a cloud without any would be cut as well."
        return f"{first} This page has {groups} all the same."
    within = f"; {least} to {most} are about as good" if least < most else ""
    if answer.found == answer.used:
        return f"The views speak for {groups}{within}."
    asked = "is about as good" if least <= answer.used <= most else "was asked for"
    return f"The views speak for {answer.found}{within}. This page has {answer.used}, which {asked}."
