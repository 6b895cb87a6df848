"""The part of one process in a job that torchrun started: `torchrun --nproc-per-node 8 -m stages.extract ...`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from stages.core.errors import ParameterError


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


@contextmanager
def joined_ranks() -> Iterator[Ranks]:
    """Join the job whose environment torchrun has set; without one, this process is all there is."""
    try:
        ranks = Ranks(*(int(os.environ.get(name, default)) for name, default in _VARIABLES))
    except ValueError:
        values = ", ".join(f"{name}={os.environ.get(name, '')}" for name, _ in _VARIABLES)
        raise ParameterError(f"the environment has {values}; unset them, or start this with torchrun") from None
    if ranks.size == 1:
        yield ranks
        return
    import torch

    torch.distributed.init_process_group("gloo")  # no tensor is ever sent: the processes only wait for each other
    try:
        yield ranks
    finally:
        torch.distributed.destroy_process_group()


_VARIABLES = (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))
