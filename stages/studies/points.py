"""Points with error bars on an axis that fits them; points.svg.html writes them as an SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from stages.studies.bars import LETTER, legend_places

HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 300, 58, 16, 30, 50  # of the drawing and the room beside the axes, in SVG units
_GROUP, _APART = 76, 9  # least width of a group; between the points of a group
_STEPS, _TICKS = (1, 2, 5), 6  # of the axis: a step is one of these times a power of ten; intervals, at most
_SPAN = 0.05  # least part of the scale that the axis shows; scores are at most 1


@dataclass(frozen=True)
class Scores:
    """The scores of some runs: their `mean` and its standard error, None of one run; how many there are."""

    group: str
    series: str
    mean: float
    error: float | None
    count: int


@dataclass(frozen=True)
class PlacedPoint:
    """A point in SVG units, and how far its error bar reaches; y grows downwards."""

    scores: Scores
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class PointChart:
    """Points by `series`, with lines if `joined`: `ticks` are (text, y), `groups` and `legend` (x, name)."""

    title: str
    x_label: str
    y_label: str
    error: str
    width: int
    height: int
    joined: bool
    series: tuple[tuple[PlacedPoint, ...], ...]
    ticks: tuple[tuple[str, float], ...]
    groups: tuple[tuple[float, str], ...]
    legend: tuple[tuple[float, str], ...]


def summarised(group: str, series: str, scores: Sequence[float]) -> Scores:
    """Return the mean of scores, one at least, and its standard error: the root of their variance (n - 1) by n."""
    count, mean = len(scores), math.fsum(scores) / len(scores)
    if count == 1:
        return Scores(group, series, mean, None, 1)
    variance = math.fsum((score - mean) ** 2 for score in scores) / (count - 1)
    return Scores(group, series, mean, math.sqrt(variance / count), count)


def point_chart(
    title: str, x_label: str, y_label: str, error: str, points: Sequence[Scores], joined: bool
) -> PointChart:
    """Lay out points, one at least, in the order in which groups and series come.

    The axis reaches from the lowest error bar to the highest, to the next ticks; `error` says what the bars are.
    """
    groups, series = (
        list(dict.fromkeys(names)) for names in zip(*((p.group, p.series) for p in points), strict=True)
    )
    step = max(_GROUP, _APART * (len(series) + 2), LETTER * max(map(len, groups)) + 14)
    legend, end = legend_places(series, LEFT)
    width = max(LEFT + step * len(groups) + RIGHT, end + RIGHT, LEFT + LETTER * len(x_label) + RIGHT)
    step = (width - LEFT - RIGHT) / len(groups)
    ticks = _ticks([value for p in points for value in (p.mean - (p.error or 0), p.mean + (p.error or 0))])

    def y(value: float) -> float:
        share = (value - ticks[0]) / (ticks[-1] - ticks[0])
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def placed(point: Scores) -> PlacedPoint:
        middle = LEFT + (groups.index(point.group) + 0.5) * step
        x = middle + (series.index(point.series) - (len(series) - 1) / 2) * _APART
        error = point.error or 0.0
        return PlacedPoint(point, round(x, 1), y(point.mean), y(point.mean - error), y(point.mean + error))

    digits = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    return PointChart(
        title,
        x_label,
        y_label,
        error,
        round(width),
        HEIGHT,
        joined,
        tuple(tuple(placed(point) for point in points if point.series == name) for name in series),
        tuple((f"{tick:.{digits}f}", y(tick)) for tick in ticks),
        tuple((round(LEFT + (place + 0.5) * step, 1), name) for place, name in enumerate(groups)),
        tuple(legend),
    )


def _ticks(values: Sequence[float]) -> list[float]:
    """Round numbers from below the least to above the largest value, two at least and some six at most."""
    least, most = min(values), max(values)
    if most - least < _SPAN:  # what is nearly the same shall look like it
        middle = (least + most) / 2
        least, most = middle - _SPAN / 2, max(most, min(middle + _SPAN / 2, 1.0))
    power = math.floor(math.log10((most - least) / _TICKS))
    for step in (factor * 10.0**exponent for exponent in (power, power + 1) for factor in _STEPS):
        first, last = math.floor(least / step + 1e-9), math.ceil(most / step - 1e-9)
        if last - first <= _TICKS:
            break
    return [round(number * step, 9) for number in range(first, max(last, first + 1) + 1)]
