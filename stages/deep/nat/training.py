"""The epochs of noise as targets: targets find their images within batches, and outputs come nearer to them."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stages.deep.checkpoint import take
from stages.deep.image_networks import FeatureEncoder
from stages.deep.image_training import ImageTraining
from stages.deep.nat.parameters import NoiseEpoch, NoiseParameters
from stages.deep.nat.targets import nearest_order, noise_loss


@dataclass(eq=False)
class NoiseTraining(ImageTraining[NoiseEpoch]):
    """Train the network towards points of `noise`, float32 (n, d), which never move; images exchange them.

    `owned`, int64 (n), has the number of each image's point.
    """

    network: FeatureEncoder
    plan: NoiseParameters
    noise: Tensor

    def __post_init__(self) -> None:
        super().__post_init__()
        self.owned = torch.arange(len(self.images), device=self.images.device)

    def _optimiser_of(self) -> torch.optim.SGD:
        return torch.optim.SGD(self.network.parameters(), lr=self.plan.learning_rate)

    def _epoch(self) -> NoiseEpoch:
        permuting = self.epochs % self.plan.permute_every == 0
        before = self.owned.clone()
        total = torch.zeros((), device=self.images.device)
        self.network.train()
        for batch in self._batches():
            views = self.augmentation.views(self.images[batch], self.chance)
            with self._autocast():
                outputs = self.network.output(self.network.features(views))
            points = nn.functional.normalize(outputs.float())
            if permuting:
                self._permute(batch, points.detach())
            losses = noise_loss(points, self.noise[self.owned[batch]])
            self._step(losses.sum())
            total += losses.detach().sum()
        loss = total.item() / len(self.images)
        self._check("loss", loss)
        moved = (self.owned != before).float().mean().item()
        return NoiseEpoch(NoiseEpoch.PHASES[permuting], loss, moved, None)

    def _permute(self, batch: Tensor, points: Tensor) -> None:
        """Exchange the targets of a batch of images, int64 (b), by their outputs (b, d)."""
        self._check("sum of the outputs", points.sum().item())
        owned = self.owned[batch]
        self.owned[batch] = owned[nearest_order(points, self.noise[owned])]

    def state(self) -> dict[str, Tensor]:
        return {**super().state(), "owned": self.owned}

    def load(self, state: Mapping[str, Tensor]) -> None:
        super().load(state)
        self.owned.copy_(take(state, "owned", self.owned))
