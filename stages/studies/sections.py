"""The experiments as sections of the report: one class and one template each, which need nothing of each other.

Every value is escaped. Styles are in studies.css, written for the custom properties of the report's style.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, ClassVar

import numpy as np

from stages.core.templates import template_environment
from stages.studies.bars import BarChart
from stages.studies.points import PointChart

MOST = 5000  # images that a study clusters or draws; of more, as many are taken, evenly spaced


@dataclass(frozen=True)
class PublishedRow:
    """One score, ours beside theirs: `method` and `metric` as shown."""

    method: str
    metric: str
    ours: float
    published: float
    difference: float


@dataclass(frozen=True)
class PublishedGroup:
    """Scores of one `source`, of which the same `differs`, if anything; `note` is what is doubtful there."""

    source: str
    differs: str
    note: str
    rows: tuple[PublishedRow, ...]


@dataclass(frozen=True)
class PublishedSection:
    """Scores beside published ones, and the `citations` of their sources; `images` were scored here, by method."""

    dataset: str
    images: tuple[int, ...]
    groups: tuple[PublishedGroup, ...]
    citations: tuple[str, ...]
    template: ClassVar[str] = "published.html"


@dataclass(frozen=True)
class ComplementaritySection:
    """Scores of Fowlkes and Mallows by class and view, `by_class` float64 (v, c); `leaders` (c), the best views.

    `images` with labels were clustered by Ward; `class_sizes` are those of them.
    """

    dataset: str
    images: int
    layer: str
    views: tuple[str, ...]
    overall: np.ndarray
    class_names: tuple[str, ...]
    class_sizes: tuple[int, ...]
    by_class: np.ndarray
    leaders: tuple[int, ...]
    sentences: tuple[str, ...]
    most: ClassVar[int] = 300  # classes in the table
    template: ClassVar[str] = "complementarity.html"


@dataclass(frozen=True)
class SubsetsSection:
    """Scores of the consensus by the number of views; `sampled` where not all subsets were combined.

    `unscored` of them leave an image without a label, so that they have no score.
    """

    dataset: str
    images: int
    clusters: int
    chart: BarChart
    sentence: str
    sampled: bool
    unscored: int
    template: ClassVar[str] = "subsets.html"


@dataclass(frozen=True)
class LayerSection:
    """The figures of layers and architectures, what follows from them, and all scores, rows of `table`."""

    datasets: tuple[str, ...]
    charts: tuple[BarChart, ...]
    conclusions: tuple[str, ...]
    columns: tuple[str, ...]
    table: tuple[tuple[Any, ...], ...]
    template: ClassVar[str] = "layers.html"


@dataclass(frozen=True)
class LeaderRow:
    """NMI on one image set: of the networks named by three rules, of the ensemble, of the `result` of a method."""

    dataset: str
    images: int
    layer: str
    algorithm: str
    leader: str
    leader_nmi: float
    best: str
    best_nmi: float
    worst: str
    worst_nmi: float
    ensemble_nmi: float
    result: str
    result_nmi: float


@dataclass(frozen=True)
class LeadersSection:
    """Which network to take: a row for each layer, algorithm and image set, and what follows from them."""

    rows: tuple[LeaderRow, ...]
    sentences: tuple[str, ...]
    template: ClassVar[str] = "leaders.html"


@dataclass(frozen=True)
class PanelsSection:
    """The `picture`, a PNG, of what K-means finds on each of the `panels`: how many `clusters`; NMI or nan."""

    dataset: str
    images: int
    clusters: tuple[int, ...]
    picture: bytes
    panels: tuple[tuple[str, float], ...]
    template: ClassVar[str] = "panels.html"

    @property
    def data_uri(self) -> str:
        """The picture as the address of an image in a page."""
        return f"data:image/png;base64,{base64.b64encode(self.picture).decode('ascii')}"


@dataclass(frozen=True)
class ProbeRow:
    """The accuracy of one `probe` of a representation: mean and standard error over `folds` of all `samples`."""

    representation: str
    dimensions: int
    probe: str
    accuracy: float
    ste: float
    chance: float
    folds: int
    samples: int


@dataclass(frozen=True)
class ProbesSection:
    """Supervised scores of representations, and `published` ones of faces: method, training samples, accuracy."""

    dataset: str
    rows: tuple[ProbeRow, ...]
    published: tuple[tuple[str, str, float], ...]
    citation: str
    template: ClassVar[str] = "probes.html"


Section = (
    PublishedSection
    | ComplementaritySection
    | SubsetsSection
    | PanelsSection
    | ProbesSection
    | LayerSection
    | LeadersSection
)


@dataclass(frozen=True)
class Study:
    """An experiment: its tables and figures, `files` by name, and its section, None without anything to show."""

    files: Mapping[str, str | bytes]
    section: Section | None


def render_section(section: Section) -> str:
    """Return the HTML of one section, the same text for the same content; it starts with a heading of level 2."""
    return _render(section.template, section=section)


def render_figure(chart: BarChart) -> str:
    """Return a figure as an SVG file of its own, with its style in it."""
    return _render("figure.svg.html", chart=chart)


def render_points(chart: PointChart) -> str:
    """Return a figure of points as an SVG file of its own, with its style in it."""
    return _render("points.svg.html", chart=chart)


def styles() -> str:
    """Return the style that the sections need beside the report's."""
    return "".join(
        files("stages.studies").joinpath(name).read_text("utf-8") for name in ("bars.css", "studies.css")
    )


def in_words(names: Sequence[str]) -> str:
    """Join names as in a sentence: "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def span(numbers: Sequence[float]) -> str:
    """Return the range of numbers, to one decimal: "10", or "8.5 to 10" where they differ."""
    ends = [f"{number:,.1f}".removesuffix(".0") for number in (min(numbers), max(numbers))]
    return " to ".join(dict.fromkeys(ends))


def _render(template: str, **content: Any) -> str:
    environment = template_environment("stages.studies", keep_trailing_newline=True)
    environment.filters.update(
        score="{:.3f}".format, signed="{:+.3f}".format, words=in_words, span=span, count="{:,}".format
    )
    return environment.get_template(template).render(**content).replace("\r", "&#13;")
