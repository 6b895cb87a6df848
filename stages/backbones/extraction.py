"""The extractor: shards of images in, one array of features per layer and shard out."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import torch
from PIL import Image

from stages.backbones.batches import Batch, decode_batch, in_batches, ordered_map
from stages.backbones.card import Backbone
from stages.backbones.compilers import make_lanes
from stages.backbones.gpu import OutOfMemory, fitting_batch_size, run_on_gpu
from stages.backbones.layers import LayerNetwork
from stages.backbones.network import load_network
from stages.backbones.timings import Timings
from stages.core.errors import BackboneError

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


class ShardExtractor:
    """Runs shards of encoded images through one network.

    It knows nothing of tables, files or other machines: whoever has the images calls it, here, in another
    process, or on another machine. Calling it with (number, encoded images) of shards yields (number, features)
    in the same order; the next images are decoded meanwhile. Features of a shard depend on its images and the
    recipe alone. `decode` turns an image's bytes into RGB; `report` gets a line about what a user should know.

    Attributes: `recipe`; `dimensions`, the length of each layer's vectors; `batch_size`; `timings`; `compiler`,
    which runs the network in the end: where the recipe's fails, the plain network takes over, unless `strict`.
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
        self._workers = workers or usable_cores()
        self._report = report
        self._exact = recipe.precision == "fp32"
        if device.type == "cpu":
            self._prepare_cpu(network, recipe, strict)
        else:
            torch.cuda.set_device(device)
            self._network = OutOfMemory(network, report)
            with self._numerics():
                self.batch_size = self.batch_size or fitting_batch_size(network, device)

    def facts(self) -> dict[str, Any]:
        """What the machine adds to the recipe's facts."""
        return {
            "device": self._device.type,
            "compiler": self.compiler,
            "batch_size": self.batch_size,
            "torch": torch.__version__,
        }

    def __call__(
        self, shards: Iterable[tuple[int, Iterable[bytes]]], advance: Callable[[int], None] = lambda count: None
    ) -> Iterator[tuple[int, Features]]:
        """Yield (number, features) for each (number, encoded images); `advance` is told of images done."""
        batches = in_batches(shards, self.batch_size)
        run = self._run_on_cpu if self._device.type == "cpu" else self._run_on_gpu
        done: list[list[np.ndarray]] = []
        with self._numerics():
            for batch, layers in run(batches):
                done.append([layer[: len(batch.encoded)] for layer in layers])
                advance(len(batch.encoded))
                if batch.last:
                    columns = zip(*done, strict=True)
                    yield batch.shard, dict(zip(self._layers, map(np.concatenate, columns), strict=True))
                    done = []

    def _prepare_cpu(self, network: LayerNetwork, recipe: Recipe, strict: bool) -> None:
        def make(compiler: str) -> SimpleQueue:
            lanes: SimpleQueue = SimpleQueue()
            for lane in make_lanes(network, compiler, recipe.precision, self.batch_size, self._workers):
                lanes.put(lane)
            return lanes

        with _one_thread():
            try:
                self._lanes = make(recipe.compiler)
            except BackboneError as error:
                if strict or recipe.compiler == "none":
                    raise
                self._report(f"{error}; going on without")
                self.compiler = "none"
                self._lanes = make("none")

    def _run_on_cpu(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, list[np.ndarray]]]:
        """Every core takes a batch, decodes it and runs it through its own lane: none ever waits for another."""

        def work(batch: Batch) -> list[np.ndarray]:
            pixels = self._pixels(batch)
            lane = self._lanes.get()
            try:
                with self.timings.measure("forward"):
                    return lane(pixels)
            finally:
                self._lanes.put(lane)

        with (
            _one_thread(),
            ThreadPoolExecutor(self._workers, initializer=torch.set_num_threads, initargs=(1,)) as pool,
        ):
            yield from self._waiting("features", ordered_map(pool, work, batches, ahead=2 * self._workers))

    def _run_on_gpu(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, list[np.ndarray]]]:
        """The cores decode ahead while the GPU computes."""
        with ThreadPoolExecutor(self._workers) as pool:
            ready = self._waiting("images", ordered_map(pool, self._pixels, batches, ahead=self._workers + 2))
            yield from self._waiting("features", run_on_gpu(self._network, ready, self._device))

    def _pixels(self, batch: Batch) -> np.ndarray:
        with self.timings.measure("decode"):
            # What bfloat16 rounds off outweighs what the faster resizing does by far.
            return decode_batch(batch, self._decode, self._preprocessing, self.batch_size, fast=not self._exact)

    def _waiting(self, what: str, items: Iterator) -> Iterator:
        """Pass items on and add up how long each one was waited for."""
        while True:
            with self.timings.measure(f"wait for {what}"):
                item = next(items, None)
            if item is None:
                return
            yield item

    def _numerics(self) -> AbstractContextManager:
        """On a GPU: the same sums at every run; and in fp32 no TF32, which keeps 10 bits of each factor."""
        if self._device.type != "cuda":
            return nullcontext()
        return torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=not self._exact
        )


class _one_thread:  # noqa: N801 - used like a function
    """PyTorch's operations run on one thread each: the lanes, not the operations, share out the cores."""

    def __enter__(self) -> None:
        self._before = torch.get_num_threads()
        torch.set_num_threads(1)

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self._before)


def usable_cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1
