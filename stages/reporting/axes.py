"""The ticks of a drawing's axes."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tick:
    """A mark of an axis: where it is, in SVG units, and what is written at it."""

    place: float
    text: str


@dataclass(frozen=True)
class Box:
    """A drawing in SVG units: its size, and where the sides of the plot within it are."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Scale:
    """Places values from `low` to `high` from `start` to `stop`, SVG units; by their logarithms if `log`."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def place(self, values: np.ndarray) -> np.ndarray:
        """Return the places, float64, of `values`."""
        ends = [self.low, self.high]
        if self.log:
            values, ends = np.log10(values), np.log10(ends).tolist()
        places: np.ndarray = np.interp(values, ends, [self.start, self.stop])
        return places

    def ticks(self, most: int = 5, whole: bool = False) -> tuple[Tick, ...]:
        """Round values within the scale, `most` of them or fewer, only `whole` numbers if asked."""
        values = self._decades(most) if self.log else self._steps(most, whole)
        return tuple(
            Tick(round(float(place), 1), _text(value))
            for value, place in zip(values, self.place(np.array(values)), strict=True)
        )

    def _steps(self, most: int, whole: bool) -> list[float]:
        from matplotlib.ticker import MaxNLocator

        values = MaxNLocator(most - 1, steps=[1, 2, 5, 10], integer=whole).tick_values(self.low, self.high)
        slack = 1e-9 * (self.high - self.low)
        return [float(value) for value in values if self.low - slack <= value <= self.high + slack]

    def _decades(self, most: int) -> list[float]:
        powers = range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)
        return [10.0**power for power in powers][:: max(1, -(-len(powers) // most))]


def scale_around(values: np.ndarray, start: float, stop: float, whole: bool = False) -> Scale:
    """The scale of known `values` (m), m at least 1: with the 0, or logarithmic where they span decades.

    Whole numbers and values that are not all above 0 are never on a logarithmic scale.
    """
    low, high = float(values.min()), float(values.max())
    if not whole and low > 0 and high > 30 * low:
        decades = math.floor(math.log10(low)), math.ceil(math.log10(high))
        return Scale(10.0 ** decades[0], 10.0 ** decades[1], start, stop, log=True)
    low, high = min(low, 0.0), max(high, 0.0)
    return Scale(low, high if high > low else 1.0, start, stop)


def _text(value: float) -> str:
    """The value without needless digits and with a true minus sign."""
    plain = f"{value:.0f}" if value == round(value) and abs(value) < 1e6 else f"{value:g}"
    return plain.replace("e-0", "e-").replace("e+0", "e").replace("-", "\N{MINUS SIGN}")
