"""The epochs of deep adaptive clustering: pairs are judged as the network sees them, and it learns these."""

from dataclasses import dataclass

import torch
from torch import Tensor

from stages.deep.dac.network import AdaptiveEncoder
from stages.deep.dac.pairs import Pairs, Thresholds, certain_pairs, pair_loss, shares, thresholds
from stages.deep.dac.parameters import AdaptiveEpoch, AdaptiveParameters
from stages.deep.image_training import ImageTraining

_SMOOTHING = 0.9  # of the squared gradients, as in the library of the released code


@dataclass(eq=False)
class AdaptiveTraining(ImageTraining[AdaptiveEpoch]):
    """Train the network on the pairs of images that it is certain of, while it may be less and less certain."""

    network: AdaptiveEncoder
    plan: AdaptiveParameters

    def _optimiser_of(self) -> torch.optim.RMSprop:
        return torch.optim.RMSprop(self.network.parameters(), lr=self.plan.learning_rate, alpha=_SMOOTHING)

    def _epoch(self) -> AdaptiveEpoch:
        bounds = thresholds(self.plan.upper, self.plan.lower, self.epochs / self.plan.epochs)
        total, steps, found = torch.zeros((), device=self.images.device), 0, []
        for block in self._parts(len(self.images), self.plan.block_size):
            pairs = self._certain(block, bounds)
            found.append(shares(pairs) * len(block) / len(self.images))
            for _ in range(self.plan.passes):
                for members in self._parts(len(block), self.plan.batch_size):
                    total += self._learn(self.images[block[members]], pairs.of(members))
                    steps += 1
        loss = total.item() / steps
        self._check("loss", loss)
        known, alike = torch.stack(found).sum(dim=0).tolist()
        labels, changed = self._relabel(torch.eye(self.plan.n_clusters, device=self.images.device))
        return AdaptiveEpoch("train", loss, *bounds, known, alike, changed, labels)

    def _certain(self, block: Tensor, bounds: Thresholds) -> Pairs:
        """The pairs of a block of images that are known, by batch normalisation with the batches' own statistics.

        The running ones lag behind the weights, and know nothing at first.
        """
        count = -(-len(block) // self.plan.batch_size)
        found = []
        for members in block.tensor_split(count):
            self.network.train(len(members) > 1)
            views = self.network.middle(self.images[members])
            with torch.no_grad(), self._autocast():
                found.append(self.network.outputs(views))
        return certain_pairs(torch.cat(found), bounds)

    def _learn(self, images: Tensor, pairs: Pairs) -> Tensor:
        """A gradient step on views of the images; return its loss."""
        self.network.train(len(images) > 1)  # one image has no statistics
        views = self.augmentation.views(images, self.chance)
        with self._autocast():
            features = self.network.outputs(views)
        loss = pair_loss(features, pairs, self.plan.loss)
        self._step(loss)
        return loss.detach()
