"""What a trained encoder of views does with images: scale, embed, find the nearest cluster center."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stages.core.errors import ParameterError
from stages.deep.clusters import nearest_centers
from stages.deep.distributed import Group
from stages.deep.resume import named
from stages.deep.scaling import check_views, global_factor, scale
from stages.deep.training import embed

_BATCH = 1024  # images that are embedded at once


class EncodesViews:
    """Half of an estimator: what its `encoder_`, `cluster_centers_` and `scaling` make of a list of views."""

    scaling: str
    device: str | torch.device
    encoder_: nn.Module
    cluster_centers_: np.ndarray
    scale_factors_: np.ndarray
    n_features_in_: list[int]

    def transform(self, X: Sequence[np.ndarray]) -> np.ndarray:
        """Return the embedding, float32 (m, width), of the views `X` of any m images."""
        return self._embed(X).cpu().numpy()

    def predict(self, X: Sequence[np.ndarray]) -> np.ndarray:
        """Return the clusters, int32 (m), whose centers are nearest to the views `X` of any m images."""
        return self._nearest(self._embed(X))

    def state(self) -> dict[str, Tensor]:
        """Return what `trained_tensors` does."""
        return trained_tensors(self)

    def _fit_scaling(self, X: Sequence[np.ndarray]) -> list[np.ndarray]:
        views = check_views(X)
        factors = [global_factor(view) if self.scaling == "global" else 1 for view in views]
        self.scale_factors_ = np.array(factors, dtype=np.float32)
        return self._scaled(views)

    def _scaled(self, views: list[np.ndarray]) -> list[np.ndarray]:
        """The views scaled one after the other; each is dropped from the list when it is done."""
        return [scale(views.pop(0), self.scaling, factor) for factor in self.scale_factors_]

    def _tensors(self, views: Sequence[np.ndarray]) -> list[Tensor]:
        return [torch.from_numpy(np.ascontiguousarray(view)).to(self.device) for view in views]

    def _embed(self, X: Sequence[np.ndarray]) -> Tensor:
        views = check_views(X)
        widths = [view.shape[1] for view in views]
        if widths != self.n_features_in_:
            raise ParameterError(f"the views have widths {widths} but {self.n_features_in_} were trained on")
        return embed(self.encoder_, self._tensors(self._scaled(views)), _BATCH, group=Group())

    def _nearest(self, embedding: Tensor) -> np.ndarray:
        return nearest_centers(embedding, torch.from_numpy(self.cluster_centers_).to(self.device))


def trained_tensors(estimator: Any) -> dict[str, Tensor]:
    """Return the weights of `encoder_` as "encoder.*" and `cluster_centers_` as "centers", all on the CPU.

    With scaling="global" there are also, from `scale_factors_`, the "factors" (M) that views are multiplied by.
    """
    tensors = named(estimator.encoder_.state_dict(), "encoder")
    tensors["centers"] = torch.tensor(estimator.cluster_centers_)
    if estimator.scaling == "global":
        tensors["factors"] = torch.tensor(estimator.scale_factors_)
    return tensors
