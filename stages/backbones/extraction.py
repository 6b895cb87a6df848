"""The extractor: shards of images in, one array of features per layer and shard out."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image

from stages.backbones.card import Backbone
from stages.backbones.compilers import Worker, make_workers
from stages.backbones.gpu import OutOfMemory, fitting_batch_size, run_on_gpu
from stages.backbones.network import LayerNetwork, load_network
from stages.backbones.preprocessing import Batch, decode_batch, in_batches
from stages.core.device import exact_convolutions
from stages.core.errors import BackboneError
from stages.core.memory import keep_freed, require_memory
from stages.core.runlog import Timings

T = TypeVar("T")
R = TypeVar("R")

CPU_BATCH = 8  # images; as fast as larger batches with one thread a batch, faster with compiled small networks

Decode = Callable[[bytes], Image.Image]
Features = dict[str, np.ndarray]  # by layer, float32 (images, d)


@dataclass(frozen=True)
class Recipe:
    """All that decides the bits of a shard's features, but the images and the machine.

    `batch_size` 0 stands for the machine's own: eight on a CPU, what fits on a GPU.
    """

    backbone: Backbone
    layers: tuple[str, ...]
    precision: str
    compiler: str
    batch_size: int = 0

    def facts(self) -> dict[str, Any]:
        """The recipe as JSON can hold it."""
        return {"backbone": self.backbone.to_json(), "layers": self.layers, "precision": self.precision}

    def metadata(self, layer: str) -> dict[str, Any]:
        """How a table of one layer's features was made, as is written with it."""
        return {
            "backbone": self.backbone.name,
            "layer": layer,
            "weights": self.backbone.weights.sha256,
            "preprocessing": asdict(self.backbone.preprocessing),
            "precision": self.precision,
        }


class ShardExtractor:
    """Runs shards of encoded images through one network.

    It knows nothing of tables, files or other machines: whoever has the images calls it, here, in another
    process, or on another machine. Calling it with (number, encoded images) of shards yields (number, features)
    in the same order; the next images are decoded meanwhile. Features of a shard depend on its images and the
    recipe alone. `decode` turns an image's bytes into RGB; `report` gets a line about what a user should know.

    Attributes: `recipe`; `dimensions`, the length of each layer's vectors; `batch_size`; `compiler`, which runs
    the network in the end: where the recipe's fails, the plain network takes over, unless `strict`; `timings`:
    seconds of work ("decode", "forward"), and "wait for ...", seconds in which the loop that hands on the results
    had nothing to do. A long wait names the bottleneck.
    """

    def __init__(
        self,
        recipe: Recipe,
        weights: Path,
        decode: Decode,
        device: torch.device,
        *,
        workers: int = 0,
        strict: bool = False,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.recipe, backbone = recipe, recipe.backbone
        # The pixels of a batch as bytes and as float32; what the network makes of them is more.
        needed = recipe.batch_size * 3 * backbone.preprocessing.crop**2 * (1 + 4)
        what = f"a batch of {recipe.batch_size} images, the batch_size,"
        require_memory(needed, what, "give a smaller one, or 0 for the machine's own")
        layers = {layer: backbone.layers[layer] for layer in recipe.layers}
        network = LayerNetwork(
            load_network(backbone, weights), layers, backbone.preprocessing, recipe.precision
        ).to(device)
        self.dimensions = network.dimensions()
        self.compiler = recipe.compiler
        self.batch_size = recipe.batch_size or (CPU_BATCH if device.type == "cpu" else 0)
        self.timings = Timings()
        self._layers = recipe.layers
        self._preprocessing = backbone.preprocessing
        self._decode, self._device = decode, device
        self._threads = workers or usable_cores()
        self._report = report
        self._exact = recipe.precision == "fp32"
        if device.type == "cpu":
            self._prepare_cpu(network, recipe, strict)
        else:
            torch.cuda.set_device(device)
            self._network = OutOfMemory(network, report)
            with exact_convolutions(device, allow_tf32=not self._exact):
                self.batch_size = self.batch_size or fitting_batch_size(network, device)

    def facts(self) -> dict[str, Any]:
        """The facts that the machine adds to those of the recipe."""
        return {
            "device": self._device.type,
            "processor": dict(getattr(torch.cpu, "get_capabilities", dict)()),  # kernels are chosen by these
            "compiler": self.compiler,
            "batch_size": self.batch_size,
            "torch": torch.__version__,
        }

    def __call__(
        self, shards: Iterable[tuple[int, Iterable[bytes]]], advance: Callable[[int], None] = lambda count: None
    ) -> Iterator[tuple[int, Features]]:
        """Yield (number, features) for each (number, encoded images); `advance` gets the number of images done."""
        batches = in_batches(shards, self.batch_size)
        run = self._run_on_cpu if self._device.type == "cpu" else self._run_on_gpu
        done: list[list[np.ndarray]] = []
        with exact_convolutions(self._device, allow_tf32=not self._exact):
            for batch, layers in run(batches):
                done.append([layer[: len(batch.encoded)] for layer in layers])
                advance(len(batch.encoded))
                if batch.last:
                    columns = zip(*done, strict=True)
                    yield batch.shard, dict(zip(self._layers, map(np.concatenate, columns), strict=True))
                    done = []

    def _prepare_cpu(self, network: LayerNetwork, recipe: Recipe, strict: bool) -> None:
        def make(compiler: str) -> SimpleQueue[Worker]:
            free: SimpleQueue[Worker] = SimpleQueue()
            for worker in make_workers(network, compiler, recipe.precision, self.batch_size, self._threads):
                free.put(worker)
            return free

        keep_freed()
        with _one_thread():
            try:
                self._free = make(recipe.compiler)
            except BackboneError as error:
                if strict or recipe.compiler == "none":
                    raise
                self._report(f"{error}; going on without")
                self.compiler = "none"
                self._free = make("none")

    def _run_on_cpu(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, list[np.ndarray]]]:
        """Every core takes a batch, decodes it and runs it through a worker: none ever waits for another."""

        def work(batch: Batch) -> list[np.ndarray]:
            pixels = self._pixels(batch)
            worker = self._free.get()
            try:
                with self.timings.measure("forward"):
                    return worker(pixels)
            finally:
                self._free.put(worker)

        with (
            _one_thread(),
            ThreadPoolExecutor(self._threads, initializer=torch.set_num_threads, initargs=(1,)) as pool,
        ):
            yield from self._waiting("features", ordered_map(pool, work, batches, ahead=2 * self._threads))

    def _run_on_gpu(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, list[np.ndarray]]]:
        """The cores decode ahead while the GPU computes."""
        with ThreadPoolExecutor(self._threads) as pool:
            ready = self._waiting("images", ordered_map(pool, self._pixels, batches, ahead=self._threads + 2))
            yield from self._waiting("features", run_on_gpu(self._network, ready, self._device))

    def _pixels(self, batch: Batch) -> np.ndarray:
        with self.timings.measure("decode"):
            # The rounding of bfloat16 outweighs the error of the faster resizing by far.
            return decode_batch(batch, self._decode, self._preprocessing, self.batch_size, fast=not self._exact)

    def _waiting(self, what: str, items: Iterator[T]) -> Iterator[T]:
        """Pass items on and add up how long each one was waited for."""
        while True:
            with self.timings.measure(f"wait for {what}"):
                item = next(items, None)
            if item is None:
                return
            yield item


@contextmanager
def _one_thread() -> Iterator[None]:
    """PyTorch's operations run on one thread each: the workers, not the operations, share out the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def usable_cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


def ordered_map(
    pool: Executor, function: Callable[[T], R], items: Iterable[T], ahead: int
) -> Iterator[tuple[T, R]]:
    """Yield (item, function(item)) in the order of `items`, with at most `ahead` of them begun and not taken."""
    begun: deque[tuple[T, Future[R]]] = deque()
    try:
        for item in items:
            begun.append((item, pool.submit(function, item)))
            if len(begun) >= ahead:
                first, future = begun.popleft()
                yield first, future.result()
        while begun:
            first, future = begun.popleft()
            yield first, future.result()
    finally:
        for _, future in begun:
            future.cancel()
