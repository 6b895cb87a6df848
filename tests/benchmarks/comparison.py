"""Two sides measured in turn, in the same run, and told as medians."""

import json
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Measured(NamedTuple):
    """One run of one side: the figure compared, the peak resident memory in MiB, and notes to print."""

    value: float
    memory: float
    notes: str = ""


Side = Callable[[], Measured]


@dataclass(frozen=True)
class Comparison:
    """A comparison of two sides.

    `prepare` makes what both need, in a folder of its own, and returns ours and theirs; `n` is the size of the
    problem. The ratio is above 1 when ours is better: theirs / ours for what should be small (seconds), ours /
    theirs for what should be large (`more_is_better`).
    """

    name: str
    title: str
    n: int
    unit: str
    prepare: Callable[[Path], tuple[Side, Side]]
    more_is_better: bool = False

    def run(self, runs: int) -> None:
        """Run both sides in turn (A B A B ...), print a table and, as the last line, one JSON object."""
        print(f"{self.name}: {self.title}")
        with tempfile.TemporaryDirectory(prefix="manyviews-benchmark-") as folder:
            sides = dict(zip(("ours", "theirs"), self.prepare(Path(folder)), strict=True))
            results: dict[str, list[Measured]] = {side: [] for side in sides}
            print(f"{'run':>4} {'side':8}{self.unit:>14} {'peak MiB':>10}  notes", flush=True)
            for number in range(runs):
                for side, measure in sides.items():
                    result = measure()
                    results[side].append(result)
                    print(
                        f"{number + 1:4} {side:8}{result.value:14.4g} {result.memory:10.0f}  {result.notes}",
                        flush=True,
                    )
        ours, theirs = (statistics.median(result.value for result in results[side]) for side in sides)
        ratio = ours / theirs if self.more_is_better else theirs / ours
        print(f"median: ours {ours:.4g}, theirs {theirs:.4g} {self.unit}; ratio {ratio:.2f}")
        memory = {side: round(max(result.memory for result in results[side])) for side in sides}
        summary = {
            "name": self.name,
            "n": self.n,
            "ours": round(ours, 4),
            "theirs": round(theirs, 4),
            "ratio": round(ratio, 3),
            "unit": self.unit,
            "memory_mib": memory,
        }
        print(json.dumps(summary))
