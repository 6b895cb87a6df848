"""Methods with several seeds: the mean score of each, its standard error and the best, as dots with bars."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from stages.reporting.axes import Box, Scale, Tick
from stages.reporting.scoretable import COLUMNS, Column, Values

_MEASURES = ("nmi_geometric", "modularity")  # the first that there is: with labels, without
_WIDTH, _ROW, _TOP, _FOOT, _RIGHT = 640.0, 22.0, 10.0, 44.0, 20.0  # SVG units
_LETTER, _LONGEST = 6.6, 300.0  # width of a letter of a name; the most that names may take


@dataclass(frozen=True)
class Score:
    """A method's mean over its seeds, the standard error and the best; with one seed these two are None."""

    method: str
    mean: float
    error: float | None
    best: float | None

    @property
    def reach(self) -> list[float]:
        """Return all values that a drawing of the score has."""
        ends = [] if self.error is None else [self.mean - self.error, self.mean + self.error]
        return [self.mean, *ends, *([] if self.best is None else [self.best])]


@dataclass(frozen=True)
class Dot:
    """A score in SVG units: its row is at `y`, and at `x` are the values of its `reach`."""

    score: Score
    y: float
    x: tuple[float, ...]


@dataclass(frozen=True)
class SeedChart:
    """Scores of one `measure`, a row a method; `box` is where the axis is, `seeds` how many the methods have."""

    box: Box
    measure: Column
    seeds: tuple[int, ...]
    dots: tuple[Dot, ...]
    ticks: tuple[Tick, ...]


def seed_chart(joint: Mapping[str, Values], single: Mapping[str, Values]) -> SeedChart | None:
    """Draw the methods on all views or on images, and of those on single views the ones with several seeds.

    None if no method has several. Names and scores are as of `score_table`.
    """
    several = {name: values for name, values in single.items() if values.get("seeds")}
    methods = {**joint, **several}
    for measure in _MEASURES:
        scores = list(_scores(methods, measure))
        if any(score.error is not None for score in scores):
            break
    else:
        return None
    left = min(12 + _LETTER * max(len(score.method) for score in scores), _LONGEST)
    bottom = _TOP + _ROW * len(scores)
    box = Box(_WIDTH, bottom + _FOOT, round(left, 1), _WIDTH - _RIGHT, _TOP, bottom)
    values = [value for score in scores for value in score.reach]
    room = 0.05 * (max(values) - min(values)) or 0.05
    scale = Scale(min(values) - room, max(values) + room, box.left, box.right)
    dots = [
        Dot(score, _TOP + _ROW * (row + 0.5), tuple(scale.place(np.array(score.reach)).round(1).tolist()))
        for row, score in enumerate(scores)
    ]
    column = next(column for column in COLUMNS if column.key == measure)
    seeds = sorted({int(number) for values in methods.values() if (number := values.get("seeds"))})
    return SeedChart(box, column, tuple(seeds), tuple(dots), scale.ticks(6))


def _scores(methods: Mapping[str, Values], measure: str) -> Iterator[Score]:
    """The scores of the methods that have this one."""
    for name, values in methods.items():
        if (mean := values.get(measure)) is not None:
            yield Score(name, mean, values.get(f"{measure}_ste"), values.get(f"{measure}_best"))
