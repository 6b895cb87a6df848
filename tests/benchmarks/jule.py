"""A period of JULE on MNIST digits, against a plain script of the same steps.

Both sides have the network of the paper for MNIST, start from the same clusters of nearest neighbours in the
pixels, take 20 passes of batches of 100, embed all images and merge nine tenths of the clusters. Ours also prints
the share of its time that is left for the network beside graphs, merging and the loss (but for its gradient).
CPU seconds of one thread; there is no side for GPUs.
"""

import gzip
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from tests.benchmarks.call import cpu_side
from tests.benchmarks.clocked import Clock
from tests.benchmarks.comparison import Comparison, Side
from tests.benchmarks.plainjule import merge, neighbour_weights, triplets

_MNIST = Path(__file__).parents[3] / "shared" / "datasets" / "mnist" / "t10k-images-idx3-ubyte.gz"
_DIGITS, _CLUSTERS, _NEIGHBOURS, _BATCH, _EPOCHS, _ETA = 2_000, 10, 20, 100, 20, 0.9


def digits() -> np.ndarray:
    """The first MNIST test digits, uint8 (n, 1, 28, 28)."""
    if not _MNIST.exists():
        raise SystemExit(f"{_MNIST} does not exist; put the MNIST test images there")
    return np.frombuffer(gzip.decompress(_MNIST.read_bytes()), np.uint8, offset=16).reshape(-1, 1, 28, 28)[
        :_DIGITS
    ]


def ours(folder: Path, precision: str = "float32") -> Iterator[str | None]:
    """A period with products of that precision."""
    import torch

    from stages.clustering.merge_rule import Rule
    from stages.deep.jule import periods
    from stages.deep.jule.agglomeration import Agglomeration
    from stages.deep.jule.convolutions import NETWORKS, ConvEncoder, initialise_convolutions
    from stages.deep.jule.on_images import ImageJULE, ImageTrainee
    from stages.deep.jule.periods import Recurrence

    torch.set_num_threads(1)
    images = np.load(folder / "images.npy")
    ImageJULE(2, epochs=1, batch_size=20).fit(images[:100])  # the kernels are compiled
    network = ConvEncoder(images.shape[1:], *NETWORKS["mnist"])
    initialise_convolutions(network, torch.Generator().manual_seed(0))
    network = network.to(memory_format=torch.channels_last)
    trainee = ImageTrainee(network, torch.from_numpy(images))
    agglomeration = Agglomeration(_NEIGHBOURS, 1.0, Rule(5, 1.0), 0.0)
    plan = ImageJULE(
        _CLUSTERS,
        **{"eta": _ETA, "epochs": _EPOCHS, "batch_size": _BATCH, "precision": precision},
        **{"negatives": "all", "gamma": 1.0, "dampening": 0.9},
    )
    graph = agglomeration.graph(trainee.features(_BATCH, 0))
    start = agglomeration.start(graph, _CLUSTERS)
    training = Recurrence(trainee, agglomeration, plan, start, torch.Generator().manual_seed(0))
    clock = Clock()
    clock.on(Agglomeration, "graph", "merge")
    clock.on(periods, "triplet_loss")
    yield None
    period, share = clock.around(training.period)
    yield f"{share}; {period.clusters} clusters left"


ours_bfloat16 = partial(ours, precision="bfloat16")


def plain(folder: Path) -> Iterator[str | None]:
    """The same period by a plain script."""
    import torch
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(0)
    images = np.load(folder / "images.npy")
    rows = images.reshape(len(images), -1).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    weights = neighbour_weights(rows, _NEIGHBOURS)
    everything = np.arange(len(images))
    nearest = coo_matrix((np.ones(len(images)), (everything, weights.argmax(axis=1))), weights.shape)
    labels = connected_components(nearest, directed=False)[1]
    network = nn.Sequential(
        *(nn.Conv2d(1, 50, 5), nn.BatchNorm2d(50), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True)),
        *(nn.Conv2d(50, 50, 5), nn.BatchNorm2d(50), nn.ReLU(), nn.Flatten(), nn.Linear(3200, 160)),
    )
    optimiser = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, dampening=0.9, weight_decay=5e-5)
    pixels = torch.from_numpy(images.astype(np.float32) / 255)
    yield None
    for _ in range(_EPOCHS):
        for batch in torch.randperm(len(images)).split(_BATCH):
            loss = triplets(nn.functional.normalize(network(pixels[batch])), labels[batch.numpy()])
            if loss is not None:
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
    with torch.no_grad():
        parts = [nn.functional.normalize(network.eval()(part)) for part in pixels.split(_BATCH)]
    weights = neighbour_weights(torch.cat(parts).numpy(), _NEIGHBOURS)
    count = labels.max() + 1
    labels = merge(weights, labels, max(_CLUSTERS, count - int(np.ceil(_ETA * count))))
    yield f"{labels.max() + 1} clusters left"


def _sides(our_side: str, folder: Path) -> tuple[Side, Side]:
    np.save(folder / "images.npy", digits())
    return cpu_side(__name__, our_side, folder), cpu_side(__name__, "plain", folder)


_WHAT = f"a period of JULE on {_DIGITS:,} MNIST digits, 20 passes and a merging"

COMPARISONS = (
    Comparison(
        "jule-period", f"{_WHAT}, against a plain script", _DIGITS, "CPU s", lambda folder: _sides("ours", folder)
    ),
    Comparison(
        "jule-period-bf16",
        f"{_WHAT}, products in bfloat16, against a plain script (float32)",
        _DIGITS,
        "CPU s",
        lambda folder: _sides("ours_bfloat16", folder),
    ),
)
