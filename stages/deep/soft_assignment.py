"""Networks whose embedding is a soft assignment: an image's shares of the clusters, which sum to 1."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor, nn

from stages.core.errors import ParameterError
from stages.deep.checkpoint import AnyRecord
from stages.deep.clusters import warn_of_sizes
from stages.deep.view_encoding import ViewClustering, embed

RECORD = 50  # steps from one record to the next


@dataclass(eq=False, repr=False, kw_only=True)
class SoftAssignment(ViewClustering[AnyRecord]):
    """A network on views that learns the shares of the clusters themselves.

    The centres are the k unit vectors, so that the nearest one is the cluster with the largest share.

    Parameters
    ----------
    joined : whether all views side by side are one space, instead of a space each.

    Attributes
    ----------
    embedding_ : float32 (n, n_clusters), rows that sum to 1.
    """

    joined: bool = False

    def _generators(self) -> tuple[torch.Generator, torch.Generator]:
        """Those of the first weights, and of all that is drawn while training."""
        first, second = check_random_state(self.random_state).randint(2**31 - 1, size=2)
        return torch.Generator().manual_seed(int(first)), torch.Generator().manual_seed(int(second))

    def _check_loss(self, loss: float, iterations: int, *rates: str) -> None:
        """Raise `ParameterError` for a loss that is not finite, naming the parameters that are step sizes."""
        if not np.isfinite(loss):
            named = ", or ".join(f"{name}, which is {getattr(self, name)}" for name in rates)
            raise ParameterError(f"the loss became {loss} in step {iterations}; lower {named}")

    def _conclude(self, encoder: nn.Module, views: Sequence[Tensor], remedy: str) -> None:
        """Set what the fitted `encoder` gives; warn of suspicious sizes, with a `remedy` for empty clusters."""
        self.encoder_ = encoder
        self.cluster_centers_ = np.eye(self.n_clusters, dtype=np.float32)
        embedding = embed(encoder, views, self.batch_size)
        self.embedding_ = embedding.cpu().numpy()
        self.labels_ = self._nearest(embedding)
        warn_of_sizes(self.labels_, self.n_clusters, remedy)


def matching_clusters(shares: Tensor, others: Tensor) -> Tensor:
    """Match, one to one, the clusters of `shares` (n, k) with those of `others` (n, k) they share most with.

    Return their numbers, int64 (k), by the Hungarian method.
    """
    from scipy.optimize import linear_sum_assignment

    common = (shares.T.double() @ others.double()).cpu().numpy()
    return torch.from_numpy(linear_sum_assignment(-common)[1]).to(shares.device)
