"""Stage `experiments`: what was published, rerun on one dataset and shown beside the published figures."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from stages import studies
from stages.core.atomic import write_bytes, write_text
from stages.core.command import application, run
from stages.core.csvtext import csv_text
from stages.core.errors import ParameterError
from stages.core.seeds import derived_seed
from stages.scoring.published import Comparison, Measured, Method, compare, parse_method, published_scores
from stages.scoring.published.records import METRICS
from stages.studies.contributions import view_classes, view_counts
from stages.studies.panels import Panel, draw_panels
from stages.tables import check_layer, check_same_images, read_images, read_partitions
from stages.tables.manifest import read_manifest
from stages.tables.methods import FeatureMethod, MethodName
from stages.tables.trained_files import TrainedFiles

FIRST = "first"
_COMPARED = (
    "source table method view layer algorithm metric ours published difference images published_images clusters "
    "published_clusters views published_views note"
)
_NAMES = {"nmi_geometric": "NMI (geometric)", "nmi_arithmetic": "NMI (arithmetic)"}


def experiments(
    dataset: Annotated[str, typer.Option(help="Name of the dataset: the folder under data/raw.")],
    seed: Annotated[int, typer.Option(help="Seed that those of K-means, t-SNE and the subsets come from.")] = 0,
    layer: Annotated[
        str, typer.Option(help="Layer on which the views are compared class by class; one that was extracted.")
    ] = "L3",
    subsets: Annotated[
        int,
        typer.Option(
            min=1, help="Most subsets of the views of each size that are combined; 252: all of ten views."
        ),
    ] = 20,
    view: Annotated[
        str, typer.Option(help="Backbone of the single view in the panels; 'first': the first of all.")
    ] = FIRST,
    data: Annotated[Path, typer.Option(help="Folder of the pipeline's data.")] = Path("data"),
    metrics: Annotated[Path, typer.Option(help="Folder of the scores.")] = Path("metrics"),
) -> None:
    """Say which view sees which class, how many views it takes, and how the scores compare with published ones.

    Writes tables and figures to METRICS/DATASET, and the sections of the report to DATA/studies.
    """
    images = read_images(data / "images" / f"{dataset}.parquet")
    ensemble = read_partitions(data / "partitions" / dataset / "ensemble.parquet")
    check_same_images(images, ensemble)
    (settings,) = ensemble.settings.values()
    backbones = settings["backbones"]
    chosen = backbones[0] if view == FIRST else view
    if chosen not in backbones:
        raise ParameterError(f"experiments.view is {view!r}; give 'first' or one of {', '.join(backbones)}")
    check_layer("experiments.layer", layer, data / "features" / dataset, backbones)
    folder = metrics / dataset

    classes = view_classes(images, data / "features" / dataset, backbones, layer, dataset)
    write_text(folder / "complementarity.csv", csv_text(classes.header, classes.rows))

    counts = view_counts(
        images, data / "partitions" / dataset, settings, subsets, derived_seed(seed, "subsets"), dataset
    )
    header = ["size", "views", "images", "clusters", "score", "value"]
    write_text(folder / "view_subsets.csv", csv_text(header, counts.subsets))
    sizes = (
        (s.size, s.count, *(f"{v:.6f}" for v in (s.mean, s.deviation, s.least, s.most))) for s in counts.sizes
    )
    header = ["views", "subsets", "mean", "deviation", "least", "most"]
    write_text(folder / "view_counts.csv", csv_text(header, sizes))
    write_text(folder / "view_counts.svg", studies.render_figure(counts.section.chart))

    # One objective has panels, the first one.
    trained = [MethodName.parse(name) for name in read_manifest(data / "views" / dataset / "methods.json")]
    objective = next((name.objective for name in trained if name.method == FeatureMethod.VIEWS), None)
    panels: list[Panel] = []
    panels_section = None
    if objective:
        own_seed = derived_seed(seed, "panels")
        clusters = settings["n_clusters"]
        panels, picture, drawn = draw_panels(images, data, dataset, chosen, layer, objective, clusters, own_seed)
        write_bytes(folder / "panels" / "panels.png", picture)
        write_text(folder / "panels" / "points.csv", _points(panels, [images.paths[row] for row in drawn]))
        found = tuple((p.title, math.nan if p.nmi is None else p.nmi) for p in panels)
        made = tuple(p.clusters for p in panels)
        panels_section = studies.PanelsSection(dataset, len(drawn), made, picture, found)
    rows = [
        (p.title, p.method, len(p.points), p.labelled, p.clusters, "" if p.nmi is None else f"{p.nmi:.6f}")
        for p in panels
    ]
    header = ["panel", "method", "images", "labelled_images", "clusters", "nmi_geometric"]
    write_text(folder / "panels" / "panels.csv", csv_text(header, rows))

    partitions = data / "partitions" / dataset
    layers = _trained_layers(TrainedFiles(data, dataset), trained)
    ours = _ours(folder / "methods.csv", layers, _is_mvec(settings, partitions))
    ours |= {
        Method(p.method, p.view, layers.get(objective or "", "") if p.view else "", objective or ""): Measured(
            {"nmi_geometric": p.nmi}, p.labelled, p.clusters
        )
        for p in panels
        if p.nmi is not None and p.method != "baseline"
    }
    scores = published_scores()
    comparisons = compare(dataset, len(backbones), ours, scores)
    _write_published(folder / "published.csv", comparisons)

    citations = {score.source: score.citation for score in scores}
    sections: list[Any] = [
        counts.section,
        classes.section,
        panels_section,
        _section(dataset, comparisons, citations),
    ]
    html = (studies.render_section(section) for section in sections if section is not None)
    write_text(data / "studies" / f"{dataset}.html", "".join(html))
    print(
        f"{dataset}: {len(counts.subsets)} subsets of {len(backbones)} views; {len(comparisons)} scores beside "
        "published ones"
    )


def _points(panels: Sequence[Panel], paths: Sequence[str]) -> str:
    """The maps of the panels as a table."""
    rows = (
        (panel.title, path, f"{x:.4f}", f"{y:.4f}")
        for panel in panels
        for path, (x, y) in zip(paths, panel.points, strict=True)
    )
    return csv_text(["panel", "path", "x", "y"], rows)


def _trained_layers(files: TrainedFiles, trained: Sequence[MethodName]) -> dict[str, str]:
    """The layer that the views' networks of each objective saw."""
    layers = {}
    for name in trained:
        if name.method == FeatureMethod.VIEWS:
            settings = read_partitions(files.partitions(name)).settings
            layers[name.objective] = str(next(iter(settings.values()))["layer"])
    return layers


def _ours(methods: Path, layers: dict[str, str], is_mvec: bool) -> dict[Method, Measured]:
    """The scores of what was run and published; trained views at the one of the `layers` that they saw."""
    ours = {}
    for row in pd.read_csv(methods).to_dict("records"):
        name = str(row["method"])
        method = parse_method(name, layers)
        if name == "ensemble" and is_mvec:
            method = Method("mvec", algorithm="ward")
        scores = {metric: float(row[metric]) for metric in METRICS if pd.notna(row.get(metric))}
        if method and scores:
            ours[method] = Measured(scores, int(row["labelled_images"]), float(row["n_clusters"]))
    return ours


def _is_mvec(settings: dict[str, Any], partitions: Path) -> bool:
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


def _write_published(file: Path, comparisons: Iterable[Comparison]) -> None:
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
    write_text(file, csv_text(_COMPARED.split(), rows))


def _section(
    dataset: str, comparisons: Sequence[Comparison], citations: dict[str, str]
) -> studies.PublishedSection:
    rows = [
        studies.PublishedRow(
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
    return studies.PublishedSection(dataset, images, tuple(rows), cited)


app = application(experiments)

if __name__ == "__main__":
    run(app)
