"""What bfloat16 costs: directions of the features, and the clusters made of them."""

import os
import shutil
from pathlib import Path

import numpy as np

from stages.clustering import normalise
from stages.tables import read_images, read_vectors
from tests.benchmarks.comparison import Comparison, Measured, Side
from tests.benchmarks.processes import ROOT, run_module

BACKBONES = ("mobilenet_v2", "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
SEEDS = 10


def _sides(folder: Path) -> tuple[Side, Side]:
    (folder / "data/raw").mkdir(parents=True)
    shutil.copytree(ROOT / "data/raw/flowers", folder / "data/raw/flowers")
    run_module("stages.download", "--dataset", "flowers", folder=folder)
    for backbone in BACKBONES:
        run_module("stages.weights", "--backbone", backbone, folder=folder)

    def extracted(precision: str) -> tuple[dict[str, np.ndarray], float]:
        memory = 0.0
        for backbone in BACKBONES:
            done = run_module(
                *("stages.extract", "--dataset", "flowers", "--backbone", backbone, "--precision", precision),
                folder=folder,
                MANYVIEWS_COMPILER="none" if precision == "fp32" else os.environ.get("MANYVIEWS_COMPILER", "auto"),
            )
            memory = max(memory, done.memory)
        tables = {name: folder / f"data/features/flowers/{name}/L3.parquet" for name in BACKBONES}
        return {name: read_vectors(table, "features").values for name, table in tables.items()}, memory

    exact, exact_memory = extracted("fp32")
    labels = read_images(folder / "data/images/flowers.parquet").labels

    def ours() -> Measured:
        features, memory = extracted("bf16")
        cosines = {name: _cosines(features[name], exact[name]) for name in BACKBONES}
        told = ", ".join(f"{name} {c.mean():.5f} (least {c.min():.5f})" for name, c in cosines.items())
        return Measured(_mean_nmi(features, labels), memory, f"cosine to fp32: {told}")

    def theirs() -> Measured:
        return Measured(_mean_nmi(exact, labels), exact_memory)

    return ours, theirs


def _cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def _mean_nmi(features: dict[str, np.ndarray], labels: np.ndarray) -> float:
    """K-means of the pipeline's defaults, mean over views and seeds."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import normalized_mutual_info_score

    scores = []
    for values in features.values():
        for seed in range(SEEDS):
            found = KMeans(10, n_init=10, random_state=seed).fit_predict(normalise(values, "sqrt"))
            scores.append(normalized_mutual_info_score(labels, found, average_method="geometric"))
    return float(np.mean(scores))


COMPARISONS = (
    Comparison(
        "extract-bf16",
        f"NMI of K-means on bf16 features against fp32 features: flowers, four views, {SEEDS} seeds",
        210,
        "NMI",
        _sides,
        more_is_better=True,
    ),
)
