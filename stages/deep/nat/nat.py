"""NAT and K-means: clusters in the features of a network that maps images onto fixed random points."""

from stages.deep.image_estimator import Start
from stages.deep.image_networks import FeatureEncoder
from stages.deep.nat.parameters import NoiseParameters
from stages.deep.nat.targets import draw_noise
from stages.deep.nat.training import NoiseTraining


class NAT(NoiseParameters):
    """K-means on the features of a network that was trained on noise as targets.

    Bojanowski and Joulin, "Unsupervised learning by predicting noise" (ICML 2017), and their code. Every image has
    a target, a point that was drawn from the unit sphere and stays where it is. In each batch of some epochs the
    targets are permuted among its images so that they are nearest to the network's outputs; a step of gradient
    descent then brings the outputs nearer to them. In the end K-means finds the clusters in the features before
    the output layer, as rows of length 1; the paper classifies or retrieves images by its features.

    Parameters and attributes are those of `stages.deep.nat.parameters.NoiseParameters`, `FeatureClustering` and
    `CroppedClustering` in `stages.deep.image_estimator`, and `stages.deep.estimator.NetworkClustering`.
    """

    ENCODER = FeatureEncoder
    encoder_: FeatureEncoder

    @property
    def _output_width(self) -> int:
        return self.dimensions

    def _training(self, start: Start) -> NoiseTraining:
        noise = draw_noise(len(start.images), self.dimensions, start.first).to(self.device)
        return NoiseTraining(self.encoder_, start, self, noise)
