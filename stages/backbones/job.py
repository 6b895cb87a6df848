"""An extraction as a job: of one process or of several that torchrun started, and going on where it was stopped.

`torchrun --nproc-per-node 8 -m stages.extract ...` starts eight processes, each of which computes its share.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from stages.backbones.shards import ShardStore
from stages.core.device import torchrun_place

if TYPE_CHECKING:
    from stages.backbones.extraction import ShardExtractor
    from stages.backbones.ray_cluster import RayExtractor

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """This process is number `rank` of `size`, and number `local` on its machine."""

    rank: int = 0
    size: int = 1
    local: int = 0

    def share(self, shards: list[int]) -> list[int]:
        """This process's part of the shards, by their numbers: the same whenever the others look."""
        return [shard for shard in shards if shard % self.size == self.rank]

    def barrier(self) -> None:
        """Wait until all processes are here. If one of them fails, torchrun ends the others."""
        if self.size > 1:
            import torch

            torch.distributed.barrier()

    def from_first(self, make: Callable[[], T]) -> T:
        """Return to all processes what `make` returns to the first one, which alone calls it."""
        made = [make()] if self.rank == 0 else []
        if self.size > 1:
            import torch

            made = made or [None]  # type: ignore[list-item]
            torch.distributed.broadcast_object_list(made)
        return made[0]


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """Join the job whose environment torchrun has set; without one, this process is all there is."""
    ranks = Ranks(*torchrun_place())
    if ranks.size == 1:
        yield ranks
        return
    import torch

    torch.distributed.init_process_group("gloo")  # only row numbers are ever sent
    try:
        yield ranks
    finally:
        torch.distributed.destroy_process_group()


def compute_missing(
    store: ShardStore,
    extractor: "ShardExtractor | RayExtractor",
    read: Callable[[int, int], Iterable[bytes]],
    ranks: Ranks,
    progress: Callable[[int], AbstractContextManager[Callable[[int], None]]],
    report: Callable[[str], None],
) -> None:
    """Compute the shards that the store lacks; with several processes, each one its share of them.

    `read(start, stop)` gives encoded images, `progress` shows how many of a number of images are done, and
    `report` gets a line from the first process about what an earlier run left.
    """
    if ranks.rank == 0:
        store.discard_others(report)
    ranks.barrier()
    missing = store.missing()
    if ranks.rank == 0 and len(missing) < store.count:
        report(f"{store.count - len(missing)} of {store.count} shards are there from an earlier run")
    todo = [(shard, *store.bounds(shard)) for shard in ranks.share(missing)]
    with progress(sum(stop - start for _, start, stop in todo)) as advance:
        shards = ((shard, read(start, stop)) for shard, start, stop in todo)
        store.save_each(extractor(shards, advance), extractor.timings)
    ranks.barrier()
