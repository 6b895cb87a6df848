"""RotNet and K-means: clusters in the features of a network that recognises rotations."""

import numpy as np
import torch
from torch import Tensor

from stages.clustering.kmeans import KMeans
from stages.deep.augmentation import Augmentation
from stages.deep.image_estimator import Start
from stages.deep.rotnet.network import RotationEncoder
from stages.deep.rotnet.parameters import RotationParameters
from stages.deep.rotnet.training import RotationTraining

_ROTATIONS = 4  # quarter turns


class RotNet(RotationParameters):
    """K-means on the features of a network that was trained to recognise rotations.

    Gidaris, Singh and Komodakis, "Unsupervised representation learning by predicting image rotations" (ICLR 2018),
    trained the network so, with another body; clustering its features by K-means is how later papers compare with
    it. The features are those before the output layer, as rows of length 1.

    Parameters and attributes are those of `stages.deep.rotnet.parameters.RotationParameters`,
    `stages.deep.image_estimator.CroppedClustering` and `stages.deep.estimator.NetworkClustering`.
    """

    encoder_: RotationEncoder

    def _encoder(self, augmentation: Augmentation) -> RotationEncoder:
        crop, size = augmentation.crops[0], augmentation.size
        return RotationEncoder(self.network, self.image_shape_[0], _ROTATIONS, crop, size)

    def _training(self, start: Start) -> RotationTraining:
        return RotationTraining(self.encoder_, start, self)

    def _centres(self, training: RotationTraining, embedding: Tensor) -> Tensor:
        seed = int(torch.randint(2**31 - 1, (), generator=training.order))
        rows = embedding.cpu().numpy()
        k = min(self.n_clusters, len(np.unique(rows, axis=0)))  # of a network that has come to see all alike
        found = KMeans(k, n_init=self.n_init, random_state=seed).fit(rows)
        return torch.from_numpy(found.cluster_centers_).float()
