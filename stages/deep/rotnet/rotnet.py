"""RotNet and K-means: clusters in the features of a network that recognises rotations."""

from stages.deep.image_estimator import Start
from stages.deep.image_networks import FeatureEncoder
from stages.deep.rotnet.parameters import RotationParameters
from stages.deep.rotnet.training import RotationTraining

_ROTATIONS = 4  # quarter turns


class RotNet(RotationParameters):
    """K-means on the features of a network that was trained to recognise rotations.

    Gidaris, Singh and Komodakis, "Unsupervised representation learning by predicting image rotations" (ICLR 2018),
    trained the network so, with another body; clustering its features by K-means is how later papers compare with
    it. The features are those before the output layer, as rows of length 1.

    Parameters and attributes are those of `stages.deep.rotnet.parameters.RotationParameters`,
    `FeatureClustering` and `CroppedClustering` in `stages.deep.image_estimator`, and
    `stages.deep.estimator.NetworkClustering`.
    """

    ENCODER = FeatureEncoder
    encoder_: FeatureEncoder

    @property
    def _output_width(self) -> int:
        return _ROTATIONS

    def _training(self, start: Start) -> RotationTraining:
        return RotationTraining(self.encoder_, start, self)
