"""What the two phases of DEC and IDEC share: records, batches, steps, and the state to go on from.

Batches are drawn on the CPU by a generator of one's own: the order is the same on every device, and the global
random state is neither read nor changed. Nothing waits for the device within a pass, except where a new target is
due.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from stages.deep.dec.autoencoders import Autoencoder
from stages.deep.dec.student import soft_assignments
from stages.deep.distributed import Group
from stages.deep.resume import load_optimiser, optimiser_state, take

PHASES = ("pretrain", "anchor", "refine")
PRECISIONS = ("float32", "bfloat16")
_ROWS = 1024  # embedded at once, at least: nothing is learnt from them, so larger batches only save time


@dataclass(frozen=True)
class Epoch:
    """One pass over the images.

    Attributes: `phase` "pretrain", "anchor" or "refine"; `reconstruction` and `clustering`, the losses, means
    over the images (NaN where the phase has none); `changed`, the share of images (0 to 1) whose cluster is
    another than when it was last looked at (NaN if it was not, in this pass); `labels` int32 (n), the clusters as
    they were then (None likewise).
    """

    phase: str
    reconstruction: float
    clustering: float
    changed: float
    labels: np.ndarray | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Descent:
    """How a phase steps; see the parameters of the same names of `stages.deep.IDEC`."""

    batch_size: int = 256
    optimiser: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    shuffle: bool = True
    reduction: str = "mean"
    precision: str = "float32"
    group: Group = field(default_factory=Group)


class Phase(ABC):
    """One phase of a training: call `epoch` until it is `finished`.

    `network` is trained in place on `views` (n, d_j); `parameters` are what is learnt, leaf tensors.
    """

    def __init__(
        self,
        network: Autoencoder,
        views: Sequence[Tensor],
        parameters: Sequence[Tensor],
        descent: Descent,
        generator: torch.Generator,
    ) -> None:
        self.network, self.views, self.parameters = network, views, parameters
        self.descent, self.generator = descent, generator
        self.n_images, self.device = len(views[0]), views[0].device
        self.epochs = 0
        self._optimiser = _optimiser(parameters, descent)

    @property
    @abstractmethod
    def finished(self) -> bool:
        """Whether there is nothing left to do."""

    @abstractmethod
    def epoch(self) -> Epoch:
        """Pass over the images once and return the record of it."""

    def state(self) -> dict[str, Tensor]:
        """Return all that the next epoch depends on, besides the network's weights."""
        return {
            "epochs": torch.tensor(self.epochs),
            "generator": self.generator.get_state(),
            **optimiser_state(self._optimiser),
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state`; raises `ParameterError` where it is one of another training."""
        self.epochs = int(take(state, "epochs", torch.tensor(0)))
        self.generator.set_state(take(state, "generator", self.generator.get_state()))
        load_optimiser(self._optimiser, state)

    @property
    def n_batches(self) -> int:
        """Steps of one pass."""
        return -(-self.n_images // self.descent.batch_size)

    def _batches(self) -> Iterator[tuple[Tensor, int]]:
        """This process's slice of every batch of image numbers, and the size of the batch; the last is smaller."""
        order = (
            torch.randperm(self.n_images, generator=self.generator)
            if self.descent.shuffle
            else torch.arange(self.n_images)
        )
        for batch in order.to(self.device).split(self.descent.batch_size):
            yield self.descent.group.share(batch), len(batch)

    def _step(self, losses: Tensor, batch: int) -> None:
        """Descend the losses (b) of this process's slice of a batch of `batch` images."""
        self._optimiser.zero_grad(set_to_none=True)
        loss = losses.sum()
        (loss if self.descent.reduction == "sum" else loss / batch).backward()
        self.descent.group.sum_gradients(self.parameters)
        self._optimiser.step()


def embed(
    encoder: Callable[[Sequence[Tensor]], Tensor],
    views: Sequence[Tensor],
    batch_size: int,
    precision: str = "float32",
    group: Group | None = None,
) -> Tensor:
    """Return the embedding (n, width) of the views (n, d_j) by an encoder, some rows at a time."""
    group = group or Group.current()
    shares = [group.share(view) for view in views]
    rows = max(batch_size, _ROWS)
    starts = range(0, max(len(shares[0]), 1), rows)
    with torch.no_grad(), autocast(views[0].device, precision):
        parts = [encoder([share[start : start + rows] for share in shares]) for start in starts]
    return group.gather(torch.cat(parts).to(views[0].dtype), len(views[0]))


@torch.no_grad()
def assign(embedding: Tensor, centers: Tensor, batch_size: int) -> Tensor:
    """Return the soft assignments (n, k) of an embedding (n, width), computed some images at a time."""
    return torch.cat([soft_assignments(part, centers) for part in embedding.split(max(batch_size, _ROWS))])


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context in which matrix products are of that `precision`, one of `PRECISIONS`."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def full_precision(rows: Tensor) -> Tensor:
    """Return the rows in float32 at least: distances of bfloat16 have too few digits for a loss."""
    return rows.to(torch.promote_types(rows.dtype, torch.float32))


def _optimiser(parameters: Sequence[Tensor], descent: Descent) -> torch.optim.Optimizer:
    """The optimiser; one fused kernel a step reads and writes each value once, not once for every operation."""
    fused = parameters[0].device.type in ("cpu", "cuda")
    if descent.optimiser == "sgd":
        return torch.optim.SGD(parameters, lr=descent.learning_rate, momentum=descent.momentum, fused=fused)
    return torch.optim.Adam(parameters, lr=descent.learning_rate, fused=fused)
