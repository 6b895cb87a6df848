"""Extraction on a Ray cluster: every node runs the same extractor on the shards it is handed.

Ray is an optional extra. The nodes need this project's dependencies; its code, the weights and the images are sent
to them, so they need no file of ours and no shared disk.
"""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import stages
from stages.backbones.extraction import Decode, Features, Recipe, ShardExtractor
from stages.core.errors import BackboneError, ParameterError, one_line
from stages.core.runlog import Timings

if TYPE_CHECKING:
    import torch

_AHEAD = 2  # shards that wait for a worker: it never waits for the next, and the driver holds few in memory


@contextmanager
def ray_extractor(
    recipe: Recipe, weights: Path, decode: Decode, device: "torch.device"
) -> Iterator["RayExtractor"]:
    """Connect to the cluster that RAY_ADDRESS names and start the workers; they end with the block.

    On CUDA one worker for each GPU of the cluster, on the CPU one worker for each node, with all its cores.
    Raises `ParameterError` when Ray is not installed, or no cluster is named or found.
    """
    try:
        import ray
    except ImportError:
        raise ParameterError("engine 'ray' needs the extra: pip install 'manyviews[ray]'") from None
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        raise ParameterError(
            "engine 'ray' needs RAY_ADDRESS, the address of a cluster that `ray start` has started"
        )
    code = {"py_modules": [str(Path(stages.__file__).parent)]}  # the nodes run this very code
    try:
        ray.init(address=address, runtime_env=code, log_to_driver=False, configure_logging=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ParameterError(f"no Ray cluster answers at RAY_ADDRESS={address} ({one_line(error)})") from None
    try:
        yield RayExtractor(ray, recipe, weights, decode, device)
    finally:
        ray.shutdown()


class RayExtractor:
    """The extractors of a cluster, called as one `ShardExtractor` is; shards come in the order they are done."""

    def __init__(self, ray: Any, recipe: Recipe, weights: Path, decode: Decode, device: "torch.device") -> None:
        self._ray = ray
        self.timings = Timings()
        resource = "GPU" if device.type == "cuda" else "CPU"
        content = ray.put(weights.read_bytes())
        self._workers = []
        for node in ray.nodes():
            available = int(node["Resources"].get(resource, 0)) if node["Alive"] else 0
            for count in [1] * available if resource == "GPU" else [available] * bool(available):
                place = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                needs = {"num_gpus": 1} if resource == "GPU" else {"num_cpus": count}
                worker = ray.remote(_Worker).options(scheduling_strategy=place, **needs)
                threads = 0 if resource == "GPU" else count
                self._workers.append(worker.remote(recipe, weights.name, content, decode, device.type, threads))
        if not self._workers:
            raise ParameterError(f"the Ray cluster has no {resource} to offer; add a node to it")
        self.dimensions, self.batch_size, self.compiler, self._facts = self._get(
            self._workers[0].describe.remote()
        )

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
            shard, features = self._get(finished)
            advance(len(next(iter(features.values()))))
            return shard, features

        for shard, encoded in shards:
            if not free:
                yield finish()
            worker = free.pop(0)
            under_way[worker.extract.remote(shard, list(encoded))] = worker
        while under_way:
            yield finish()

    def _get(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            reason = str(getattr(error, "cause", None) or error).strip().splitlines()[-1]
            raise BackboneError(
                f"a worker of the Ray cluster failed ({reason}); run this again to go on"
            ) from None


class _Worker:
    """One extractor, in a process of the cluster."""

    def __init__(
        self, recipe: Recipe, name: str, weights: bytes, decode: Decode, device: str, threads: int
    ) -> None:
        import torch

        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / name
            file.write_bytes(weights)
            self._extractor = ShardExtractor(
                recipe, file, decode, torch.device(device), workers=threads, strict=True
            )

    def describe(self) -> tuple[dict[str, int], int, str, dict[str, Any]]:
        extractor = self._extractor
        return extractor.dimensions, extractor.batch_size, extractor.compiler, extractor.facts()

    def extract(self, shard: int, encoded: list[bytes]) -> tuple[int, Features]:
        return next(self._extractor([(shard, encoded)]))
