"""Stage `baseline` on one view with its default algorithms and 100 clusters, against all work done exactly."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tests.benchmarks.call import cpu_side
from tests.benchmarks.comparison import Comparison, Side
from tests.benchmarks.kmeans import N_CLUSTERS, digit_features

WIDTH = 1280
_SMALL = 7_200  # images that the exact side clusters at most


def _prepare(n_images: int) -> Callable[[Path], tuple[Side, Side]]:
    def prepare(folder: Path) -> tuple[Side, Side]:
        features = digit_features(WIDTH)
        shuffled = np.random.default_rng(0).permutation(len(features))[:n_images]
        for name, chosen in (("all", shuffled), ("small", shuffled[:_SMALL])):
            _write(folder / "data", name, features[chosen])
        return cpu_side(__name__, "ours", folder), cpu_side(__name__, "exact", folder)

    return prepare


def _write(data: Path, dataset: str, features: np.ndarray) -> None:
    from stages.tables import Image, read_images, write_images
    from stages.tables.vectors import write_vectors

    file = data / "images" / f"{dataset}.parquet"
    write_images(file, (Image(f"{number}.png", b"-", None, 1, 1) for number in range(len(features))), [])
    fingerprint = read_images(file).fingerprint
    write_vectors(data / "features" / dataset / "drawn" / "L3.parquet", "features", [features], fingerprint, {})


def ours(folder: Path) -> Iterator[str]:
    """The stage as it is."""
    yield from _run(folder, "all")


def exact(folder: Path) -> Iterator[str]:
    """All starts on all columns, every graph by a search of its own, Ward on all images; 7,200 of them at most."""
    from stages import baseline
    from stages.clustering import agglomerative, kmeans

    kmeans._PROJECTED = baseline.SHARED = agglomerative.REPRESENTED = 1 << 40
    yield from _run(folder, "small")


def _run(folder: Path, dataset: str) -> Iterator[str]:
    from stages.baseline import baseline
    from stages.clustering import find_algorithm
    from stages.tables import read_images

    started = time.process_time()
    few = np.random.default_rng(0).random((200, 8), dtype=np.float32)
    gdl, every = find_algorithm("gdl:n_neighbors=5"), np.tile(np.arange(100, dtype=np.int32), (200, 1))
    gdl.neighbour_recall(few, 0, every)
    for runner in (gdl, find_algorithm("ward"), find_algorithm("kmeans")):
        runner.partition(few, 5, 0, 1)
    gdl.partition(few, 5, 0, 1, every)
    compiled = time.process_time() - started
    n_images = len(read_images(folder / "data" / "images" / f"{dataset}.parquet"))
    yield ""
    baseline(dataset, "drawn", str(N_CLUSTERS), data=folder / "data")
    log = json.loads(Path(f"logs/baseline-{dataset}-drawn.json").read_text())
    recall = min(log["neighbour_recall"].values(), default=1.0)
    times = ", ".join(f"{name} {seconds:.0f}" for name, seconds in log["seconds_in"].items())
    yield f"{n_images} images; recall {recall:.4f}; wall seconds: {times}; loading kernels: {compiled:.1f} CPU s"


COMPARISONS = tuple(
    Comparison(
        name,
        f"CPU seconds of `baseline` on {n_images:,} x {WIDTH:,}, {N_CLUSTERS} clusters, against all of it done "
        f"exactly{' on 7,200 of them' if n_images > _SMALL else ''}",
        n_images,
        "CPU s",
        _prepare(n_images),
    )
    for name, n_images in (("baseline-7k", 7_200), ("baseline-20k", 20_000), ("baseline-70k", 70_000))
)
