"""Silhouettes of all partitions that `evaluate` scores, from the same distances; scikit-learn's, one by one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.benchmarks.call import cpu_side
from tests.benchmarks.comparison import Comparison, Side

N_IMAGES, WIDTH, N_VIEWS, N_PARTITIONS = 1393, 1280, 2, 40


def _prepare(folder: Path) -> tuple[Side, Side]:
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 14, N_IMAGES)
    views = rng.normal(size=(N_VIEWS, 14, WIDTH))[:, kinds] + 2 * rng.normal(size=(N_VIEWS, N_IMAGES, WIDTH))
    np.save(folder / "views.npy", views.astype(np.float32))
    counts = rng.integers(14, 150, N_PARTITIONS)
    np.save(folder / "partitions.npy", np.stack([rng.integers(0, count, N_IMAGES) for count in counts]))
    return cpu_side(__name__, "ours", folder), cpu_side(__name__, "theirs", folder)


def ours(folder: Path) -> Iterator[str]:
    """`silhouettes` of all partitions."""
    from stages.scoring.silhouettes import silhouettes

    views, partitions = np.load(folder / "views.npy"), np.load(folder / "partitions.npy")
    yield ""
    yield f"mean {np.mean(np.array(silhouettes(list(views), list(partitions)))):.6f}"


def theirs(folder: Path) -> Iterator[str]:
    """scikit-learn's `silhouette_score`, partition by partition and view by view."""
    from sklearn.metrics import silhouette_score

    views, partitions = np.load(folder / "views.npy"), np.load(folder / "partitions.npy")
    yield ""
    found = [np.mean([silhouette_score(view, labels) for view in views]) for labels in partitions]
    yield f"mean {np.mean(found):.6f}"


COMPARISONS = (
    Comparison(
        "silhouettes",
        f"silhouettes of {N_PARTITIONS} partitions of {N_IMAGES:,} images in {N_VIEWS} views",
        N_IMAGES,
        "CPU s",
        _prepare,
    ),
)
