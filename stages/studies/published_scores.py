"""Our scores beside the published ones, as a table and as a section of the report."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from stages.core.csvtext import csv_text
from stages.scoring.published.comparison import Comparison, compare
from stages.scoring.published.records import published_scores
from stages.studies.measured import Runs
from stages.studies.panels import Panels
from stages.studies.sections import PublishedGroup, PublishedRow, PublishedSection, Study

_COMPARED = (
    "source table method view layer algorithm metric ours published difference images published_images clusters "
    "published_clusters views published_views differs note"
)
_NAMES = {
    "nmi_geometric": "NMI (geometric)",
    "nmi_arithmetic": "NMI (arithmetic)",
    "fowlkes_mallows": "Fowlkes-Mallows",
}


@dataclass(frozen=True)
class Published(Study):
    """The study and how many `scores` stand beside published ones."""

    scores: int


def beside_published(methods: Path, runs: Runs, drawn: Panels) -> Published:
    """Compare the scores of the table `methods` and of the panels `drawn` with published ones: published.csv."""
    dataset, scores = runs.files.dataset, published_scores()
    comparisons = compare(dataset, runs.scores(methods, drawn), scores)
    citations = {score.source: score.citation for score in scores}
    section = _section(dataset, comparisons, citations) if comparisons else None
    return Published({"published.csv": _table(comparisons)}, section, len(comparisons))


def _table(comparisons: Iterable[Comparison]) -> str:
    rows = (
        (
            *(comparison.source, comparison.table),
            *astuple(comparison.method),
            comparison.metric,
            *(f"{value:.6f}" for value in (comparison.ours, comparison.published, comparison.difference)),
            *(comparison.images, comparison.published_images),
            *(f"{comparison.clusters:g}", comparison.published_clusters),
            *(comparison.views, comparison.published_views),
            *(comparison.differs, comparison.note),
        )
        for comparison in comparisons
    )
    return csv_text(_COMPARED.split(), rows)


def _section(dataset: str, comparisons: Sequence[Comparison], citations: Mapping[str, str]) -> PublishedSection:
    rows: dict[tuple[str, str, str], list[PublishedRow]] = {}
    for c in comparisons:
        method = " ".join(filter(None, (c.method.method, c.method.view, c.method.layer, c.method.algorithm)))
        row = PublishedRow(method, _NAMES.get(c.metric, c.metric), c.ours, c.published, c.difference)
        rows.setdefault((f"{c.source}, {c.table}", c.differs, c.note), []).append(row)
    groups = tuple(PublishedGroup(*which, tuple(found)) for which, found in rows.items())
    used = dict.fromkeys(c.source for c in comparisons)
    cited = tuple(f"{source}: {citations[source]}" for source in used)
    images = tuple(sorted({c.images for c in comparisons}))
    return PublishedSection(dataset, images, groups, cited)
