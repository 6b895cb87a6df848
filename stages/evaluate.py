"""Stage `evaluate`: score every partition, with labels where there are some and without them always."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from stages.clustering import isometric, normalise
from stages.core.atomic import replacing, write_text
from stages.core.checks import check_once
from stages.core.command import run
from stages.core.dendrogram import Dendrogram
from stages.core.digests import file_digest
from stages.graphs.modularity import modularity
from stages.params.file import PARAMS
from stages.params.options import DATA, METRICS, DataFolder, Dataset, Layers, MetricsFolder, Seed
from stages.params.stage import ParamsFile, stage_application
from stages.scoring.confusion import classes_csv, confusion_csv, confusions
from stages.scoring.evaluation import (
    agreement_rows,
    count_rows,
    mean_by_method,
    nested,
    nmi_csv,
    score_partitions,
    size_rows,
    spread_over_seeds,
    summary,
)
from stages.scoring.probes import Probe
from stages.scoring.probes.representations import representations
from stages.scoring.probes.rows import COLUMNS, probe_rows
from stages.scoring.scores import DIGITS
from stages.scoring.treetop import dendrogram_csv
from stages.tables import (
    Partitions,
    check_same_images,
    class_names,
    read_dendrogram,
    read_images,
    read_partitions,
    read_vectors,
)
from stages.tables.clusters import RESULT
from stages.tables.links import read_links
from stages.tables.manifest import TASK, check_listed, read_manifest, read_task, write_manifest
from stages.tables.methods import ENSEMBLE, BaselineName, FeatureMethod, MethodName, parse_scored, scored_name
from stages.tables.near_duplicates import read_near_duplicates
from stages.tables.results import ASSIGNMENTS, UNCORRECTED, read_assignments, read_result
from stages.tables.textfiles import check_digest, json_of, rows_of, understanding, write_json
from stages.tables.trained_files import TrainedFiles, training_curve


def evaluate(
    dataset: Dataset,
    layers: Layers = ["L3"],  # noqa: B006 - Typer copies it
    probes: Annotated[
        list[Probe],
        typer.Option(
            help="Supervised score of every view's features and every network's embedding, for comparison alone: "
            "linear, a linear classifier; verification, whether two images are of one class; repeatable. "
            "Default: none."
        ),
    ] = [],  # noqa: B006
    seed: Seed = 0,
    data: DataFolder = DATA,
    metrics: MetricsFolder = METRICS,
    params: ParamsFile = PARAMS,
) -> None:
    """Score the baselines, the ensemble and the trained methods; write JSON for metrics and CSV for plots.

    scores.json has one entry a method, of the trained method "views" one a backbone, of a method on images one a
    result; a baseline's is the mean over its seeds, and so is that of a training with several, which has standard
    errors and best values, too. Where the result was corrected by hand, "result" and "uncorrected" are its scores
    after and before, on the images that are in a group. summary.json has what branches are compared by. runs.csv
    has every run; cluster_sizes.csv has the result. classes.csv and confusion.csv have the ensemble and the
    trained methods that see all views or the images, class by class; of several seeds, the one that is kept.
    Without labels nmi.csv, classes.csv and confusion.csv have a header alone. So has probes.csv without `probes`.
    These read the labels off a representation; they are in no other table, and no result is chosen by them.
    """
    check_once("probes", list(probes), "probe")
    images = read_images(data / "images" / f"{dataset}.parquet")
    partitions = data / "partitions" / dataset
    backbones = read_manifest(data / "views" / dataset / "partitions.json")
    tables = [read_partitions(partitions / "baseline" / f"{backbone}.parquet") for backbone in backbones]
    ensemble = read_partitions(partitions / "ensemble.parquet")
    names = read_manifest(data / "views" / dataset / "methods.json")
    trained = {name: read_partitions(partitions / f"{name}.parquet") for name in names}
    views = [
        read_vectors(data / "features" / dataset / backbone / f"{layer}.parquet", "features")
        for backbone in read_manifest(data / "views" / dataset / "features.json")
        for layer in layers
    ]
    neighbours = read_links(data / "graphs" / f"{dataset}.parquet")
    cuts = read_partitions(partitions / "cuts.parquet")
    check_same_images(images, *tables, ensemble, *trained.values(), *views, neighbours, cuts)
    results = data / "results" / dataset
    about = read_result(results)
    result = read_assignments(results, images, about)
    made = result.found  # by the method, before any correction

    def scored(partitions: list[np.ndarray], among: Any = slice(None)) -> list[dict[str, Any]]:
        chosen = [labels[among] for labels in partitions]
        quality = [round(modularity(neighbours.links, labels), DIGITS) for labels in partitions]
        scores = score_partitions(images.labels[among], [view[among] for view in features], chosen)
        return [score | {"modularity": value} for score, value in zip(scores, quality, strict=True)]

    features = [isometric(normalise(view.values, "l2")) for view in views]
    runs: list[dict[str, Any]] = []
    found: list[np.ndarray] = []  # the clusters of each run
    for backbone, table in zip(backbones, tables, strict=True):
        for run_name, labels in table.labels.items():
            settings = table.settings[run_name]
            method = scored_name(BaselineName(backbone, settings["layer"], settings["algorithm"]))
            runs.append({"method": method, "multiple": settings["overclustering"], "run": run_name})
            found.append(labels)
    clusters = {ENSEMBLE: ensemble.labels[ENSEMBLE], **_by_method(trained)}
    plain, of_seeds = len(found), _of_seeds(trained)
    for name, labels in clusters.items():
        own = of_seeds.get(name, {name: labels})
        runs += [{"method": name, "multiple": 1, "run": run_name} for run_name in own]
        found += own.values()
    *measured, of_made = scored([*found, made])
    by_method: dict[str, list[dict[str, Any]]] = {}
    for of_run, score in zip(runs[plain:], measured[plain:], strict=True):
        by_method.setdefault(of_run["method"], []).append(score)
    runs = [run | score for run, score in zip(runs, measured, strict=True)]
    methods = mean_by_method(run for run in runs[:plain] if run["multiple"] == 1)
    for name, of_runs in by_method.items():
        methods[name] = spread_over_seeds(of_runs) if len(of_runs) > 1 else of_runs[0]
    of_result = {RESULT: {"method": about.method}}
    if not about.corrections:
        of_result[RESULT] |= of_made
    else:
        # Both on the images that were not set aside: to leave out the hard ones must not look like better groups.
        inside = result.labels >= 0
        after, before = scored([result.labels, np.where(inside, made, -1)], inside)
        of_result = {RESULT: of_result[RESULT] | after, UNCORRECTED: before}

    folder = metrics / dataset
    rejected = data / "images" / f"{dataset}.rejected.csv"
    check_listed(data / "images" / f"{dataset}.lists.json", dataset, [rejected])
    facts: dict[str, Any] = {
        "images": len(images),
        "rejected": len(list(rows_of(rejected, "path"))),
        "labelled": int((images.labels >= 0).sum()),
        "classes": len(np.unique(images.labels[images.labels >= 0])),
        "clusters": len(np.unique(made)),
    }
    if task := read_task(data / "images" / f"{dataset}.lists.json", dataset):
        facts[TASK] = task
    scores = nested(facts, of_result, methods)
    write_json(folder / "scores.json", scores)
    write_text(folder / "summary.json", json.dumps(summary(scores), indent=2) + "\n")
    on = {"images": facts["images"], "labelled_images": facts["labelled"]}
    _write_csv(folder / "runs.csv", [run_scores | on for run_scores in runs])
    _write_csv(folder / "methods.csv", [{"method": name, **scores, **on} for name, scores in methods.items()])
    write_text(folder / "nmi.csv", nmi_csv(methods, facts["labelled"]))
    _write_csv(folder / "cluster_sizes.csv", size_rows(result.labels, result.confidence))
    tree = read_dendrogram(partitions / "dendrogram.parquet")
    check_same_images(images, tree)
    curves = _counts(partitions)
    with understanding(cuts.file):
        counts = list(count_rows(curves, cuts.labels, features))
    _write_csv(folder / "cluster_counts.csv", counts, [*curves, "silhouette", "images"])
    fraction = float(tree.settings.get("min_cluster_fraction", 0.0))
    merges = tree.merges
    if tree.settings.get("count_once"):
        once = read_near_duplicates(data / "graphs" / f"{dataset}.near_duplicates.csv", images).representatives
        merges, made = once.dendrogram_of_rows(Dendrogram(merges)).merges, made[once.rows]
    write_text(folder / "dendrogram.csv", dendrogram_csv(merges, made, fraction))
    of_views = {name for name in clusters if getattr(parse_scored(name), "on_one_view", False)}
    joint = {name: labels for name, labels in clusters.items() if name not in of_views}
    if about.numbers:  # those that the result's clusters have everywhere else
        joint |= {name: made for name in joint if str(parse_scored(name) or name) == about.scored_as}
    compared, classes = confusions(images.labels, joint), class_names(images)
    write_text(folder / "classes.csv", classes_csv(compared, classes))
    write_text(folder / "confusion.csv", confusion_csv(compared, classes))
    coarse = {
        backbone: [labels for name, labels in table.labels.items() if table.settings[name]["overclustering"] == 1]
        for backbone, table in zip(backbones, tables, strict=True)
    }
    _write_csv(folder / "agreement.csv", agreement_rows(coarse, len(images)))
    seen = representations(images, views, TrainedFiles(data, dataset), trained) if probes else iter(())
    supervised = list(probe_rows(seen, images.labels, probes, seed))
    _write_csv(folder / "probes.csv", supervised, list(COLUMNS))
    # All that the report shows besides images and features: it is made again when any of it changes.
    tables_shown = ("agreement", "cluster_counts", "dendrogram", "classes", "confusion", "methods")
    shown = [folder / "scores.json", *(folder / f"{name}.csv" for name in tables_shown)]
    answers = [*(results / name for name in (ASSIGNMENTS, "result.json")), partitions / "n_clusters.json"]
    near = data / "graphs" / f"{dataset}.near_duplicates.csv"
    shown += [*answers, near, rejected, ensemble.file, *_curves(folder, trained)]
    shown += [folder / "probes.csv"] if supervised else []
    digests = {file.name: file_digest(file) for file in shown}
    digests |= {name: file_digest(table.file) for name, table in trained.items()}
    write_manifest(data / "evaluations" / f"{dataset}.json", {dataset: digests})
    print(f"{dataset}: {len(runs)} partitions of {len(images)} images scored")


def _by_method(trained: dict[str, Partitions]) -> dict[str, np.ndarray]:
    """The clusters, int32 (n), of every method; of "views" there is one a backbone, on images one a result."""
    return {
        _scored_as(name, run_name): labels
        for name, table in trained.items()
        for run_name, labels in table.labels.items()
    }


def _of_seeds(trained: dict[str, Partitions]) -> dict[str, dict[str, np.ndarray]]:
    """The clusters of every seed, int32 (n) by the name of the run, of every method that has several."""
    found = {}
    for name, table in trained.items():
        for run_name, partitions in table.seeds.items():
            method = _scored_as(name, run_name)
            found[method] = {f"{method}/seed{number}": labels for number, labels in enumerate(partitions)}
    return found


def _scored_as(name: str, run_name: str) -> str:
    """The name under which a run in the table of a trained method is scored."""
    method = MethodName.parse(name)
    if method.method == FeatureMethod.VIEWS:
        return scored_name(replace(method, view=run_name))
    return scored_name(replace(method, method=run_name))


def _curves(folder: Path, trained: Mapping[str, Partitions]) -> list[Path]:
    """The training curves of the methods, which the train stages wrote, as far as they train anything."""
    files = []
    for name, table in trained.items():
        if (method := MethodName.parse(name)).trains_network:
            files.append(training_curve(folder, method))
            check_digest(files[-1], table.file, next(iter(table.settings.values())).get("curve"))
    return files


def _counts(partitions: Path) -> pd.DataFrame:
    """The modularity and the lifetime of each number of clusters, as the ensemble wrote them."""
    file, note = partitions / "cluster_counts.csv", partitions / "n_clusters.json"
    with understanding(note):
        check_digest(file, note, json_of(note).get(file.name))
    return pd.read_csv(file)


def _write_csv(file: Path, rows: list[dict[str, Any]], columns: list[str] | None = None) -> None:
    """Write rows under a header; `columns`, where there may be no row to take it from."""
    with replacing(file) as partial:
        pd.DataFrame(rows, columns=columns).to_csv(partial, index=False, lineterminator="\n")


app = stage_application(evaluate, "views.layers", "probes", "seed")

if __name__ == "__main__":
    run(app)
