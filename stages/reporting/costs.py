"""What each stage cost at its last run on this machine, and cost against quality: a page beside the logs.

Costs differ from run to run, so that they are in no output that is cached, the report least of all.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stages.core.runlog import FOLDER
from stages.core.templates import template_environment
from stages.reporting.axes import Box, Tick, scale_around
from stages.reporting.scoretable import Values
from stages.tables.methods import ENSEMBLE, VOTE, MethodName

BOX = Box(640, 340, 48, 620, 12, 290)
_APART = (24.0, 12.0)  # the room of a number in the figure
_FACTS = ("seconds", "cpu_seconds", "peak_memory_mib")


@dataclass(frozen=True)
class Cost:
    """What a stage took: `seconds` by the clock and of all cores, and the peak of memory in MiB.

    `score` is that of its best clusters: NMI (geometric) with labels, modularity without. None: it made none.
    """

    stage: str
    seconds: float
    cpu_seconds: float
    peak_memory_mib: float
    score: float | None


def read_costs(
    dataset: str, backbones: Sequence[str], trained: Sequence[str], scores: Mapping[str, Values]
) -> list[Cost]:
    """Read the logs of the stages that led to a dataset's clusters, but those that are missing or not of our form.

    `scores` are those of all methods, by name as on the page.
    """
    metric = "nmi_geometric" if any("nmi_geometric" in values for values in scores.values()) else "modularity"
    stages = list(_stages(dataset, backbones, trained))
    made = _made(scores, [clusters for _, clusters, _ in stages if clusters])
    costs = []
    for stage, clusters, log in stages:
        own = (scores[name].get(metric) for name in made.get(clusters, ()))
        score = max((value for value in own if value is not None), default=None)
        try:
            facts = json.loads((FOLDER / f"{log}.json").read_text(encoding="utf-8"))
            seconds, cpu_seconds, peak = (float(facts[fact]) for fact in _FACTS)
        except (OSError, ValueError, KeyError, TypeError):
            continue
        costs.append(Cost(stage, seconds, cpu_seconds, peak, score))
    return costs


def _made(names: Iterable[str], beginnings: Sequence[str]) -> dict[str, list[str]]:
    """The names of clusters by how they begin: by the longest of the `beginnings` that fit.

    "jule/dmvc-fix" is none of "jule/dmvc", nor is "images/jule-embedding-kmeans" of "images/jule".
    """
    made: dict[str, list[str]] = {}
    for name in names:
        fitting = [text for text in beginnings if name == text or name.startswith((f"{text}/", f"{text}-"))]
        if fitting:
            made.setdefault(max(fitting, key=len), []).append(name)
    return made


def _stages(dataset: str, backbones: Sequence[str], trained: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """What a reader calls each stage, by what its clusters' names begin, and its log."""
    for backbone in backbones:
        yield f"features of {backbone}", "", f"extract-{dataset}-{backbone}"
        yield f"base partitions of {backbone}", backbone, f"baseline-{dataset}-{backbone}"
    yield "neighbour graph", "", f"graph-{dataset}"
    yield ENSEMBLE, ENSEMBLE, f"ensemble-{dataset}"
    for method in trained:
        name = MethodName.parse(method)
        if name.is_transfer:
            log = name.method.replace("transfer-", f"transfer-{dataset}-", 1)
        elif name.of_embedding:
            log = f"cluster-{dataset}-{name.objective}-{name.method}"
        elif name.of_pixels:
            log = f"cluster-{dataset}-{name.method}"
        else:
            log = f"{'vote' if name.method == VOTE else 'train'}-{dataset}-{name.objective}-{name.method}"
        yield method, method, log


@dataclass(frozen=True)
class Figure:
    """Score by CPU seconds: `points` are the number of each stage, its place (x, y), and y of the number."""

    points: tuple[tuple[int, float, float, float], ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def draw_costs(costs: Sequence[Cost]) -> Figure | None:
    """Return the figure of the stages that made clusters, each by its number in `costs`; None if none did."""
    drawn = [
        (number, cost.cpu_seconds, cost.score) for number, cost in enumerate(costs, 1) if cost.score is not None
    ]
    if not drawn:
        return None
    _, seconds, scores = (np.array(column) for column in zip(*drawn, strict=True))
    across = scale_around(seconds, BOX.left, BOX.right)
    up = scale_around(np.append(scores, 1.0), BOX.bottom, BOX.top)
    points: list[tuple[int, float, float, float]] = []
    for (number, *_), x, y in zip(drawn, across.place(seconds), up.place(scores), strict=True):
        text = y
        while any(abs(x - other[1]) < _APART[0] and abs(text - other[3]) < _APART[1] for other in points):
            text += _APART[1] / 2
        points.append((number, round(float(x), 1), round(float(y), 1), round(float(text), 1)))
    return Figure(tuple(points), across.ticks(), up.ticks())


def render_costs(costs: Mapping[str, Sequence[Cost]], style: str) -> str:
    """Return a page with a table and a figure of the costs on each dataset; `style` is that of the report."""
    environment = template_environment("stages.reporting", keep_trailing_newline=True)
    environment.filters.update(whole="{:,.0f}".format, tenth="{:,.1f}".format, score="{:.3f}".format)
    figures = {dataset: draw_costs(stages) for dataset, stages in costs.items()}
    page = environment.get_template("sections/costs.html")
    return page.render(costs=costs, figures=figures, box=BOX, style=style)
