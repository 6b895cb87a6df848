"""The report's page: what it shows, and its making from template.html and style.css.

The page is one file that asks nothing of any other: pictures are data URIs, plots inline SVG, the style is
inline, there is no script, and its content security policy forbids requests. Jinja2 escapes every value.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.reporting.contactsheet import Cluster
from stages.reporting.counts import HEIGHT, WIDTH, CountChart
from stages.reporting.figures import Scatter
from stages.reporting.inputs import Agreement, Rejected
from stages.reporting.scoretable import ScoreTable

NAMED_REJECTIONS = 200  # rejected images listed by name; the others are counted
NUMBERED = 40  # with more clusters than this, numbers on a map would hide it
LINKED = 60  # with more clusters than this, pointing at one does not fade the others: a style rule is needed each


@dataclass(frozen=True)
class Chart:
    """A scatter plot and its heading; `note` says what the vectors are."""

    title: str
    note: str
    plot: Scatter


@dataclass(frozen=True)
class Dataset:
    """All that the page says about one dataset.

    `k` is the number of clusters asked of every method; `parameters` maps a heading to settings.
    `sizes` has every (cluster, images), largest first; `clusters` only those with a contact sheet.
    `projected` is the number of images on the maps; `class_names` is empty without labels.
    """

    name: str
    images: int
    labelled: int
    k: int
    views: tuple[str, ...]
    rejected: Sequence[Rejected]
    parameters: Mapping[str, Mapping[str, Any]]
    scores: ScoreTable
    agreement: Agreement
    counts: CountChart
    charts: tuple[Chart, ...]
    projected: int
    class_names: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    clusters: tuple[Cluster, ...]


def render(datasets: Sequence[Dataset]) -> str:
    """Return the page as HTML, the same text for the same content."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("stages.reporting", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(count=_count, fraction=_fraction, setting=_setting, plural=_plural)
    colours = 1 + max(
        max(max(number for number, _ in dataset.sizes), len(dataset.class_names)) for dataset in datasets
    )
    page = environment.get_template("template.html").render(
        datasets=datasets,
        reasons=_reasons,
        colours=[_colour(number) for number in range(colours)],
        NAMED_REJECTIONS=NAMED_REJECTIONS,
        NUMBERED=NUMBERED,
        LINKED=LINKED,
        CURVE=(WIDTH, HEIGHT),
    )
    return page.replace("\r", "&#13;")  # a browser would read a carriage return in a name as a line feed


def _reasons(rejected: Sequence[Rejected]) -> list[tuple[str, int]]:
    """Count the rejected images by reason, the commonest first."""
    counts: dict[str, int] = {}
    for image in rejected:
        counts[image.reason] = counts.get(image.reason, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _colour(number: int) -> tuple[float, float, int]:
    """Lightness offset, chroma and hue (OKLCH) of a cluster or label: neighbours in number differ most."""
    hue = round(25 + number * 137.508) % 360  # the golden angle never comes back to a hue
    return (0.09, 0.0, -0.09)[number % 3], (0.17, 0.14, 0.12)[number // 3 % 3], hue


def _count(number: int) -> str:
    """A count with thousands apart by a narrow no-break space: 70 000."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _plural(number: int, noun: str) -> str:
    return f"{_count(number)} {noun}{'' if number == 1 else 's'}"


def _fraction(value: float) -> str:
    return "\N{EN DASH}" if math.isnan(value) else f"{value:.2f}"


def _setting(value: Any) -> str:
    """A parameter as text: lists and mappings on one line, booleans as yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_setting(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_setting(item) for item in value)
    return "none" if value is None else str(value)
