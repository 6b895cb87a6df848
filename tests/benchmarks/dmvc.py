"""DMVC in all its steps, against a plain script of the same method.

The plain script does what the method's description says, in NumPy and PyTorch: a dense matrix of weights, a dense
table of affinities, triplets listed one by one in Python. Both sides have the same networks and take as many
steps a period; the plain one with the 100 images a step of JULE's released code, as with 256 it takes over ten
minutes.
"""

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from tests.benchmarks.call import cpu_side
from tests.benchmarks.comparison import Comparison, Side
from tests.benchmarks.plainjule import merge, neighbour_weights, triplets

_SIZES = {"umist": (575, 20), "7k": (7_200, 100), "20k": (20_000, 100), "70k": (70_000, 100)}
_PLAIN = ("umist", "7k")  # whose other side is the plain script
_VIEWS, _WIDTH, _STEPS, _BATCH, _NEIGHBOURS, _ETA = 4, 1280, 40, 100, 8, 0.5


def features(n_images: int, n_clusters: int, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Four views, float32 (n, 1280), of images in classes of several modes each; and the classes."""
    rng = np.random.default_rng(seed)
    classes = rng.permutation(np.arange(n_images) % n_clusters)
    modes = classes * 5 + rng.integers(0, 5, n_images)
    views = []
    for _ in range(_VIEWS):
        centres = rng.normal(size=(n_clusters, 40)).repeat(5, axis=0) + 0.6 * rng.normal(size=(5 * n_clusters, 40))
        latent = centres[modes] + 0.5 * rng.normal(size=(n_images, 40))
        views.append(np.maximum(latent @ rng.normal(size=(40, _WIDTH)), 0).astype(np.float32))
    return views, classes


def ours(folder: Path) -> Iterator[str | None]:
    """All steps: a network a view, the one over their codes, all together."""
    n_images, n_clusters = _SIZES[(folder / "name.txt").read_text()]
    yield from _fitted(n_images, n_clusters)


def few(folder: Path) -> Iterator[str | None]:
    """The same on as many images as the largest set that the plain script is compared on."""
    yield from _fitted(*_SIZES["7k"])


def _fitted(n_images: int, n_clusters: int) -> Iterator[str | None]:
    import torch

    from stages.deep.jule.dmvc import DMVC

    torch.set_num_threads(1)
    views, classes = features(n_images, n_clusters)
    warm = [view[:100] for view in views]
    DMVC(2, random_state=0).fit(warm)  # the kernels are compiled
    yield None
    model = DMVC(n_clusters, random_state=0).fit(views)
    yield f"{len(model.history_)} periods, NMI {_nmi(classes, model.labels_):.4f}"


def plain(folder: Path) -> Iterator[str | None]:
    """The same steps by a plain script."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(0)
    n_images, n_clusters = _SIZES[(folder / "name.txt").read_text()]
    views, classes = features(n_images, n_clusters)
    rows = [torch.from_numpy(view / np.linalg.norm(view, axis=1, keepdims=True)) for view in views]
    unit = nn.functional.normalize
    parts = [nn.Sequential(nn.Linear(_WIDTH, 160), nn.ReLU(), nn.Linear(160, 160)) for _ in views]
    top = nn.Sequential(nn.Linear(160 * _VIEWS, 160), nn.ReLU(), nn.Linear(160, 160))
    yield None
    for part, view in zip(parts, rows, strict=True):
        _alternate(lambda batch, part=part, view=view: unit(part(view[batch])), part, n_images, n_clusters)
    codes = torch.cat([unit(part(view)) for part, view in zip(parts, rows, strict=True)], dim=1).detach()
    _alternate(lambda batch: unit(top(codes[batch])), top, n_images, n_clusters)
    whole = nn.ModuleList([*parts, top])

    def joint(batch):
        return unit(
            top(torch.cat([unit(part(view[batch])) for part, view in zip(parts, rows, strict=True)], dim=1))
        )

    labels = _alternate(joint, whole, n_images, n_clusters)
    yield f"NMI {_nmi(classes, labels):.4f}"


def _alternate(embed, network, n_images, n_clusters):
    """Merge and train in turn, from the components of the nearest-neighbour graph on."""
    import torch
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    everything = torch.arange(n_images)
    with torch.no_grad():
        weights = neighbour_weights(embed(everything).numpy(), _NEIGHBOURS)
    nearest = coo_matrix((np.ones(n_images), (everything.numpy(), weights.argmax(axis=1))), (n_images, n_images))
    labels = connected_components(nearest, directed=False)[1]
    while labels.max() + 1 > n_clusters:
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-4, weight_decay=5e-5)
        for _ in range(_STEPS):
            batch = torch.randperm(n_images)[:_BATCH]
            loss = triplets(embed(batch), labels[batch.numpy()])
            if loss is not None:
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        with torch.no_grad():
            weights = neighbour_weights(embed(everything).numpy(), _NEIGHBOURS)
        count = labels.max() + 1
        labels = merge(weights, labels, max(n_clusters, count - math.ceil(_ETA * count)))
    return labels


def _nmi(classes, labels):
    from sklearn.metrics import normalized_mutual_info_score

    return normalized_mutual_info_score(classes, labels, average_method="geometric")


def _sides(name: str, folder: Path) -> tuple[Side, Side]:
    (folder / "name.txt").write_text(name)
    return cpu_side(__name__, "ours", folder), cpu_side(__name__, "plain" if name in _PLAIN else "few", folder)


COMPARISONS = tuple(
    Comparison(
        f"dmvc-{name}",
        f"DMVC, all steps, on 4 random views of {n_images:,} x {_WIDTH:,}, {n_clusters} clusters, against "
        + ("a plain script" if name in _PLAIN else "itself on 7,200"),
        n_images,
        "CPU seconds",
        partial(_sides, name),
    )
    for name, (n_images, n_clusters) in _SIZES.items()
)
