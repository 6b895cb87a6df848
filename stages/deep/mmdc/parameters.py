"""The parameters of multi-modal deep clustering, their checks, and the record of an epoch."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stages.core.checks import check_choice, check_flag, check_number, check_share
from stages.deep.estimator import Presets, read_presets
from stages.deep.image_estimator import CroppedClustering

MEANS = ("one_hot", "random")


@dataclass(frozen=True)
class MixtureEpoch:
    """One epoch.

    Attributes: `phase` "assign" (targets find their images within batches) or "refine" (targets are clusters of
    K-means); `loss`, the mean squared error over images and dimensions; `rotation`, the cross-entropy of the
    rotation task (NaN without it); `changed`, the share of images (0 to 1) in another cluster than after the last
    epoch (NaN for the first); `labels` int32 (n), the clusters after it.
    """

    PHASES: ClassVar[tuple[str, ...]] = ("assign", "refine")

    phase: str
    loss: float
    rotation: float
    changed: float
    labels: np.ndarray


@dataclass(eq=False, repr=False, kw_only=True)
class MixtureParameters(CroppedClustering[MixtureEpoch]):
    """The parameters of `MMDC`: defaults are the paper's for CIFAR-10, `PRESETS` has those for other image sets.

    Parameters
    ----------
    n_clusters : also the components of the mixture.
    refine_epoch : first pass, from 0, whose targets are clusters of K-means; none, if `epochs` is no more.
    learning_rate, decay, decay_epoch : step size, and what it is multiplied by from that pass on, if there is one.
    momentum, weight_decay : of gradient descent; scales and shifts have no decay.
    rotation_task : whether rotations are learnt, too.
    means, sigma : of the mixture, see `stages.deep.mmdc.training.draw_targets`; in the paper's runs every target
        is one of the unit vectors.

    Attributes
    ----------
    cluster_centers_ : the means of the mixture.
    encoder_ : `stages.deep.mmdc.network.MixtureEncoder`, trained.
    history_ : list of `MixtureEpoch`.
    """

    PRESETS: ClassVar[Presets] = read_presets(__file__, "mmdc")

    RECORD: ClassVar[type[MixtureEpoch]] = MixtureEpoch

    refine_epoch: int = 350
    learning_rate: float = 0.05
    decay: float = 0.2
    decay_epoch: int = 300
    momentum: float = 0.9
    weight_decay: float = 5e-4
    rotation_task: bool = True
    means: str = "one_hot"
    sigma: float = 0.0

    def check_parameters(self) -> None:
        super().check_parameters()
        for name in ("refine_epoch", "decay_epoch"):
            check_number(name, getattr(self, name), whole=True)
        for name in ("decay", "weight_decay", "sigma"):
            check_number(name, getattr(self, name))
        check_share("momentum", self.momentum)
        check_choice("means", self.means, MEANS)
        check_flag("rotation_task", self.rotation_task)
