"""The base of all estimators of this package: their common parameters, checkpoint and progress."""

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, Generic

import numpy as np
import torch
import yaml
from sklearn.base import BaseEstimator, ClusterMixin
from torch import Tensor, nn

from stages.core.checks import check_choice, check_number
from stages.core.device import PRECISIONS
from stages.deep.checkpoint import AnyRecord, FileCheckpoint, restored_history
from stages.deep.clusters import nearest_centres

Presets = Mapping[str, Mapping[str, Any]]  # arguments of an estimator's constructor, by preset


def read_presets(module: str, name: str) -> Presets:
    """Return the presets that presets.yaml, in the folder of the file `module`, has under a `name`."""
    found: Presets = yaml.safe_load(Path(module).with_name("presets.yaml").read_text(encoding="utf-8"))[name]
    return found


class Learnt(Generic[AnyRecord]):
    """The attributes that `fit` sets; annotated in the dataclass below they would be parameters."""

    labels_: np.ndarray
    embedding_: np.ndarray
    cluster_centers_: np.ndarray
    encoder_: nn.Module
    history_: list[AnyRecord]


@dataclass(eq=False, repr=False)
class NetworkClustering(Learnt[AnyRecord], ClusterMixin, BaseEstimator):
    """A network that is trained to cluster.

    Parameters are fields of a dataclass, whose constructor only stores them, as scikit-learn asks. Each is
    declared and explained once: a derived class adds its own, and repeats one only to give it another default.

    Parameters
    ----------
    n_clusters : number of clusters.
    batch_size : images in one gradient step.
    learning_rate : size of the steps.
    precision : of the matrix products while training, "float32" or "bfloat16": weights, losses and moments stay
        float32, and so do the embedding and the labels at the end. Faster where the processor knows the type.
    device : torch device to compute on, e.g. "cpu" or "cuda".
    random_state : int, RandomState or None, as everywhere in scikit-learn.
    checkpoint : keeps the state, see `stages.deep.checkpoint`; with that of a training that was killed, `fit` goes
        on from there, and on the same processor ends with the same bytes if `random_state` is an int. None: no
        state.
    progress : called with every record of `history_` as it comes, and first with those that a checkpoint holds; or
        None.

    Attributes
    ----------
    labels_ : int32 (n), the clusters, 0..n_clusters-1.
    embedding_ : float32 (n, width).
    cluster_centers_ : float32 (n_clusters, width).
    encoder_ : the network, trained.
    history_ : list of records of the training, one type for each method.
    """

    n_clusters: int = 10
    _: KW_ONLY
    batch_size: int = 256
    learning_rate: float = 1e-3
    precision: str = "float32"
    device: str | torch.device = "cpu"
    random_state: int | np.random.RandomState | None = None
    checkpoint: FileCheckpoint | None = None
    progress: Callable[[AnyRecord], None] | None = None

    def check_parameters(self) -> None:
        """Raise `ParameterError` for a parameter that makes no sense."""
        for name in ("n_clusters", "batch_size"):
            check_number(name, getattr(self, name), 1, whole=True)
        check_number("learning_rate", self.learning_rate)
        check_choice("precision", self.precision, PRECISIONS)

    def transform(self, X: Any) -> np.ndarray:
        """Return the embedding, float32 (m, width), of any m images, given as to `fit`."""
        return self._embedding(X).cpu().numpy()

    def predict(self, X: Any) -> np.ndarray:
        """Return the clusters, int32 (m), whose centres are nearest to any m images, given as to `fit`."""
        return self._nearest(self._embedding(X))

    def _embedding(self, X: Any) -> Tensor:
        """The embedding of new images, (m, width) on the device."""
        raise NotImplementedError

    def _nearest(self, embedding: Tensor) -> np.ndarray:
        return nearest_centres(embedding, torch.from_numpy(self.cluster_centers_).to(self.device))

    def _saved(self) -> dict[str, Tensor]:
        """The state that the checkpoint holds; an empty one without any."""
        return (self.checkpoint.load() if self.checkpoint is not None else None) or {}

    def _save(self, state: Callable[[], Mapping[str, Tensor]]) -> None:
        if self.checkpoint is not None:
            self.checkpoint.save(state)

    def _report(self, record: AnyRecord) -> None:
        if self.progress is not None:
            self.progress(record)

    def _restore_history(self, saved: Mapping[str, Tensor], kind: type[AnyRecord], n_images: int) -> None:
        """Begin with the records of a state, and report them; with none if the state is empty."""
        self.history_ = restored_history(saved, kind, n_images) if saved else []
        for record in self.history_:
            self._report(record)
