"""The epochs of multi-modal deep clustering: a pass of the rotation task, then one of the clustering."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from stages.clustering.kmeans import KMeans
from stages.core.device import autocast
from stages.core.errors import ParameterError
from stages.deep.checkpoint import load_optimiser, optimiser_state, take
from stages.deep.clusters import matched, nearest_centres
from stages.deep.image_encoding import embed_images
from stages.deep.mmdc.augmentation import Augmentation, quarter_turns
from stages.deep.mmdc.network import MixtureEncoder
from stages.deep.mmdc.parameters import MixtureEpoch, MixtureParameters

_STARTS = 10  # of the K-means of a refinement


class Targets(NamedTuple):
    """Points on the unit sphere.

    means : float32 (k, k), of the components.
    components : int64 (n), the component of every point.
    points : float32 (n, k), rows of length 1.
    """

    means: Tensor
    components: Tensor
    points: Tensor

    def move(self, images: Tensor, others: Tensor) -> None:
        """Give the `images`, int64 (b), the targets of `others`, the same images in another order."""
        self.components[images] = self.components[others]
        self.points[images] = self.points[others]


def draw_targets(n: int, k: int, means: str, sigma: float, generator: torch.Generator) -> Targets:
    """Draw n points of a mixture of k components of the standard deviation `sigma` in each of k dimensions.

    Means are the unit vectors ("one_hot"), or drawn from (-.1, .1) in each dimension ("random"). Every point's
    component is drawn by itself, so that their sizes are equal only nearly; points are divided by their length.
    Raises `ParameterError` for a `sigma` whose points are not finite as float32.
    """
    centres = torch.eye(k) if means == "one_hot" else torch.rand((k, k), generator=generator) * 0.2 - 0.1
    components = torch.randint(k, (n,), generator=generator)
    points = centres[components] + sigma * torch.randn((n, k), generator=generator)
    if not points.square().sum(dim=1).isfinite().all():
        raise ParameterError(f"sigma is {sigma}, too large for float32; give one near the means, up to 1")
    return Targets(centres, components, torch.nn.functional.normalize(points))


def assigned(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the order, int64 (b), in which targets (b, k) are nearest to outputs (b, k) altogether.

    Output i gets the target of number order[i]; the sum of the Euclidean distances is the least there is (linear
    assignment, solved exactly). The result is on the device of the targets.
    """
    from scipy.optimize import linear_sum_assignment

    mode = "donot_use_mm_for_euclid_dist"  # from products, distances near 0 would lose their digits
    costs = torch.cdist(outputs, targets, compute_mode=mode).cpu().numpy()
    return torch.from_numpy(linear_sum_assignment(costs)[1]).to(targets.device)


@dataclass(eq=False)
class MixtureTraining:
    """Train `network` in place on `images`, uint8 (n, c, h, w), towards `targets`, which move between images.

    `turns` is the linear head of the rotation task, on the network's features; None trains without the task.
    `order` is a generator on the CPU, for what must be the same on every device; `chance` one on the images'
    device.
    """

    network: MixtureEncoder
    turns: nn.Linear | None
    images: Tensor
    targets: Targets
    augmentation: Augmentation
    plan: MixtureParameters
    order: torch.Generator
    chance: torch.Generator

    def __post_init__(self) -> None:
        self.epochs = 0
        self.labels: np.ndarray | None = None
        self._optimiser = _optimiser([self.network, *([] if self.turns is None else [self.turns])], self.plan)

    @property
    def finished(self) -> bool:
        return self.epochs >= self.plan.epochs

    def epoch(self) -> MixtureEpoch:
        """Run the next epoch and return its record."""
        for group in self._optimiser.param_groups:
            late = self.epochs >= self.plan.decay_epoch
            group["lr"] = self.plan.learning_rate * (self.plan.decay if late else 1)
        rotation = math.nan
        if self.turns is not None:
            self._check("rotation loss", rotation := self._rotations())
        refining = self.epochs >= self.plan.refine_epoch
        if refining:
            self._refine()
        loss = self._clusters(assigning=not refining)
        self._check("loss", loss)
        before, self.labels = self.labels, nearest_centres(self._outputs(), self.targets.means)
        changed = math.nan if before is None else float((before != self.labels).mean())
        self.epochs += 1
        return MixtureEpoch(MixtureEpoch.PHASES[refining], loss, rotation, changed, self.labels)

    def _rotations(self) -> float:
        """A pass that trains the network to predict each image's rotation; return its mean cross-entropy."""
        assert self.turns is not None
        total = torch.zeros((), device=self.images.device)
        self.network.train()
        for batch in self._batches():
            views = quarter_turns(self.augmentation.plain_views(self.images[batch], self.chance))
            turned = torch.arange(4, device=views.device).repeat_interleave(len(batch))
            with self._autocast():
                logits = self.turns(self.network.features(views))
            loss = nn.functional.cross_entropy(logits.float(), turned)
            self._step(loss)
            total += loss.detach() * len(batch)
        return total.item() / len(self.images)

    def _clusters(self, assigning: bool) -> float:
        """A pass towards the targets, which are first `assigned` again within each batch; its mean loss."""
        total = torch.zeros((), device=self.images.device)
        for batch in self._batches():
            images = self.images[batch]
            if assigning:
                with torch.no_grad(), self._autocast():
                    outputs = self.network.eval()(images)
                self._check("sum of the outputs", outputs.sum().item())
                self.targets.move(batch, batch[assigned(outputs, self.targets.points[batch])])
            self.network.train()
            views = self.augmentation.views(images, self.chance)
            with self._autocast():
                outputs = self.network.outputs(views)
            loss = (outputs - self.targets.points[batch]).square().mean()
            self._step(loss)
            total += loss.detach() * len(batch)
        return total.item() / len(self.images)

    def _refine(self) -> None:
        """Make the targets the means of the components that clusters of K-means on the outputs share most with."""
        outputs = self._outputs().cpu().numpy()
        k = len(self.targets.means)
        seed = int(torch.randint(2**31 - 1, (), generator=self.order))
        found = KMeans(min(k, len(np.unique(outputs, axis=0))), n_init=_STARTS, random_state=seed)
        clusters = found.fit_predict(outputs)
        components = torch.from_numpy(matched(clusters, self.targets.components.cpu().numpy(), k))
        self.targets.components.copy_(components)
        self.targets.points.copy_(nn.functional.normalize(self.targets.means)[self.targets.components])

    def _outputs(self) -> Tensor:
        """The outputs of the network for all images, float32 (n, k)."""
        with self._autocast():
            outputs = embed_images(self.network.eval(), self.images)
        self._check("sum of the outputs", outputs.sum().item())
        return outputs

    def _batches(self) -> Iterator[Tensor]:
        """All images once, in batches of equal size, give or take one: an image alone would have no statistics."""
        order = torch.randperm(len(self.images), generator=self.order).to(self.images.device)
        yield from order.tensor_split(-(-len(order) // self.plan.batch_size))

    def _step(self, loss: Tensor) -> None:
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self._optimiser.step()

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
            "components": self.targets.components,
            "points": self.targets.points,
            **optimiser_state(self._optimiser),
        }
        return state if self.labels is None else {**state, "labels": torch.from_numpy(self.labels)}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state`; raises `ParameterError` where it is one of another training."""
        self.epochs = int(take(state, "epochs", torch.tensor(0)))
        self.order.set_state(take(state, "order", self.order.get_state()))
        self.chance.set_state(take(state, "chance", self.chance.get_state()))
        self.targets.components.copy_(take(state, "components", self.targets.components))
        self.targets.points.copy_(take(state, "points", self.targets.points))
        if "labels" in state:
            self.labels = take(state, "labels", torch.empty(len(self.images), dtype=torch.int32)).numpy()
        load_optimiser(self._optimiser, state)


def _optimiser(modules: Sequence[nn.Module], plan: MixtureParameters) -> torch.optim.SGD:
    """Gradient descent with momentum; scales and shifts (one-dimensional parameters) have no weight decay."""
    parameters = [parameter for module in modules for parameter in module.parameters()]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": plan.weight_decay},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=plan.learning_rate, momentum=plan.momentum)
