"""The epochs of a network that learns which rotation an image has."""

from dataclasses import dataclass

import torch

from stages.deep.image_networks import FeatureEncoder
from stages.deep.image_training import ImageTraining, gradient_descent
from stages.deep.rotnet.parameters import RotationEpoch, RotationParameters


@dataclass(eq=False)
class RotationTraining(ImageTraining[RotationEpoch]):
    """Train the network to recognise which of four rotations a view has, as each view with all four."""

    network: FeatureEncoder
    plan: RotationParameters

    def _optimiser_of(self) -> torch.optim.SGD:
        return gradient_descent(
            [self.network], self.plan.learning_rate, self.plan.momentum, self.plan.weight_decay
        )

    def _epoch(self) -> RotationEpoch:
        passed = sum(self.epochs >= epoch for epoch in self.plan.decay_epochs)
        for group in self._optimiser.param_groups:
            group["lr"] = self.plan.learning_rate * self.plan.decay**passed
        loss = self._rotations(self.network.output, self.augmentation.views)
        self._check("loss", loss)
        return RotationEpoch("train", loss, None)
