"""The parameters of deep adaptive clustering, their checks, and the record of an epoch."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stages.core.checks import check_choice, check_number
from stages.core.errors import ParameterError
from stages.deep.dac.pairs import LOSSES
from stages.deep.estimator import Presets, read_presets
from stages.deep.image_estimator import CroppedClustering


@dataclass(frozen=True)
class AdaptiveEpoch:
    """One epoch.

    Attributes: `phase`, always "train"; `loss`, a mean over the gradient steps; `upper` and `lower`, its
    thresholds; `known` and `alike`, the shares (0 to 1) of the pairs that are known, and known to be alike;
    `changed`, the share of images in another cluster than after the last epoch (NaN for the first); `labels` int32
    (n), the clusters after it.
    """

    PHASES: ClassVar[tuple[str, ...]] = ("train",)

    phase: str
    loss: float
    upper: float
    lower: float
    known: float
    alike: float
    changed: float
    labels: np.ndarray


@dataclass(eq=False, repr=False, kw_only=True)
class AdaptiveParameters(CroppedClustering[AdaptiveEpoch]):
    """The parameters of `DAC`: defaults are the paper's; `PRESETS` has the released code's for MNIST, too.

    Parameters
    ----------
    epochs : in which the thresholds meet; each is `passes` over the images.
    upper, lower : the first thresholds of similarity, 0 to 1; see `stages.deep.dac.pairs.thresholds`.
    loss : one of `stages.deep.dac.pairs.LOSSES`.
    block_size : images whose pairs are judged at once.
    passes : over each block of images, before those of the next are judged.

    Attributes
    ----------
    encoder_ : `stages.deep.dac.network.AdaptiveEncoder`, trained.
    history_ : list of `AdaptiveEpoch`.
    """

    PRESETS: ClassVar[Presets] = read_presets(__file__, "dac")
    RECORD: ClassVar[type[AdaptiveEpoch]] = AdaptiveEpoch

    network: str = "allconv"
    epochs: int = 46
    upper: float = 0.95
    lower: float = 0.455
    loss: str = "cross_entropy"
    block_size: int = 128
    passes: int = 1

    def check_parameters(self) -> None:
        super().check_parameters()
        for name in ("block_size", "passes"):
            check_number(name, getattr(self, name), 1, whole=True)
        for name in ("lower", "upper"):
            check_number(name, getattr(self, name))
        if not self.lower <= self.upper <= 1:
            raise ParameterError(f"upper is {self.upper}; give a similarity from lower, {self.lower}, to 1")
        check_choice("loss", self.loss, LOSSES)
