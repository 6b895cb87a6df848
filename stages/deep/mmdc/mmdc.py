"""Multi-modal deep clustering: a network that maps images onto the points of a Gaussian mixture."""

from torch import Tensor, nn

from stages.deep.image_estimator import Start
from stages.deep.mmdc.network import MixtureEncoder
from stages.deep.mmdc.parameters import MixtureParameters
from stages.deep.mmdc.training import MixtureTraining, draw_targets


class MMDC(MixtureParameters):
    """Multi-modal deep clustering of images.

    Shiran and Weinshall, "Multi-modal deep clustering: unsupervised partitioning of images" (arXiv 1912.02678),
    and their code. Every image has a target, a point of a mixture of `n_clusters` Gaussians. In each batch the
    targets are permuted among its images so that they are nearest to the network's outputs for these; then a
    step of gradient descent brings an augmented view of each image nearer to its target. Between such passes
    the same network learns which of four rotations an image has. In the end the targets follow clusters
    that K-means finds.

    Parameters and attributes are those of `stages.deep.mmdc.parameters.MixtureParameters`,
    `stages.deep.image_estimator.CroppedClustering` and `stages.deep.estimator.NetworkClustering`.
    """

    ENCODER = MixtureEncoder
    encoder_: MixtureEncoder

    def _training(self, start: Start) -> MixtureTraining:
        turns = None
        if self.rotation_task:
            width = self.encoder_.output.in_features
            turns = self._drawn(lambda: nn.Linear(width, 4), start.first)
        drawn = draw_targets(len(start.images), self.n_clusters, self.means, self.sigma, start.first)
        targets = type(drawn)(*(tensor.to(self.device) for tensor in drawn))
        return MixtureTraining(self.encoder_, start, self, turns, targets)

    def _centres(self, training: MixtureTraining, embedding: Tensor) -> Tensor:
        return training.targets.means
