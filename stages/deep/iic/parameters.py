"""The parameters of invariant information clustering, their checks, and the record of an epoch."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stages.core.checks import check_number
from stages.core.errors import ParameterError
from stages.deep.estimator import Presets, read_presets
from stages.deep.image_estimator import CroppedClustering


@dataclass(frozen=True)
class InformationEpoch:
    """One epoch: the passes that overcluster, and those that cluster.

    Attributes: `phase`, always "train"; `loss`, minus the mutual information in nats, a mean over batches and
    sub-heads, of the last pass that clustered; `overclustering`, that of the last that overclustered (NaN without
    any); `changed`, the share of images (0 to 1) in another cluster than after the last epoch (NaN for the first);
    `labels` int32 (n), the clusters after it.
    """

    PHASES: ClassVar[tuple[str, ...]] = ("train",)

    phase: str
    loss: float
    overclustering: float
    changed: float
    labels: np.ndarray


@dataclass(eq=False, repr=False, kw_only=True)
class InformationParameters(CroppedClustering[InformationEpoch]):
    """The parameters of `IIC`: defaults are the released code's for CIFAR-10, `PRESETS` has those for other sets.

    Parameters
    ----------
    epochs : each is `overcluster_passes` and then `cluster_passes` over the images.
    batch_size : images in a gradient step; each is seen in 1 + `repeats` views.
    repeats : pairs of views that an image makes in a step: one plain view, paired with so many others.
    sub_heads : layers that cluster, each for itself, over the same features; that of the least loss is kept.
    overclustering : this many times `n_clusters` are the clusters of the auxiliary head.
    overcluster_passes, cluster_passes : of an epoch; without any of the former there is no auxiliary head.
    centred : share of the plain views (0 to 1) that are the middle of the image; the others are anywhere.

    Attributes
    ----------
    encoder_ : `stages.deep.image_networks.LabelEncoder`, trained.
    history_ : list of `InformationEpoch`.
    """

    PRESETS: ClassVar[Presets] = read_presets(__file__, "iic")
    RECORD: ClassVar[type[InformationEpoch]] = InformationEpoch

    network: str = "resnet34"
    epochs: int = 2000
    batch_size: int = 220
    learning_rate: float = 1e-4
    repeats: int = 3
    sub_heads: int = 5
    overclustering: int = 7
    overcluster_passes: int = 1
    cluster_passes: int = 2
    centred: float = 0.0
    sobel: bool = True

    def check_parameters(self) -> None:
        super().check_parameters()
        for name in ("repeats", "sub_heads", "overclustering", "cluster_passes"):
            check_number(name, getattr(self, name), 1, whole=True)
        check_number("overcluster_passes", self.overcluster_passes, whole=True)
        check_number("centred", self.centred)
        if self.centred > 1:
            raise ParameterError(f"centred is {self.centred}; give a share from 0 to 1")
