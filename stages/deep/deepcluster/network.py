"""The network of DeepCluster, whose embedding is its features after PCA and whitening."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from stages.deep.image_networks import CroppedEncoder

_LEAST = 1e-8  # of the largest variance: an axis with less has the rounding of the features, not the images, in it
_ROWS = 4096  # whose products are summed at once


class WhitenedEncoder(CroppedEncoder):
    """The middle of images, uint8 (b, c, h, w), to whitened features, float32 (b, d), rows of length 1.

    d is `dimensions`, or the width of the features if that is less. The output layer recognises pseudo-labels,
    and serves the training alone.
    """

    kind: ClassVar[str] = "deepcluster"
    mean: Tensor
    axes: Tensor

    def __init__(
        self,
        network: str,
        channels: int,
        n_clusters: int,
        crop: int,
        size: int,
        sobel: bool = False,
        dimensions: int = 256,
    ) -> None:
        super().__init__(network, channels, n_clusters, crop, size, sobel)
        width = self.output.in_features
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("axes", torch.zeros(min(dimensions, width), width))

    @property
    def facts(self) -> dict[str, Any]:
        return {**super().facts, "dimensions": len(self.axes)}

    def outputs(self, views: Tensor) -> Tensor:
        return self.whitened(self.features(views))

    def whitened(self, features: Tensor) -> Tensor:
        """Return features (b, width) on the axes of the last `whiten`: float32 (b, d), rows of length 1."""
        return nn.functional.normalize((features.float() - self.mean) @ self.axes.T)

    def whiten(self, features: Tensor) -> None:
        """Make `mean` and `axes` those on which features (n, width) have the greatest variances, all of them 1.

        An axis on which they vary no more than by rounding, as all beyond the number of images, becomes 0.
        """
        mean = features.mean(dim=0, dtype=torch.float64)
        covariance = torch.zeros((len(mean), len(mean)), dtype=torch.float64, device=mean.device)
        for rows in features.split(_ROWS):
            centred = rows.double() - mean
            covariance += centred.T @ centred / len(features)
        values, vectors = torch.linalg.eigh(covariance)
        values, vectors = (tensor.flip(-1)[..., : len(self.axes)] for tensor in (values, vectors))
        scales = torch.where(values > _LEAST * values[0], values, torch.inf).rsqrt()
        self.mean.copy_(mean)
        self.axes.copy_((vectors * scales).T)
