"""Co-association without a matrix: CPU seconds and memory, against scipy on the matrix, and as images grow."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tests.benchmarks.call import cpu_side
from tests.benchmarks.comparison import Comparison, Side

GROWTH = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)


def noisy_partitions(n_images: int, sizes: list[int], noise: float) -> np.ndarray:
    """Partitions, int32 (n, len(sizes)), of so many clusters: a hidden one, coarsened, and random labels."""
    rng = np.random.default_rng(0)
    hidden = rng.integers(0, max(sizes), n_images)
    columns = []
    for size in sizes:
        random = rng.random(n_images) < noise
        columns.append(np.where(random, rng.integers(0, size, n_images), hidden * size // max(sizes)))
    return np.column_stack(columns).astype(np.int32)


def _sides(partitions: np.ndarray, smaller: int, theirs: str) -> Callable[[Path], tuple[Side, Side]]:
    def prepare(folder: Path) -> tuple[Side, Side]:
        np.save(folder / "partitions.npy", partitions)
        np.save(folder / "smaller.npy", partitions[:smaller])
        return cpu_side(__name__, "ours", folder), cpu_side(__name__, theirs, folder)

    return prepare


def ours(folder: Path) -> Iterator[str]:
    """The linkage, from partitions to dendrogram, and a cut."""
    yield from _linked(folder / "partitions.npy")


def smaller(folder: Path) -> Iterator[str]:
    """The same of fewer images."""
    yield from _linked(folder / "smaller.npy")


def _linked(file: Path) -> Iterator[str]:
    import time

    from stages.consensus import linkage, warm_up

    partitions = np.load(file)
    started = time.process_time()
    warm_up()
    compiling = time.process_time() - started
    yield ""
    linkage(partitions).cut(10)
    yield f"{len(partitions)} images, {compiling:.1f} CPU s for the kernels before"


def dense(folder: Path) -> Iterator[str]:
    """The co-association matrix, float32, and scipy's average linkage of it."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    partitions = np.load(folder / "partitions.npy")
    yield ""
    distances = np.ones((len(partitions), len(partitions)), dtype=np.float32)
    for labels in partitions.T:
        distances -= (labels[:, None] == labels[None, :]).astype(np.float32) / partitions.shape[1]
    np.fill_diagonal(distances, 0)
    np.maximum(distances, 0, out=distances)  # rounding leaves some below
    fcluster(linkage(squareform(distances, checks=False), "average"), 10, "maxclust")
    yield f"{len(partitions)} images"


def _comparison(name: str, title: str, partitions: Callable[[], np.ndarray], n: int, theirs: str) -> Comparison:
    def prepare(folder: Path) -> tuple[Side, Side]:
        return _sides(partitions(), n // 2, theirs)(folder)

    return Comparison(name, title, n, "CPU s", prepare)


COMPARISONS = (
    _comparison(
        "consensus-7k",
        "12 partitions of 100 clusters: average linkage without a matrix against scipy's on the matrix",
        lambda: noisy_partitions(7_200, [100] * 12, 0.2),
        7_200,
        "dense",
    ),
    _comparison(
        "consensus-70k",
        "10 partitions of 10 to 100 clusters, a fifth of the labels at random: 70,000 images against half of them",
        lambda: noisy_partitions(70_000, list(range(10, 101, 10)), 0.2),
        70_000,
        "smaller",
    ),
    _comparison(
        "consensus-1m",
        "10 partitions of 1,000 clusters, a tenth of the labels at random: 1,000,000 images against half of them",
        lambda: noisy_partitions(1_000_000, [1_000] * 10, 0.1),
        1_000_000,
        "smaller",
    ),
)


def plot_growth(file: Path) -> None:
    """Measure the consensus at growing numbers of images, once each, and draw CPU seconds and memory."""
    import tempfile

    from matplotlib.figure import Figure

    measured: dict[str, list[tuple[int, float, float]]] = {"ours": [], "dense": []}
    for side, results in measured.items():
        for n_images in GROWTH:
            if side == "dense" and n_images > 10_000:
                break
            with tempfile.TemporaryDirectory(prefix="manyviews-benchmark-") as folder:
                np.save(Path(folder) / "partitions.npy", noisy_partitions(n_images, [100] * 10, 0.1))
                result = cpu_side("tests.benchmarks.consensus", side, Path(folder))()
            results.append((n_images, result.value, result.memory))
            print(f"{side:6} {n_images:9,} images {result.value:8.2f} CPU s {result.memory:7.0f} MiB", flush=True)
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for place, (title, unit) in enumerate((("CPU time", "s"), ("Peak memory", "MiB")), start=1):
        axes = figure.add_subplot(1, 2, place)
        for side, label in (("ours", "without a matrix"), ("dense", "scipy on the matrix")):
            axes.loglog(
                [row[0] for row in measured[side]], [row[place] for row in measured[side]], "o-", label=label
            )
        axes.set(title=title, xlabel="images", ylabel=unit)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.suptitle("Average linkage on the co-association of 10 partitions of 100 clusters")
    figure.savefig(file, dpi=110)


if __name__ == "__main__":
    plot_growth(Path("docs/consensus-growth.png"))
