"""Invariant information clustering: a network whose clusters of two views of an image share most information."""

from torch import nn

from stages.deep.iic.parameters import InformationParameters
from stages.deep.iic.training import InformationTraining
from stages.deep.image_estimator import Start
from stages.deep.image_networks import LabelEncoder


class IIC(InformationParameters):
    """Invariant information clustering of images.

    Ji, Henriques and Vedaldi, "Invariant information clustering for unsupervised image classification and
    segmentation" (ICCV 2019), and their code. A network gives the probabilities of the clusters for a plain view
    of each image and for augmented ones; steps of Adam make the mutual information of both as large as possible.
    An auxiliary head with more clusters is trained in turns with the one that clusters, on the same features, and
    each consists of several sub-heads.

    Where their code differs: half of its views of digits are not turned; batch normalisation, for digits, takes
    the statistics of the batch when it assigns images, too; on some sets the head that clusters comes first.

    Parameters and attributes are those of `stages.deep.iic.parameters.InformationParameters`,
    `stages.deep.image_estimator.CroppedClustering` and `stages.deep.estimator.NetworkClustering`.
    """

    ENCODER = LabelEncoder
    encoder_: LabelEncoder

    def _training(self, start: Start) -> InformationTraining:
        width = self.encoder_.output.in_features
        side_by_side = self.sub_heads * self.n_clusters
        clusters = self._drawn(lambda: nn.Linear(width, side_by_side), start.first)
        overclusters = None
        if self.overcluster_passes:
            many = self.overclustering * side_by_side
            overclusters = self._drawn(lambda: nn.Linear(width, many), start.first)
        return InformationTraining(self.encoder_, start, self, clusters, overclusters)
