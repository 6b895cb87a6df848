"""The parameters of clustering by a network of rotations, their checks, and the record of an epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from stages.core.checks import check_number, check_share
from stages.core.errors import ParameterError
from stages.deep.estimator import Presets, read_presets
from stages.deep.image_estimator import FeatureClustering


@dataclass(frozen=True)
class RotationEpoch:
    """One epoch.

    Attributes: `phase`, always "train"; `loss`, the mean cross-entropy over views and rotations; `labels`, always
    None: clusters are made in the end.
    """

    PHASES: ClassVar[tuple[str, ...]] = ("train",)

    phase: str
    loss: float
    labels: None


@dataclass(eq=False, repr=False, kw_only=True)
class RotationParameters(FeatureClustering[RotationEpoch]):
    """The parameters of `RotNet`: defaults are the paper's for CIFAR-10 but for the network.

    Parameters
    ----------
    learning_rate, decay, decay_epochs : step size, and what it is multiplied by from each of these passes on.
    momentum, weight_decay : of gradient descent; scales and shifts have no decay.

    Attributes
    ----------
    encoder_ : `stages.deep.image_networks.FeatureEncoder`, trained.
    history_ : list of `RotationEpoch`.
    """

    PRESETS: ClassVar[Presets] = read_presets(__file__, "rotnet")
    RECORD: ClassVar[type[RotationEpoch]] = RotationEpoch

    epochs: int = 200
    learning_rate: float = 0.1
    decay: float = 0.2
    decay_epochs: Sequence[int] = (60, 120, 160)
    momentum: float = 0.9
    weight_decay: float = 5e-4
    jitter: bool = False

    def check_parameters(self) -> None:
        super().check_parameters()
        for name in ("decay", "weight_decay"):
            check_number(name, getattr(self, name))
        check_share("momentum", self.momentum)
        if not isinstance(self.decay_epochs, list | tuple):
            raise ParameterError(f"decay_epochs is {self.decay_epochs!r}; give a list of whole numbers")
        for epoch in self.decay_epochs:
            check_number("decay_epochs", epoch, whole=True)
