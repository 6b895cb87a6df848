"""The training of a network on views of images: what the epochs of all methods have in common."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
import torch
from torch import Tensor, nn

from stages.core.device import autocast
from stages.core.errors import ParameterError
from stages.deep.augmentation import quarter_turns
from stages.deep.checkpoint import AnyRecord, load_optimiser, optimiser_state, take
from stages.deep.clusters import nearest_centres
from stages.deep.image_encoding import embed_images
from stages.deep.image_estimator import CroppedClustering, Start
from stages.deep.image_networks import CroppedEncoder


@dataclass(eq=False)
class ImageTraining(ABC, Generic[AnyRecord]):
    """Train `network` in place on the images of `start`, an epoch at a time.

    A method has its loss in `_epoch` and its optimiser in `_optimiser_of`; what it keeps from one epoch to the
    next beside weights it adds to `state` and `load`.
    """

    network: CroppedEncoder
    start: Start
    plan: CroppedClustering[Any]

    def __post_init__(self) -> None:
        self.images, self.augmentation = self.start.images, self.start.augmentation
        self.order, self.chance = self.start.order, self.start.chance
        self.epochs = 0
        self.labels: np.ndarray | None = None
        self._optimiser = self._optimiser_of()

    @property
    def heads(self) -> Mapping[str, nn.Module]:
        """Return the layers by name that serve the training alone, and whose weights are part of its state."""
        return {}

    @property
    def finished(self) -> bool:
        return self.epochs >= self.plan.epochs

    def epoch(self) -> AnyRecord:
        """Run the next epoch and return its record."""
        record = self._epoch()
        self.epochs += 1
        return record

    @abstractmethod
    def _epoch(self) -> AnyRecord:
        """Run the epoch of number `epochs`, from 0."""

    @abstractmethod
    def _optimiser_of(self) -> torch.optim.Optimizer:
        """Make the optimiser of all parameters that are trained."""

    def _relabel(self, centres: Tensor) -> tuple[np.ndarray, float]:
        """Return the clusters after an epoch, int32 (n), and the share (0 to 1) that changed, NaN for the first.

        An image is in the cluster whose centre, of (k, width), is nearest to its output.
        """
        before, found = self.labels, nearest_centres(self._outputs(), centres)
        self.labels = found
        return found, math.nan if before is None else float((before != found).mean())

    def _outputs(self) -> Tensor:
        """The outputs of the network for all images, float32 (n, k)."""
        with self._autocast():
            outputs = embed_images(self.network.eval(), self.images)
        self._check("sum of the outputs", outputs.sum().item())
        return outputs

    def _batches(self) -> Iterator[Tensor]:
        """All images once, in batches, see `_parts`."""
        yield from self._parts(len(self.images), self.plan.batch_size)

    def _parts(self, count: int, size: int) -> Iterator[Tensor]:
        """The numbers below `count`, int64, in random order and parts of at most `size`, on the images' device.

        Parts are of equal size, give or take one: an image alone would have no statistics.
        """
        order = torch.randperm(count, generator=self.order).to(self.images.device)
        yield from order.tensor_split(-(-count // size))

    def _rotations(self, head: nn.Linear, views: Callable[[Tensor, torch.Generator], Tensor]) -> float:
        """A pass that trains the features and a `head` of four outputs to recognise each image's rotation.

        `views` makes views of images; each is seen in all four rotations. Return the mean cross-entropy.
        """
        total = torch.zeros((), device=self.images.device)
        self.network.train()
        for batch in self._batches():
            turned = quarter_turns(views(self.images[batch], self.chance))
            turns = torch.arange(4, device=turned.device).repeat_interleave(len(batch))
            with self._autocast():
                logits = head(self.network.features(turned))
            loss = nn.functional.cross_entropy(logits.float(), turns)
            self._step(loss)
            total += loss.detach() * len(batch)
        return total.item() / len(self.images)

    def _step(self, loss: Tensor) -> None:
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        try:
            self._optimiser.step()
        except RuntimeError as error:  # of moments' quotients, before any weight could become infinite
            if "overflow" not in str(error):
                raise
            self._check("size of a step", math.inf)

    def _check(self, name: str, value: float) -> None:
        """Refuse to go on from a value that is not finite."""
        if not math.isfinite(value):
            raise ParameterError(
                f"the {name} became {value} in epoch {self.epochs + 1}; lower learning_rate, which is "
                f"{self.plan.learning_rate}"
            )

    def _autocast(self) -> torch.autocast:
        return autocast(self.images.device, self.plan.precision)

    def state(self) -> dict[str, Tensor]:
        """Return all that the next epoch depends on, except weights, by name."""
        state = {
            "epochs": torch.tensor(self.epochs),
            "order": self.order.get_state(),
            "chance": self.chance.get_state(),
            **optimiser_state(self._optimiser),
        }
        return state if self.labels is None else {**state, "labels": torch.from_numpy(self.labels)}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state`; raises `ParameterError` where it is one of another training."""
        self.epochs = int(take(state, "epochs", torch.tensor(0)))
        self.order.set_state(take(state, "order", self.order.get_state()))
        self.chance.set_state(take(state, "chance", self.chance.get_state()))
        if "labels" in state:
            self.labels = take(state, "labels", torch.empty(len(self.images), dtype=torch.int32)).numpy()
        load_optimiser(self._optimiser, state)


def gradient_descent(
    modules: Sequence[nn.Module], learning_rate: float, momentum: float, weight_decay: float
) -> torch.optim.SGD:
    """Gradient descent with momentum; scales and shifts (one-dimensional parameters) have no weight decay."""
    parameters = [parameter for module in modules for parameter in module.parameters()]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=learning_rate, momentum=momentum)
