"""Deep adaptive image clustering: a network that learns from the pairs of images that it is certain of."""

import torch
from torch import nn

from stages.deep.dac.network import AdaptiveEncoder, initialise_adaptive
from stages.deep.dac.parameters import AdaptiveParameters
from stages.deep.dac.training import AdaptiveTraining
from stages.deep.image_estimator import Start


class DAC(AdaptiveParameters):
    """Deep adaptive image clustering.

    Chang, Wang, Meng, Xiang and Pan, "Deep adaptive image clustering" (ICCV 2017), and their code. The network
    gives label features, whose cosine says whether two images are in one cluster. Pairs above one threshold are
    alike, those below another are not; steps of RMSprop bring augmented views of the images of such pairs together
    or apart. From epoch to epoch the thresholds come nearer to each other, until all pairs count.

    In the paper pairs are judged in every batch, by two thresholds; in the released code for MNIST for a
    thousand images at once, which are then learnt five times, by one threshold. Where images are assigned, batch
    normalisation has the statistics of the batch there, here those of the training.

    Parameters and attributes are those of `stages.deep.dac.parameters.AdaptiveParameters`,
    `stages.deep.image_estimator.CroppedClustering` and `stages.deep.estimator.NetworkClustering`.
    """

    ENCODER = AdaptiveEncoder
    encoder_: AdaptiveEncoder

    def _initialise(self, network: nn.Module, generator: torch.Generator) -> None:
        initialise_adaptive(network, generator)

    def _training(self, start: Start) -> AdaptiveTraining:
        return AdaptiveTraining(self.encoder_, start, self)
