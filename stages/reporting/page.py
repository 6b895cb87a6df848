"""The report's page: what it shows, and its making from template.html, sections/, script/ and style.css.

The page is one file that asks nothing of any other: pictures are data URIs, plots inline SVG, style and script
inline. Its content security policy forbids all requests, and every script but this one, by its hash. Without a
script it is a plain page. Jinja2 escapes every value.
"""

import base64
import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stages.core.counted import counted
from stages.core.templates import template_environment
from stages.reporting.class_report import ClassReport
from stages.reporting.contactsheet import Cluster
from stages.reporting.costs import Cost
from stages.reporting.counts import HEIGHT, WIDTH, CountChart
from stages.reporting.duplicates import Duplicates
from stages.reporting.gallery import Space
from stages.reporting.inputs import Agreement, Rejected
from stages.reporting.learning_curves import LearningCurves
from stages.reporting.scoretable import Cell, Column, ScoreTable
from stages.reporting.seedchart import SeedChart
from stages.reporting.tree import Tree
from stages.tables.results import ClusterName, Result

if TYPE_CHECKING:
    from jinja2 import Environment

# Files script/NAME.js, which become one script in this order.
SCRIPTS = ("store", "pictures", "search", "sheets", "viewer", "hint", "maps", "corrections", "correcting", "main")
NAMED_REJECTIONS = 200  # rejected images listed by name; the others are counted
NUMBERED = 40  # with more clusters than this, numbers on a map would hide it
LINKED = 60  # with more clusters than this, pointing at one does not fade the others: a style rule is needed each


@dataclass(frozen=True)
class Dataset:
    """All that the page says about one dataset.

    `k` is the number of clusters asked of every method; `parameters` maps a heading to settings. `sizes` has every
    (cluster, images), largest first, `names` what each is called; `clusters` only those with a contact sheet.
    `advantages` are sentences on what combining and training gained. `spaces` are what is mapped, `mapped` images
    each; `gallery` is what the script needs, as JSON; `class_names` and `classes` are empty without labels,
    `training` where nothing was trained; `dendrogram` is None for a single image, and `seeds` where no method has
    several. `studies` is HTML, made and escaped by `stages.studies`. `rerun` is the command that applies
    corrections by hand; `corrected` are the scores before them and after. `costs` differ from run to run: they are
    for a page beside the logs alone.
    """

    name: str
    images: int
    labelled: int
    k: int
    views: tuple[str, ...]
    rejected: Sequence[Rejected]
    parameters: Mapping[str, Mapping[str, Any]]
    scores: ScoreTable
    seeds: SeedChart | None
    result: Result
    advantages: tuple[str, ...]
    agreement: Agreement
    counts: CountChart
    spaces: tuple[Space, ...]
    gallery: str
    mapped: int
    class_names: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    names: Mapping[int, ClusterName]
    clusters: tuple[Cluster, ...]
    duplicates: Duplicates
    dendrogram: Tree | None
    training: tuple[LearningCurves, ...]
    classes: tuple[ClassReport, ...]
    studies: str
    rerun: str
    corrected: tuple[tuple[Column, Cell, Cell], ...]
    costs: Sequence[Cost]


def render(datasets: Sequence[Dataset], study: str = "", styles: str = "") -> str:
    """Return the page as HTML, the same text for the same content.

    `study` is the section on all datasets together, and `styles` the CSS of it and of the datasets' `studies`;
    both come from `stages.studies`, escaped.
    """
    from markupsafe import Markup

    environment = template_environment("stages.reporting")
    environment.filters.update(count=_count, fraction=_fraction, setting=_setting, plural=_plural)
    colours = 1 + max(
        max(max(number for number, _ in dataset.sizes), len(dataset.class_names)) for dataset in datasets
    )
    script = _script(environment)
    page = environment.get_template("template.html").render(
        datasets=datasets,
        study=Markup(study),
        studies=lambda dataset: Markup(dataset.studies),
        styles=Markup(styles),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        data=lambda dataset: Markup(dataset.gallery),
        reasons=_reasons,
        colours=[_colour(number) for number in range(colours)],
        NAMED_REJECTIONS=NAMED_REJECTIONS,
        NUMBERED=NUMBERED,
        LINKED=LINKED,
        CURVE=(WIDTH, HEIGHT),
    )
    return page.replace("\r", "&#13;")  # a browser would read a carriage return in a name as a line feed


def _script(environment: "Environment") -> str:
    """The page's script, whose parts see one another and nothing else does."""
    assert environment.loader is not None
    parts = [environment.loader.get_source(environment, f"script/{name}.js")[0] for name in SCRIPTS]
    return "\n(() => {\n'use strict';\n" + "\n".join(parts) + "})();\n"


def _reasons(rejected: Sequence[Rejected]) -> list[tuple[str, int]]:
    """Count the rejected images by reason, the commonest first."""
    counts = Counter(image.reason for image in rejected)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _colour(number: int) -> tuple[float, float, int]:
    """Lightness offset, chroma and hue (OKLCH) of a cluster or label: neighbours in number differ most."""
    hue = round(25 + number * 137.508) % 360  # the golden angle never comes back to a hue
    return (0.09, 0.0, -0.09)[number % 3], (0.17, 0.14, 0.12)[number // 3 % 3], hue


def _count(number: int) -> str:
    """A count with thousands apart by a narrow no-break space: 70 000."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _plural(number: int, noun: str) -> str:
    return counted(number, noun).replace(",", "\N{NARROW NO-BREAK SPACE}")


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
