"""The parameters of DeepCluster, their checks, and the record of an epoch."""

from dataclasses import dataclass
from typing import ClassVar

from stages.core.checks import check_number, check_share
from stages.deep.estimator import Presets, read_presets
from stages.deep.image_estimator import FeatureClustering


@dataclass(frozen=True)
class PseudoLabelEpoch:
    """One epoch.

    Attributes: `phase`, always "train"; `loss`, the mean cross-entropy over the images drawn; `pseudo_labels`, how
    many there were; `agreement`, their NMI (geometric) with those of the last epoch (NaN for the first); `labels`,
    always None: clusters are made in the end.
    """

    PHASES: ClassVar[tuple[str, ...]] = ("train",)

    phase: str
    loss: float
    pseudo_labels: int
    agreement: float
    labels: None


@dataclass(eq=False, repr=False, kw_only=True)
class PseudoLabelParameters(FeatureClustering[PseudoLabelEpoch]):
    """The parameters of `DeepCluster`: defaults are the released code's but for the network.

    Parameters
    ----------
    overclustering : this many times `n_clusters` are the pseudo-labels, at most as many as images differ.
    dimensions : principal axes of the features that are clustered, at most.
    momentum, weight_decay : of gradient descent; scales and shifts have no decay, and the output layer, which is
        drawn again in each epoch, no momentum.

    Attributes
    ----------
    embedding_ : the features after PCA and whitening, rows of length 1.
    encoder_ : `stages.deep.deepcluster.network.WhitenedEncoder`, trained.
    history_ : list of `PseudoLabelEpoch`.
    """

    PRESETS: ClassVar[Presets] = read_presets(__file__, "deepcluster")
    RECORD: ClassVar[type[PseudoLabelEpoch]] = PseudoLabelEpoch

    epochs: int = 200
    batch_size: int = 256
    learning_rate: float = 0.05
    overclustering: int = 10
    dimensions: int = 256
    momentum: float = 0.9
    weight_decay: float = 1e-5
    jitter: bool = False
    sobel: bool = True

    def check_parameters(self) -> None:
        super().check_parameters()
        for name in ("overclustering", "dimensions"):
            check_number(name, getattr(self, name), 1, whole=True)
        check_number("weight_decay", self.weight_decay)
        check_share("momentum", self.momentum)
