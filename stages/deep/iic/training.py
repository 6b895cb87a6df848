"""The epochs of invariant information clustering: passes of the auxiliary head, then of the one that clusters."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stages.deep.augmentation import Augmentation, middle_view
from stages.deep.iic.information import mutual_information
from stages.deep.iic.parameters import InformationEpoch, InformationParameters
from stages.deep.image_networks import LabelEncoder
from stages.deep.image_training import ImageTraining


@dataclass(eq=False)
class InformationTraining(ImageTraining[InformationEpoch]):
    """Train the network so that two views of an image say as much as possible about each other's cluster.

    `clusters` and `overclusters` are linear layers on the network's features, all sub-heads side by side;
    `overclusters` is None without the auxiliary head. The network's own output layer is not trained: after each
    epoch it is a copy of the best sub-head.
    """

    network: LabelEncoder
    plan: InformationParameters
    clusters: nn.Linear
    overclusters: nn.Linear | None

    @property
    def heads(self) -> Mapping[str, nn.Module]:
        heads = {"clusters": self.clusters}
        return heads if self.overclusters is None else {**heads, "overclusters": self.overclusters}

    def _optimiser_of(self) -> torch.optim.Adam:
        modules = (self.network.body, *self.heads.values())
        trained = [parameter for module in modules for parameter in module.parameters()]
        return torch.optim.Adam(trained, lr=self.plan.learning_rate)

    def _epoch(self) -> InformationEpoch:
        overclustering = math.nan
        if self.overclusters is not None:
            for _ in range(self.plan.overcluster_passes):
                overclustering = self._pass(self.overclusters).mean().item()
                self._check("overclustering loss", overclustering)
        for _ in range(self.plan.cluster_passes):
            losses = self._pass(self.clusters)
            self._check("loss", losses.mean().item())
        self._keep(int(losses.argmin()))
        labels, changed = self._relabel(torch.eye(self.plan.n_clusters, device=self.images.device))
        return InformationEpoch("train", losses.mean().item(), overclustering, changed, labels)

    def _pass(self, head: nn.Linear) -> Tensor:
        """A pass that trains the features and one head; return the mean loss of each sub-head, (sub_heads)."""
        total = torch.zeros(self.plan.sub_heads, device=self.images.device)
        self.network.train()
        for batch in self._batches():
            images, repeats = self.images[batch], self.plan.repeats
            plain = self._plain_views(images)
            others = self.augmentation.views(images.repeat(repeats, 1, 1, 1), self.chance)
            ours = self._probabilities(head, plain).repeat(repeats, 1, 1)
            losses = -mutual_information(ours, self._probabilities(head, others))
            self._step(losses.mean())
            total += losses.detach() * len(batch)
        return total / len(self.images)

    def _plain_views(self, images: Tensor) -> Tensor:
        """Crops of the first size, some of them in the middle."""
        crop, size = self.augmentation.crops[0], self.augmentation.size
        anywhere = Augmentation((crop,), size).views(images, self.chance)
        if not self.plan.centred:
            return anywhere
        drawn = torch.rand(len(images), generator=self.chance, device=images.device)
        centred = (drawn < self.plan.centred)[:, None, None, None]
        return torch.where(centred, middle_view(images, crop, size), anywhere)

    def _probabilities(self, head: nn.Linear, views: Tensor) -> Tensor:
        """The probabilities of the clusters of views (b, c, s, s), float32 (b, sub_heads, clusters)."""
        with self._autocast():
            logits = head(self.network.features(views))
        rows: Tensor = logits.float()
        return rows.reshape(len(rows), self.plan.sub_heads, -1).softmax(dim=2)

    @torch.no_grad()
    def _keep(self, number: int) -> None:
        """Make a sub-head the output of the network."""
        k, output = self.plan.n_clusters, self.network.output
        output.weight.copy_(self.clusters.weight[number * k : (number + 1) * k])
        output.bias.copy_(self.clusters.bias[number * k : (number + 1) * k])
