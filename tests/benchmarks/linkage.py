"""Ward and average linkage against scikit-learn's."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score

from tests.benchmarks.call import cpu_side
from tests.benchmarks.comparison import Comparison, Side

N_IMAGES, WIDTH, N_CLUSTERS = 7200, 2048, 100


def _prepare(linkage: str) -> Callable[[Path], tuple[Side, Side]]:
    def sides(folder: Path) -> tuple[Side, Side]:
        rng = np.random.default_rng(0)
        centres = rng.normal(size=(N_CLUSTERS, WIDTH))
        features = centres[rng.integers(0, N_CLUSTERS, N_IMAGES)] + 2 * rng.normal(size=(N_IMAGES, WIDTH))
        np.save(folder / "features.npy", features.astype(np.float32))
        (folder / "linkage.txt").write_text(linkage)
        return cpu_side(__name__, "ours", folder), cpu_side(__name__, "theirs", folder)

    return sides


def ours(folder: Path) -> Iterator[str]:
    """`Agglomerative`; the partition is kept for the other side to compare."""
    from stages.clustering.agglomerative import Agglomerative

    features, linkage = np.load(folder / "features.npy"), (folder / "linkage.txt").read_text()
    started = time.process_time()
    Agglomerative(2, linkage).fit(features[:100])
    compiling = time.process_time() - started
    yield ""
    labels = Agglomerative(N_CLUSTERS, linkage).fit_predict(features)
    np.save(folder / "labels.npy", labels)
    yield f"{len(set(labels.tolist()))} clusters; loading or compiling the kernels took {compiling:.2f} CPU s"


def theirs(folder: Path) -> Iterator[str]:
    """scikit-learn's `AgglomerativeClustering`."""
    from sklearn.cluster import AgglomerativeClustering

    features, linkage = np.load(folder / "features.npy"), (folder / "linkage.txt").read_text()
    AgglomerativeClustering(2, linkage=linkage).fit(features[:100])
    yield ""
    labels = AgglomerativeClustering(N_CLUSTERS, linkage=linkage).fit_predict(features)
    same = adjusted_rand_score(labels, np.load(folder / "labels.npy")) == 1
    yield "the same partition" if same else "ANOTHER PARTITION"


COMPARISONS = tuple(
    Comparison(
        name,
        f"CPU seconds of {title} on {N_IMAGES:,} x {WIDTH:,}, cut at {N_CLUSTERS}, against scikit-learn's",
        N_IMAGES,
        "CPU s",
        _prepare(linkage),
    )
    for name, title, linkage in (
        ("ward", "Ward's criterion", "ward"),
        ("average-linkage", "average linkage", "average"),
    )
)
