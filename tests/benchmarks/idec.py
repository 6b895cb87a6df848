"""IDEC's clustering phase against ClustPy's: the same stacked autoencoder, batches, optimiser and one thread.

The other side needs ClustPy, for which `pip install --no-deps clustpy tqdm` is enough beside this project. What
both must multiply is the same: d-500-500-2000-10 and its mirror image, forward and backward. In float32 these
products alone take four fifths of ClustPy's time, which bounds the ratio; bfloat16 halves that on processors that
have it.
"""

import contextlib
import gzip
import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tests.benchmarks.call import cpu_side
from tests.benchmarks.comparison import Comparison, Side

_MNIST = Path(__file__).parents[3] / "shared" / "datasets" / "mnist" / "t10k-images-idx3-ubyte.gz"
_LAYERS = (500, 500, 2000, 10)
_BATCH = 256
_EPOCHS = {"umist": 20, "mnist5k": 4}
_CLUSTERS = {"umist": 20, "mnist5k": 10}


def faces() -> np.ndarray:
    """Random float32 (575, 1280), none negative, rows of mean square 1: as the UMist faces' features are."""
    rows = np.random.default_rng(0).gamma(0.5, size=(575, 1280)).astype(np.float32)
    scaled: np.ndarray = rows / np.sqrt(np.square(rows).mean(axis=1, keepdims=True))
    return scaled


def digits() -> np.ndarray:
    """The first 5,000 MNIST test digits, float32 (5000, 784), divided by 50 as IDEC's code does."""
    if not _MNIST.exists():
        raise SystemExit(f"{_MNIST} does not exist; put the MNIST test images there")
    pixels = np.frombuffer(gzip.decompress(_MNIST.read_bytes()), np.uint8, offset=16)
    return pixels.reshape(-1, 784)[:5000].astype(np.float32) / np.float32(50)


def _load(folder: Path) -> tuple[str, np.ndarray]:
    return (folder / "name.txt").read_text(), np.load(folder / "features.npy")


def _ours(folder: Path, precision: str) -> Iterator[str | None]:
    import torch

    from stages.deep.dec.autoencoders import build_autoencoder
    from stages.deep.dec.estimators import IDEC
    from stages.deep.dec.phases import Clustering
    from stages.deep.networks import initialise

    torch.set_num_threads(1)
    name, features = _load(folder)
    network = build_autoencoder(_LAYERS, [features.shape[1]], 0)
    initialise(network, torch.Generator().manual_seed(0))
    k = _CLUSTERS[name]
    passes = {"anchor_epochs": 0, "refine_epochs": 10**6, "update_interval": 140, "tolerance": 0.0}
    training = Clustering(
        network,
        [torch.from_numpy(features)],
        IDEC(k, **passes, batch_size=_BATCH, precision=precision),
        torch.Generator().manual_seed(0),
        centres=torch.randn(k, _LAYERS[-1], generator=torch.Generator().manual_seed(0)),
        labels=torch.arange(len(features)) % k,
        gamma=0.1,
    )
    training.epoch()
    yield None
    yield _timed(lambda: [training.epoch() for _ in range(_EPOCHS[name])], _EPOCHS[name])


def ours(folder: Path) -> Iterator[str | None]:
    """IDEC in float32, its target recomputed every 140 batches."""
    yield from _ours(folder, "float32")


def ours_bfloat16(folder: Path) -> Iterator[str | None]:
    """The same with matrix products in bfloat16."""
    yield from _ours(folder, "bfloat16")


def theirs(folder: Path) -> Iterator[str | None]:
    """ClustPy's training loop of IDEC, whose target is recomputed in every batch."""
    import torch

    torch.set_num_threads(1)
    try:
        from clustpy.deep._data_utils import get_dataloader
        from clustpy.deep._utils import mean_squared_error
        from clustpy.deep.dec import _DEC_Module
        from clustpy.deep.neural_networks import FeedforwardAutoencoder
    except ImportError as error:
        raise SystemExit(f"{error}; `pip install --no-deps clustpy tqdm` for the other side") from None
    name, features = _load(folder)
    network = FeedforwardAutoencoder([features.shape[1], *_LAYERS], random_state=0)
    batches = get_dataloader(features, _BATCH, True)
    centers = np.random.default_rng(0).normal(size=(_CLUSTERS[name], _LAYERS[-1])).astype(np.float32)
    module = _DEC_Module(centers, 1.0)
    optimiser = torch.optim.Adam([*network.parameters(), *module.parameters()], lr=1e-3)

    def run(epochs: int) -> None:
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
            module.fit(network, batches, epochs, torch.device("cpu"), optimiser, mean_squared_error, 0.1, 1.0)

    run(1)
    yield None
    yield _timed(lambda: run(_EPOCHS[name]), _EPOCHS[name])


def _timed(train: Callable[[], object], epochs: int) -> str:
    started = time.process_time()
    train()
    return f"{(time.process_time() - started) / epochs:.4f} CPU s an epoch"


def _sides(name: str, features: Callable[[], np.ndarray], our_side: str) -> Callable[[Path], tuple[Side, Side]]:
    def prepare(folder: Path) -> tuple[Side, Side]:
        (folder / "name.txt").write_text(name)
        np.save(folder / "features.npy", features())
        return cpu_side(__name__, our_side, folder), cpu_side(__name__, "theirs", folder)

    return prepare


_FACES = "IDEC on random 575 x 1,280 features of the UMist faces' kind, 20 epochs"
_DIGITS = "IDEC on 5,000 MNIST digits, 4 epochs"

COMPARISONS = (
    Comparison("idec-umist", f"{_FACES}, against ClustPy", 575, "CPU s", _sides("umist", faces, "ours")),
    Comparison("idec-mnist5k", f"{_DIGITS}, against ClustPy", 5_000, "CPU s", _sides("mnist5k", digits, "ours")),
    Comparison(
        "idec-umist-bf16",
        f"{_FACES}, products in bfloat16, against ClustPy (float32)",
        575,
        "CPU s",
        _sides("umist", faces, "ours_bfloat16"),
    ),
    Comparison(
        "idec-mnist5k-bf16",
        f"{_DIGITS}, products in bfloat16, against ClustPy (float32)",
        5_000,
        "CPU s",
        _sides("mnist5k", digits, "ours_bfloat16"),
    ),
)
