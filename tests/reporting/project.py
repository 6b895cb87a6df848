"""The tables of a small project, as the report reads them."""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages import tables
from stages.core.csvtext import csv_text
from stages.core.seal import sealed_json, unsealed_json
from stages.correcting import correct, read_rows
from stages.report import app
from stages.scoring.confusion import classes_csv, confusion_csv, confusions
from stages.studies import sections
from stages.studies.sections import render_section
from stages.tables.manifest import write_manifest
from stages.tables.methods import METHODS
from stages.tables.textfiles import write_fragment
from tests.shell import exit_status

NASTY = [
    "<script>alert(1).png",
    "a \"quoted\" 'name'.png",
    "line\nbreak\rreturn.png",
    "-rf.png",
    "🌸 blüte.png",
    "  spaces and a\rreturn alone .png",
    "</style><img src=x onerror=y>&amp;.png",
    "{{ 7 * 7 }}{% x %}.png",
    "http://example.com/x.png",
]


VOTED = {
    "algorithms": ["kmeans"],
    "shares": [1.0],
    "overclustering": [2],
}  # which partitions the ensemble combined


def make(
    root: Path,
    name: str,
    paths: list[str],
    k: int,
    labels: list[int | None] | None = None,
    metric: str = "silhouette",
    alike: Iterable[tuple[int, str, str]] = (),
) -> None:
    """Write what the report reads of a dataset whose image i is in cluster i % k, with two views "a" and "b".

    `alike` are the rows of near-duplicates: group, path, "yes" for the best.
    """
    n = len(paths)
    rng = np.random.default_rng(0)

    def images() -> Iterator[tables.Image]:
        for index, path in enumerate(paths):
            buffer = io.BytesIO()
            Image.new("RGB", (40, 30), (index * 9 % 256, 80, 120)).save(buffer, "PNG")
            yield tables.Image(path, buffer.getvalue(), labels[index] if labels else None, 40, 30)

    file = file_of_images = root / f"data/images/{name}.parquet"
    tables.write_images(file, images(), ["oak <b>", "elm"] if labels else [])
    fingerprint = tables.read_images(file).fingerprint
    for view in ("a", "b"):
        vectors = rng.normal(size=(n, 6)).astype(np.float32)
        features = root / f"data/features/{name}/{view}/L3.parquet"
        tables.write_vectors(features, "features", [vectors], fingerprint, {"backbone": view})
        voters = {"kmeans/L3/seed0": np.arange(n) % k, "kmeans/L3/seed1": np.arange(n) % (k + 1)}
        voter_settings = {run: {"algorithm": "kmeans", "overclustering": 2} for run in voters}
        baseline = root / f"data/partitions/{name}/baseline/{view}.parquet"
        tables.write_partitions(baseline, voters, voter_settings, fingerprint)
    write_manifest(root / f"data/views/{name}/features.json", {view: {} for view in "ab"})
    clusters = np.arange(n) % k
    runs = {"ensemble": ["ensemble"], **{f"jule/{method}": [method] for method in METHODS}}
    runs["jule/views"] = ["a", "b"]
    for run_name, columns in runs.items():
        partitions = root / f"data/partitions/{name}/{run_name}.parquet"
        settings = {column: {"linkage": "<average>", "backbones": ["a", "b"], **VOTED} for column in columns}
        tables.write_partitions(partitions, dict.fromkeys(columns, clusters), settings, fingerprint)
    write_manifest(root / f"data/views/{name}/methods.json", {f"jule/{method}": {} for method in METHODS})
    for method in ("cc", "dmvc-fix", "dmvc", "views/a", "views/b"):
        embedding = rng.normal(size=(n, 3)).astype(np.float32)
        file = root / f"data/embeddings/{name}/jule/{method}.parquet"
        tables.write_vectors(file, "embedding", [embedding], fingerprint, {})
    rows = [(path, index % k, f"{1 - index / n:.4f}") for index, path in enumerate(paths)]
    write_result(root, name, rows)
    write_csv(root / f"data/images/{name}.rejected.csv", ("path", "reason"), ("<i>.png", "empty"))
    write_csv(root / f"data/graphs/{name}.near_duplicates.csv", ("group", "path", "best"), *alike)
    pairs = [(a, b, 1.0 if a == b else 0.375) for a in "ab" for b in "ab"]
    (root / f"metrics/{name}").mkdir(parents=True)
    write_csv(root / f"metrics/{name}/agreement.csv", ("view_a", "view_b", "nmi_geometric"), *pairs)
    curves = ((k, 0.4, 0.8, 0.2), (k + 1, 0.1, 0.795, 0.3), (k + 2, 0.05, 0, ""))
    write_csv(
        root / f"metrics/{name}/cluster_counts.csv", ("clusters", "modularity", "lifetime", "silhouette"), *curves
    )
    write_answer(root, name, n_clusters=k, found=k, plausible=[k, k + 1])
    write_sections(root, name, file_of_images, clusters)
    scores = {
        "dataset": {
            "images": n,
            "rejected": 1,
            "clusters": k,
            "labelled": sum(x is not None for x in labels or []),
        },
        "result": {"method": "jule/dmvc", metric: 0.75},
        "ensemble": {metric: 0.5, "largest_cluster": -(-n // k), "smallest_cluster": n // k},
        "train": {"jule/views/a": {metric: 0.125}, "jule/views/b": {metric: 0.25}, "jule/dmvc": {metric: 0.75}},
        "baseline": {"a/L3/ward": {metric: 0.25}},
    }
    (root / f"metrics/{name}/scores.json").write_text(sealed_json(scores))


def write_result(root: Path, name: str, rows: Iterable[tuple[object, ...]], **changed: object) -> None:
    """Write the result, the clusters of jule/dmvc unless `changed`; the `rows` are path, cluster, confidence."""
    folder = root / f"data/results/{name}"
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(folder / "assignments.csv", ("path", "cluster", "confidence"), *rows)
    content = {"method": "jule/dmvc", "chosen": "auto", "modularity": {"ensemble": 0.5, "jule/dmvc": 0.75}}
    (folder / "result.json").write_text(sealed_json(content | changed))


def write_corrected(root: Path, name: str, clusters: np.ndarray, corrections: Path) -> None:
    """Write the result as corrected by a file, where the run gave the image i the cluster `clusters`[i]."""
    paths = tables.read_images(root / f"data/images/{name}.parquet").paths
    found = correct(paths, clusters, read_rows(corrections))
    rows = zip(paths, found.labels.tolist(), ["0.5"] * len(paths), clusters.tolist(), strict=True)
    names = {
        number: {"name": found.names.get(number, ""), "words": [], "label": "", "share": 0.0}
        for number in set(found.labels.tolist()) - {-1}
    }
    write_result(root, name, (), names=names, corrections=asdict(found.done))
    columns = ("path", "cluster", "confidence", "uncorrected")
    write_csv(root / f"data/results/{name}/assignments.csv", columns, *rows)
    file = root / f"metrics/{name}/scores.json"
    scores = unsealed_json(file.read_text())
    file.write_text(sealed_json(scores | {"uncorrected": {"silhouette": 0.25, "nmi_geometric": 0.5}}))


def write_names(root: Path, name: str, *names: str, words: Iterable[str] = ()) -> None:
    """Name the clusters of the result, from 0 on; all have the same `words`."""
    file = root / f"data/results/{name}/result.json"
    found = {
        number: {"name": text, "words": list(words), "label": "", "share": 0.0}
        for number, text in enumerate(names)
    }
    file.write_text(sealed_json(json.loads(file.read_text()) | {"names": found}))


def write_answer(root: Path, name: str, **answer: object) -> None:
    """Write the ensemble's answer to how many clusters there are: clear, with no other in reach unless given."""
    content = {"clear": True, "coarser": None, "finer": None, "summary": "as found"} | answer
    (root / f"data/partitions/{name}/n_clusters.json").write_text(sealed_json(content))


def write_sections(root: Path, name: str, images: Path, clusters: np.ndarray) -> None:
    """Write what the sections on classes, the dendrogram, the training and the studies read."""
    metrics, table = root / "metrics" / name, tables.read_images(images)
    compared = confusions(table.labels, {"ensemble": clusters, "train/jule/dmvc": clusters})
    (metrics / "classes.csv").write_text(classes_csv(compared, table.class_names))
    (metrics / "confusion.csv").write_text(confusion_csv(compared, table.class_names))
    (metrics / "dendrogram.csv").write_text(
        "parent,left,right,height,images,left_images,right_images,left_cluster,right_cluster,undone\n"
        "4,2,3,0.25,4,2,2,0,0,0\n5,4,1,0.5,5,4,1,0,1,1\n"
    )
    for method in ("cc", "dmvc-fix", "dmvc"):
        write_csv(metrics / f"training-jule-{method}.csv", ("record", "loss"), (1, 0.5), (2, 0.25))
    write_csv(
        metrics / "training-jule-views.csv",
        ("backbone", "record", "loss"),
        ("a", 1, 0.5),
        ("b", 1, ""),
        ("b", 2, 0.125),
    )
    views = tuple(f"a network with a long name, number {number}" for number in range(6))
    section = sections.ComplementaritySection(
        name,
        4,
        "L3",
        views,
        np.full(6, 0.5),
        ("oak <b>", "elm"),
        (2, 2),
        np.full((6, 2), 0.5),
        (0, 5),
        ("So it is.",),
    )
    write_fragment(root / f"data/studies/{name}.html", render_section(section))
    write_fragment(root / "data/study.html", '<section class="study"><h2>Layers</h2></section>')
    write_manifest(root / f"data/evaluations/{name}.json", {name: {}})


def write_csv(file: Path, *rows: tuple[object, ...]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(csv_text(rows[0], rows[1:]).encode())


def make_report(root: Path, *options: str) -> Path:
    """Make the page of the dataset `photos` in the project of a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert exit_status(app, "--datasets=photos", *options) == 0
    return root / "metrics/report.html"
