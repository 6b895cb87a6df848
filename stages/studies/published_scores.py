"""Our scores beside the published ones, as a table and as a section of the report."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.csvtext import csv_text
from stages.scoring.published.comparison import Comparison, Measured, Method, compare, parse_method
from stages.scoring.published.records import METRICS, published_scores
from stages.studies.panels import Panels
from stages.studies.sections import PublishedRow, PublishedSection, Study
from stages.tables import read_partitions
from stages.tables.methods import FeatureMethod, MethodName
from stages.tables.trained_files import TrainedFiles

_COMPARED = (
    "source table method view layer algorithm metric ours published difference images published_images clusters "
    "published_clusters views published_views note"
)
_NAMES = {"nmi_geometric": "NMI (geometric)", "nmi_arithmetic": "NMI (arithmetic)"}


@dataclass(frozen=True)
class Published(Study):
    """The study and how many `scores` stand beside published ones."""

    scores: int


def beside_published(
    methods: Path, files: TrainedFiles, settings: Mapping[str, Any], trained: Sequence[MethodName], drawn: Panels
) -> Published:
    """Compare the scores of the table `methods` and of the panels `drawn` with published ones: published.csv.

    `settings` are those of the ensemble, `trained` the methods that were trained.
    """
    dataset, objective = files.dataset, drawn.objective or ""
    layers = _trained_layers(files, trained)
    ours = _ours(methods, layers, is_mvec(settings, files.data / "partitions" / dataset))
    ours |= {
        Method(p.method, p.view, layers.get(objective, "") if p.view else "", objective): Measured(
            {"nmi_geometric": p.nmi}, p.labelled, p.clusters
        )
        for p in drawn.panels
        if p.nmi is not None and p.method != "baseline"
    }
    scores = published_scores()
    comparisons = compare(dataset, len(settings["backbones"]), ours, scores)
    citations = {score.source: score.citation for score in scores}
    section = _section(dataset, comparisons, citations) if comparisons else None
    return Published({"published.csv": _table(comparisons)}, section, len(comparisons))


def _trained_layers(files: TrainedFiles, trained: Sequence[MethodName]) -> dict[str, str]:
    """The layer that the views' networks of each objective saw."""
    layers = {}
    for name in trained:
        if name.method == FeatureMethod.VIEWS:
            settings = read_partitions(files.partitions(name)).settings
            layers[name.objective] = str(next(iter(settings.values()))["layer"])
    return layers


def _ours(methods: Path, layers: dict[str, str], mvec: bool) -> dict[Method, Measured]:
    """The scores of what was run and published; trained views at the one of the `layers` that they saw."""
    ours = {}
    for row in pd.read_csv(methods).to_dict("records"):
        name = str(row["method"])
        method = parse_method(name, layers)
        if name == "ensemble" and mvec:
            method = Method("mvec", algorithm="ward")
        scores = {metric: float(row[metric]) for metric in METRICS if pd.notna(row.get(metric))}
        if method and scores:
            ours[method] = Measured(scores, int(row["labelled_images"]), float(row["n_clusters"]))
    return ours


def is_mvec(settings: Mapping[str, Any], partitions: Path) -> bool:
    """Whether the ensemble is that of the article: one Ward partition of each view's L3 as it is, average linkage,
    a plain cut.
    """
    wanted = {"algorithms": ["ward"], "overclustering": [1], "linkage": "average", "min_cluster_fraction": 0}
    one_each = settings["n_partitions"] == len(settings["backbones"])
    if not one_each or any(settings[name] != value for name, value in wanted.items()):
        return False
    return all(
        (run["layer"], run["normalise"]) == ("L3", "none")
        for backbone in settings["backbones"]
        for run in read_partitions(partitions / "baseline" / f"{backbone}.parquet").settings.values()
        if (run["algorithm"], run["overclustering"]) == ("ward", 1)
    )


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
            comparison.note,
        )
        for comparison in comparisons
    )
    return csv_text(_COMPARED.split(), rows)


def _section(dataset: str, comparisons: Sequence[Comparison], citations: Mapping[str, str]) -> PublishedSection:
    rows = [
        PublishedRow(
            f"{c.source}, {c.table}",
            " ".join(filter(None, (c.method.method, c.method.view, c.method.layer, c.method.algorithm))),
            _NAMES.get(c.metric, c.metric),
            c.ours,
            c.published,
            c.difference,
            c.note,
        )
        for c in comparisons
    ]
    used = dict.fromkeys(c.source for c in comparisons)
    cited = tuple(f"{source}: {citations[source]}" for source in used)
    images = tuple(sorted({c.images for c in comparisons}))
    return PublishedSection(dataset, images, tuple(rows), cited)
