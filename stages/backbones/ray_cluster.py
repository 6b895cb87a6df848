"""Extraction on a Ray cluster: every node runs the same extractor on the shards it is handed.

The weights and the images are sent to the nodes; `stages.core.engine` says what else they need.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.backbones.extraction import Decode, Features, Recipe, ShardExtractor
from stages.core.engine import RETRIES, Versions, check_versions, fetched, offered, versions
from stages.core.errors import ClusterError
from stages.core.runlog import Timings

if TYPE_CHECKING:
    import torch

_AHEAD = 2  # shards that wait for a worker: it never waits for the next, and the driver holds few in memory


class RayExtractor:
    """The extractors of a cluster, called as one `ShardExtractor` is; shards come in the order they are done.

    On CUDA there is one worker for each GPU of the cluster, on the CPU one for each node, with all its cores.
    `ray` comes from `stages.core.engine.ray_cluster`.
    """

    def __init__(self, ray: Any, recipe: Recipe, weights: Path, decode: Decode, device: "torch.device") -> None:
        self._ray = ray
        self.timings = Timings()
        resource = "GPU" if device.type == "cuda" else "CPU"
        self._weights = [ray.put(weights.read_bytes())]  # in a list, each worker fetches them when it starts
        self._workers = []
        for node in ray.nodes():
            available = offered(node, resource)
            for count in [1] * available if resource == "GPU" else [available] * bool(available):
                place = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                needs = {"num_gpus": 1} if resource == "GPU" else {"num_cpus": count}
                again = {"max_restarts": RETRIES, "max_task_retries": RETRIES}
                worker = ray.remote(_Worker).options(scheduling_strategy=place, **needs, **again)
                threads = 0 if resource == "GPU" else count
                given = recipe, weights.name, decode, device.type, threads
                self._workers.append(worker.remote(versions(), *given))
        if not self._workers:
            raise ClusterError(f"the Ray cluster has no {resource} to offer; add a node to it")
        described = [worker.describe.remote(self._weights) for worker in self._workers]  # and all are made ready
        self.dimensions, self.batch_size, self.compiler, self._facts = fetched(ray, described[0])

    def facts(self) -> dict[str, Any]:
        """The facts that the cluster's machines, taken to be alike, add to those of the recipe."""
        return dict(self._facts)

    def __call__(
        self, shards: Iterable[tuple[int, Iterable[bytes]]], advance: Callable[[int], None] = lambda count: None
    ) -> Iterator[tuple[int, Features]]:
        """Yield (number, features) for each (number, encoded images); `advance` gets the number of images done."""
        free = self._workers * _AHEAD
        under_way: dict[Any, Any] = {}

        def finish() -> tuple[int, Features]:
            with self.timings.measure("wait for features"):
                (finished,), _ = self._ray.wait(list(under_way))
            free.append(under_way.pop(finished))
            shard, features = fetched(self._ray, finished)
            advance(len(next(iter(features.values()))))
            return shard, features

        for shard, encoded in shards:
            if not free:
                yield finish()
            worker = free.pop(0)
            under_way[worker.extract.remote(self._weights, shard, list(encoded))] = worker
        while under_way:
            yield finish()


class _Worker:
    """One extractor, in a process of the cluster; `weights` holds the reference of their bytes.

    They are no argument of the constructor: Ray warns that a worker may start again when these are gone.
    """

    def __init__(
        self, driver: Versions, recipe: Recipe, name: str, decode: Decode, device: str, threads: int
    ) -> None:
        self._driver, self._name = driver, name
        self._given = recipe, decode, device, threads
        self._made: ShardExtractor | None = None

    def describe(self, weights: list[Any]) -> tuple[dict[str, int], int, str, dict[str, Any]]:
        extractor = self._extractor(weights)
        return extractor.dimensions, extractor.batch_size, extractor.compiler, extractor.facts()

    def extract(self, weights: list[Any], shard: int, encoded: list[bytes]) -> tuple[int, Features]:
        return next(self._extractor(weights)([(shard, encoded)]))

    def _extractor(self, weights: list[Any]) -> ShardExtractor:
        if self._made is None:
            import ray
            import torch

            check_versions(self._driver)
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / self._name
                file.write_bytes(ray.get(weights[0]))
                recipe, decode, device, threads = self._given
                self._made = ShardExtractor(
                    recipe, file, decode, torch.device(device), workers=threads, strict=True
                )
        return self._made
