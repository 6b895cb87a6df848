"""DeepCluster: a network that learns to recognise the clusters of its own features."""

from typing import Any

from stages.deep.augmentation import Augmentation
from stages.deep.deepcluster.network import WhitenedEncoder
from stages.deep.deepcluster.parameters import PseudoLabelParameters
from stages.deep.deepcluster.training import PseudoLabelTraining
from stages.deep.image_estimator import Start
from stages.deep.image_networks import CroppedEncoder


class DeepCluster(PseudoLabelParameters):
    """DeepCluster: K-means on the features of a network, which then learns to recognise the clusters, in turns.

    Caron, Bojanowski, Joulin and Douze, "Deep clustering for unsupervised learning of visual features" (ECCV
    2018), and their code. In every epoch the features of all images, after PCA, whitening and division by their
    length, are grouped by K-means into pseudo-labels, more than there are clusters. Then a new output layer and
    the body are trained to recognise these in augmented views of images, which are drawn so that all pseudo-labels
    come equally often. In the end K-means finds the clusters in the features.

    Their code starts K-means from drawn images, here it is k-means++; and it takes features from before the last
    ReLU to cluster them.

    Parameters and attributes are those of `stages.deep.deepcluster.parameters.PseudoLabelParameters`,
    `FeatureClustering` and `CroppedClustering` in `stages.deep.image_estimator`, and
    `stages.deep.estimator.NetworkClustering`.
    """

    ENCODER = WhitenedEncoder
    encoder_: WhitenedEncoder

    def _encoder(self, augmentation: Augmentation, **options: Any) -> CroppedEncoder:
        return super()._encoder(augmentation, dimensions=self.dimensions, **options)

    @property
    def _output_width(self) -> int:
        return self.overclustering * self.n_clusters

    def _training(self, start: Start) -> PseudoLabelTraining:
        return PseudoLabelTraining(self.encoder_, start, self)
