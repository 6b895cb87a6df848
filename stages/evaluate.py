"""Stage `evaluate`: score every partition, with labels where there are some and without them always."""

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from stages.clustering import isometric, normalise
from stages.core.atomic import replacing, write_text
from stages.core.command import application, run
from stages.core.csvtext import csv_text
from stages.core.dendrogram import Dendrogram
from stages.core.digest import file_digest
from stages.core.errors import TableError
from stages.scoring import external_scores, mean_silhouette, silhouette_curve, summary, view_agreement
from stages.scoring.csv_tables import classes_csv, confusion_csv, confusions, dendrogram_csv
from stages.tables import (
    ImageTable,
    Merges,
    Partitions,
    check_same_images,
    class_names,
    read_dendrogram,
    read_images,
    read_partitions,
    read_vectors,
)
from stages.tables.manifest import read_manifest, write_manifest
from stages.tables.methods import BaselineName, FeatureMethod, MethodName, parse_scored, scored_name
from stages.tables.trained_files import training_curve

_DIGITS = 6  # decimals kept: enough for any comparison, few enough for a readable diff


def evaluate(
    dataset: Annotated[str, typer.Option(help="Name of the dataset: the folder under data/raw.")],
    layers: Annotated[
        list[str], typer.Option(help="Layers of the views that the silhouette is measured on; repeatable.")
    ] = ["L3"],  # noqa: B006
    data: Annotated[Path, typer.Option(help="Folder of the pipeline's data.")] = Path("data"),
    metrics: Annotated[Path, typer.Option(help="Folder of the scores.")] = Path("metrics"),
) -> None:
    """Score the baselines, the ensemble and the trained methods; write JSON for metrics and CSV for plots.

    scores.json has one entry a method, of the trained method "views" one a backbone, of a method on images one a
    result; a baseline's is the mean over its seeds. summary.json has what branches are compared by. runs.csv has
    every run; classes.csv and confusion.csv have the ensemble and the trained methods that see all views or the
    images, class by class. Without labels nmi.csv, classes.csv and confusion.csv have a header alone.
    """
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
    check_same_images(images, *tables, ensemble, *trained.values(), *views)

    features = [isometric(normalise(view.values, "l2")) for view in views]
    runs: list[dict[str, Any]] = []
    for backbone, table in zip(backbones, tables, strict=True):
        for run_name, labels in table.labels.items():
            settings = table.settings[run_name]
            method = scored_name(BaselineName(backbone, settings["layer"], settings["algorithm"]))
            scores = _scores(images, features, labels)
            runs.append({"method": method, "multiple": settings["overclustering"], "run": run_name, **scores})
    methods = _mean_by_method([run for run in runs if run["multiple"] == 1])
    (final,) = ensemble.labels.values()
    clusters = {"ensemble": final, **_by_method(trained)}
    for name, labels in clusters.items():
        methods[name] = _scores(images, features, labels)
        runs.append({"method": name, "multiple": 1, "run": name, **methods[name]})

    folder = metrics / dataset
    rejected = len(pd.read_csv(data / "images" / f"{dataset}.rejected.csv"))
    facts = {
        "images": len(images),
        "rejected": rejected,
        "labelled": int((images.labels >= 0).sum()),
        "classes": len(np.unique(images.labels[images.labels >= 0])),
        "clusters": len(np.unique(final)),
    }
    scores = _nested(facts, methods)
    write_text(folder / "scores.json", json.dumps(scores, indent=2) + "\n")
    write_text(folder / "summary.json", json.dumps(summary(scores), indent=2) + "\n")
    on = {"images": facts["images"], "labelled_images": facts["labelled"]}
    _write_csv(folder / "runs.csv", [run_scores | on for run_scores in runs])
    _write_csv(folder / "methods.csv", [{"method": name, **scores, **on} for name, scores in methods.items()])
    write_text(folder / "nmi.csv", _nmi(methods, facts["labelled"]))
    _write_csv(folder / "cluster_sizes.csv", _sizes(final, partitions / "assignments.csv"))
    tree = read_dendrogram(partitions / "dendrogram.parquet")
    check_same_images(images, tree)
    _write_csv(folder / "cluster_counts.csv", _counts(tree, partitions / "cluster_counts.csv", features))
    write_text(folder / "dendrogram.csv", dendrogram_csv(tree, final, _DIGITS))
    compared = confusions(images, {name: labels for name, labels in clusters.items() if not _on_one_view(name)})
    classes = class_names(images)
    write_text(folder / "classes.csv", classes_csv(compared, classes, _DIGITS))
    write_text(folder / "confusion.csv", confusion_csv(compared, classes, _DIGITS))
    coarse = [
        [labels for name, labels in table.labels.items() if table.settings[name]["overclustering"] == 1]
        for table in tables
    ]
    agreement = view_agreement(coarse).round(_DIGITS)
    _write_csv(
        folder / "agreement.csv",
        [
            {"view_a": one, "view_b": other, "nmi_geometric": agreement[a, b], "images": len(images)}
            for a, one in enumerate(backbones)
            for b, other in enumerate(backbones)
        ],
    )
    # All that the report shows besides images and features, so that it is made anew when any of it changes.
    tables_shown = ("agreement", "cluster_counts", "dendrogram", "classes", "confusion")
    shown = [folder / "scores.json", *(folder / f"{name}.csv" for name in tables_shown)]
    shown += [partitions / "assignments.csv"]
    shown += [data / "images" / f"{dataset}.rejected.csv", ensemble.file]
    shown += _curves(folder, names)
    digests = {file.name: file_digest(file) for file in shown}
    digests |= {name: file_digest(table.file) for name, table in trained.items()}
    write_manifest(data / "evaluations" / f"{dataset}.json", {dataset: digests})
    print(f"{dataset}: {len(runs)} partitions of {len(images)} images scored")


def _by_method(trained: dict[str, Partitions]) -> dict[str, np.ndarray]:
    """The clusters, int32 (n), of every method; of "views" there is one a backbone, on images one a result."""
    clusters = {}
    for name, table in trained.items():
        method = MethodName.parse(name)
        for run_name, labels in table.labels.items():
            if method.method == FeatureMethod.VIEWS:
                result = replace(method, view=run_name)
            else:
                result = replace(method, method=run_name)
            clusters[scored_name(result)] = labels
    return clusters


def _on_one_view(scored: str) -> bool:
    name = parse_scored(scored)
    return isinstance(name, MethodName) and name.on_one_view


def _scores(images: ImageTable, features: list[np.ndarray], labels: np.ndarray) -> dict[str, Any]:
    scores: dict[str, Any] = {}
    known = images.labels >= 0
    if known.any():
        scores = external_scores(images.labels[known], labels[known])
    silhouette = mean_silhouette(features, labels)
    if silhouette is not None:
        scores["silhouette"] = silhouette
    _, sizes = np.unique(labels, return_counts=True)
    scores |= {"n_clusters": len(sizes), "largest_cluster": int(sizes.max()), "smallest_cluster": int(sizes.min())}
    return {name: round(score, _DIGITS) for name, score in scores.items()}


def _sizes(clusters: np.ndarray, assignments: Path) -> list[dict[str, Any]]:
    """The images of each cluster, and the mean of their confidences."""
    confidence = pd.read_csv(assignments, usecols=["confidence"])["confidence"].to_numpy()
    sizes = np.bincount(clusters)
    means = np.bincount(clusters, weights=confidence) / sizes
    return [
        {"cluster": cluster, "images": int(size), "confidence": round(float(mean), _DIGITS)}
        for cluster, (size, mean) in enumerate(zip(sizes, means, strict=True))
    ]


def _counts(tree: Merges, curves: Path, features: list[np.ndarray]) -> list[dict[str, Any]]:
    """What speaks for each number of clusters: lifetime and stability by the ensemble, silhouette."""
    counts = pd.read_csv(curves)
    dendrogram = Dendrogram(tree.merges)
    curve = silhouette_curve(features, [dendrogram.cut(int(count)) for count in counts["clusters"]])
    counts["silhouette"] = [None if value is None else round(value, _DIGITS) for value in curve]
    counts["images"] = dendrogram.n_images
    return [{str(name): value for name, value in row.items()} for row in counts.to_dict("records")]


def _curves(folder: Path, methods: list[str]) -> list[Path]:
    """The training curves of the `methods`, which the train stages wrote, as far as they train anything."""
    names = [MethodName.parse(name) for name in methods]
    files = [training_curve(folder, name) for name in names if name.trains_network]
    for file in files:
        if not file.is_file():
            raise TableError(f"{file} does not exist; run `dvc repro` to make it or `dvc pull` to fetch it")
    return files


def _nmi(methods: dict[str, dict[str, Any]], labelled: int) -> str:
    """The NMI of every method as CSV for bars, with what it is on."""
    header = ["method", "nmi_geometric", "nmi_arithmetic", "labelled_images", "n_clusters"]
    rows = (
        [name, scores["nmi_geometric"], scores["nmi_arithmetic"], labelled, scores["n_clusters"]]
        for name, scores in methods.items()
        if labelled
    )
    return csv_text(header, rows)


def _mean_by_method(runs: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    by_method: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for run_scores in runs:
        by_method[run_scores["method"]].append(run_scores)
    return {
        method: {
            name: round(float(np.mean([scores[name] for scores in group])), _DIGITS)
            for name in group[0]
            if name not in ("method", "multiple", "run") and all(name in scores for scores in group)
        }
        for method, group in by_method.items()
    }


def _nested(facts: dict[str, int], methods: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The content of scores.json: facts of the dataset, then method by method, those of a kind under one key."""
    others: dict[str, Any] = {}
    trained: dict[str, Any] = {}
    plain: dict[str, Any] = {}
    for text, scores in methods.items():
        name = parse_scored(text)
        kind = others if name is None else trained if isinstance(name, MethodName) else plain
        kind[str(name or text)] = scores
    return {"dataset": facts, **others, "train": trained, "baseline": plain}


def _write_csv(file: Path, rows: list[dict[str, Any]]) -> None:
    with replacing(file) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False, lineterminator="\n")


app = application(evaluate)

if __name__ == "__main__":
    run(app)
