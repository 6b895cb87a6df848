"""The epochs of multi-modal deep clustering: a pass of the rotation task, then one of the clustering."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from stages.core.errors import ParameterError
from stages.deep.checkpoint import take
from stages.deep.clusters import matched
from stages.deep.image_estimator import kmeans_of
from stages.deep.image_training import ImageTraining, gradient_descent
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
class MixtureTraining(ImageTraining[MixtureEpoch]):
    """Train the network towards `targets`, which move between images.

    `turns` is the linear head of the rotation task, on the network's features; None trains without the task.
    """

    network: MixtureEncoder
    plan: MixtureParameters
    turns: nn.Linear | None
    targets: Targets

    @property
    def heads(self) -> Mapping[str, nn.Module]:
        return {} if self.turns is None else {"turns": self.turns}

    def _optimiser_of(self) -> torch.optim.SGD:
        modules = [self.network, *self.heads.values()]
        return gradient_descent(modules, self.plan.learning_rate, self.plan.momentum, self.plan.weight_decay)

    def _epoch(self) -> MixtureEpoch:
        for group in self._optimiser.param_groups:
            late = self.epochs >= self.plan.decay_epoch
            group["lr"] = self.plan.learning_rate * (self.plan.decay if late else 1)
        rotation = math.nan
        if self.turns is not None:
            self._check("rotation loss", rotation := self._rotations(self.turns, self.augmentation.plain_views))
        refining = self.epochs >= self.plan.refine_epoch
        if refining:
            self._refine()
        loss = self._clusters(assigning=not refining)
        self._check("loss", loss)
        labels, changed = self._relabel(self.targets.means)
        return MixtureEpoch(MixtureEpoch.PHASES[refining], loss, rotation, changed, labels)

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
        k = len(self.targets.means)
        clusters = kmeans_of(self._outputs(), k, _STARTS, self.order).labels_
        components = torch.from_numpy(matched(clusters, self.targets.components.cpu().numpy(), k))
        self.targets.components.copy_(components)
        self.targets.points.copy_(nn.functional.normalize(self.targets.means)[self.targets.components])

    def state(self) -> dict[str, Tensor]:
        return {**super().state(), "components": self.targets.components, "points": self.targets.points}

    def load(self, state: Mapping[str, Tensor]) -> None:
        super().load(state)
        self.targets.components.copy_(take(state, "components", self.targets.components))
        self.targets.points.copy_(take(state, "points", self.targets.points))
