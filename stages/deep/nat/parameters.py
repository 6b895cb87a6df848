"""The parameters of noise as targets, their checks, and the record of an epoch."""

from dataclasses import dataclass
from typing import ClassVar

from stages.core.checks import check_number
from stages.deep.estimator import Presets, read_presets
from stages.deep.image_estimator import FeatureClustering


@dataclass(frozen=True)
class NoiseEpoch:
    """One epoch.

    Attributes: `phase` "permute" (targets change their images) or "keep"; `loss`, the mean squared distance of an
    output to its target (2 for one that knows nothing of it); `moved`, the share of images (0 to 1) that have
    another target than before; `labels`, always None: clusters are made in the end.
    """

    PHASES: ClassVar[tuple[str, ...]] = ("keep", "permute")

    phase: str
    loss: float
    moved: float
    labels: None


@dataclass(eq=False, repr=False, kw_only=True)
class NoiseParameters(FeatureClustering[NoiseEpoch]):
    """The parameters of `NAT`: defaults are the released code's but for the network.

    Parameters
    ----------
    dimensions : of the sphere's space, the width of the output layer.
    permute_every : the targets are permuted in the first of every so many epochs.
    learning_rate : size of the steps, down the sum of the losses of a batch, not their mean; as published there
        is no momentum and no decay.

    Attributes
    ----------
    embedding_ : the features before the output layer, rows of length 1.
    encoder_ : `stages.deep.image_networks.FeatureEncoder`, trained.
    history_ : list of `NoiseEpoch`.
    """

    PRESETS: ClassVar[Presets] = read_presets(__file__, "nat")
    RECORD: ClassVar[type[NoiseEpoch]] = NoiseEpoch

    epochs: int = 100
    batch_size: int = 256
    learning_rate: float = 0.01
    dimensions: int = 2048
    permute_every: int = 3
    jitter: bool = False
    sobel: bool = True

    def check_parameters(self) -> None:
        super().check_parameters()
        for name in ("dimensions", "permute_every"):
            check_number(name, getattr(self, name), 1, whole=True)
