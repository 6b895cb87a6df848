"""Bars with error bars, as the few shapes an SVG needs; bars.html writes the markup."""

from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 260, 52, 12, 26, 46  # of the drawing and the room beside the axes, in SVG units
BAR, GAP = 22, 26  # width of a bar, space between groups
LETTER, _LEGEND = 6.6, 30  # width of a letter of the labels; a mark of the legend and the space around it
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class Bar:
    """A bar: the mean of `count` scores from 0 to 1, and their standard deviation."""

    group: str
    series: str
    mean: float
    deviation: float
    count: int


@dataclass(frozen=True)
class PlacedBar:
    """A bar in SVG units: `middle`, and how far up bar and error bar reach (y grows downwards)."""

    bar: Bar
    series: int
    x: float
    middle: float
    y: float
    height: float
    low: float
    high: float


@dataclass(frozen=True)
class BarChart:
    """Bars in groups: places are in SVG units, `ticks` are (value, y), `groups` (x, name), `legend` (x, name)."""

    title: str
    x_label: str
    y_label: str
    error: str
    width: int
    height: int
    bars: tuple[PlacedBar, ...]
    ticks: tuple[tuple[float, float], ...]
    groups: tuple[tuple[float, str], ...]
    legend: tuple[tuple[float, str], ...]


def bar_chart(title: str, x_label: str, y_label: str, error: str, bars: Sequence[Bar]) -> BarChart:
    """Lay out bars, grouped, in the order in which groups and series come; scores are from 0 to 1.

    `error` says what the error bars are. Error bars are cut where the axis ends.
    """
    groups = list(dict.fromkeys(bar.group for bar in bars))
    series = list(dict.fromkeys(bar.series for bar in bars))
    step = max(BAR * len(series) + GAP, LETTER * max(map(len, groups), default=1) + 12)
    legend, end = legend_places(series, LEFT)
    width = max(LEFT + step * len(groups) + RIGHT, end + RIGHT, LEFT + LETTER * len(x_label) + RIGHT)
    return BarChart(
        title,
        x_label,
        y_label,
        error,
        round(width),
        HEIGHT,
        tuple(_placed(bar, groups.index(bar.group), series.index(bar.series), len(series), step) for bar in bars),
        tuple((tick, _y(tick)) for tick in TICKS),
        tuple((round(LEFT + (place + 0.5) * step, 1), name) for place, name in enumerate(groups)),
        tuple(legend),
    )


def legend_places(series: Sequence[str], left: float) -> tuple[list[tuple[float, str]], float]:
    """Return where the names of a legend begin, from `left` on, and where it ends; a single series needs none."""
    legend, end = [], float(left)
    for name in series if len(series) > 1 else []:
        legend.append((round(end, 1), name))
        end += _LEGEND + LETTER * len(name)
    return legend, end


def _placed(bar: Bar, group: int, series: int, n_series: int, step: float) -> PlacedBar:
    x = LEFT + (group + 0.5) * step + (series - n_series / 2) * BAR
    y = _y(bar.mean)
    return PlacedBar(
        bar,
        series,
        round(x + 1, 1),
        round(x + BAR / 2, 1),
        y,
        round(_y(0) - y, 1),
        _y(bar.mean - bar.deviation),
        _y(bar.mean + bar.deviation),
    )


def _y(value: float) -> float:
    share = min(max(value, 0.0), 1.0)
    return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)
