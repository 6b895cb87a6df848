"""The epochs of DeepCluster: the features are clustered, then the network learns to recognise the clusters."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stages.deep.deepcluster.network import WhitenedEncoder
from stages.deep.deepcluster.parameters import PseudoLabelEpoch, PseudoLabelParameters
from stages.deep.deepcluster.sampling import uniform_sample
from stages.deep.image_encoding import embed_images
from stages.deep.image_estimator import kmeans_of
from stages.deep.image_networks import initialise_cropped
from stages.deep.image_training import ImageTraining, gradient_descent
from stages.deep.networks import first_network

_ITERATIONS = 20  # of K-means, which is started once, as in the released code


@dataclass(eq=False)
class PseudoLabelTraining(ImageTraining[PseudoLabelEpoch]):
    """Train the network to recognise the clusters of its own features, `labels`, which are found in each epoch."""

    network: WhitenedEncoder
    plan: PseudoLabelParameters

    def _optimiser_of(self) -> torch.optim.SGD:
        return gradient_descent(
            [self.network.body], self.plan.learning_rate, self.plan.momentum, self.plan.weight_decay
        )

    def _epoch(self) -> PseudoLabelEpoch:
        labels, agreement = self._cluster()
        loss = self._learn(labels)
        self._check("loss", loss)
        if self.epochs + 1 == self.plan.epochs:  # the embedding is that of the network as it ends
            self.network.whiten(self._features())
        return PseudoLabelEpoch("train", loss, len(labels.unique()), agreement, None)

    def _cluster(self) -> tuple[Tensor, float]:
        """Find the pseudo-labels, int64 (n) on the CPU, and how much they agree with the last ones.

        A cluster that becomes empty on the way gets the image that is farthest from its centre; in the paper it
        gets half of another cluster.
        """
        from sklearn.metrics import normalized_mutual_info_score

        features = self._features()
        self.network.whiten(features)
        many = self.plan.overclustering * self.plan.n_clusters
        found = kmeans_of(self.network.whitened(features), many, 1, self.order, _ITERATIONS).labels_
        before, self.labels = self.labels, found
        agreement = math.nan
        if before is not None:
            agreement = float(normalized_mutual_info_score(before, found, average_method="geometric"))
        return torch.from_numpy(found).long(), agreement

    def _features(self) -> Tensor:
        """The features of the middle of all images, float32 (n, width)."""
        network = self.network.eval()
        with self._autocast():
            features = embed_images(network, self.images, lambda part: network.features(network.middle(part)))
        self._check("sum of the features", features.sum().item())
        return features

    def _learn(self, labels: Tensor) -> float:
        """A pass over images drawn with their pseudo-labels, with a new output layer; its mean cross-entropy.

        The layer is drawn again because the numbers of the clusters mean nothing from one epoch to the next.
        """
        shape, device = self.network.output.weight.T.shape, self.images.device
        output = first_network(lambda: nn.Linear(*shape), initialise_cropped, self.order, device)
        self.network.output = output
        top = torch.optim.SGD(output.parameters(), self.plan.learning_rate, weight_decay=self.plan.weight_decay)
        sample, targets = uniform_sample(labels, self.order).to(device), labels.to(device)
        total = torch.zeros((), device=device)
        self.network.train()
        for part in self._parts(len(sample), self.plan.batch_size):
            batch = sample[part]
            views = self.augmentation.views(self.images[batch], self.chance)
            with self._autocast():
                logits = output(self.network.features(views))
            loss = nn.functional.cross_entropy(logits.float(), targets[batch])
            top.zero_grad(set_to_none=True)
            self._step(loss)
            top.step()
            total += loss.detach() * len(batch)
        return total.item() / len(sample)
