"""Views as the input of networks: checked, brought to one scale, embedded, and assigned to the nearest centre."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from stages.clustering import count_different, normalise
from stages.clustering.preparation import Scaling
from stages.core.checks import check_choice
from stages.core.device import autocast
from stages.core.errors import ParameterError
from stages.deep.checkpoint import AnyRecord, named
from stages.deep.clusters import check_image_number
from stages.deep.distributed import Group
from stages.deep.estimator import NetworkClustering

SCALINGS = get_args(Scaling)

_ROWS = 4096  # scaled at once, so that intermediate results stay small
_BATCH = 1024  # images embedded at once, at least: nothing is learnt from them, so larger batches only save time


def check_views(views: Sequence[np.ndarray], names: Sequence[str] | None = None) -> list[np.ndarray]:
    """Return the views as float32 (n, d_j) arrays, or raise `ParameterError` naming the view that is unusable.

    `names` are what the user calls the views, for the messages; without them they are numbered from 0.
    """
    if not len(views):
        raise ParameterError("views is empty; give a list of at least one array (images, features)")
    if isinstance(views, np.ndarray):
        raise ParameterError("views is one array; give a list of arrays, even for one view: fit([features])")
    if names is None:
        names = [f"view {index}" for index in range(len(views))]
    arrays, converted = [np.asarray(view) for view in views], []
    for name, array in zip(names, arrays, strict=True):
        if array.ndim != 2 or 0 in array.shape:
            raise ParameterError(f"{name} has the shape {array.shape}; give images in rows, features in columns")
        if array.dtype.kind not in "fiu":
            raise ParameterError(f"{name} has values of type {array.dtype}; give real numbers")
        if len(array) != len(arrays[0]):
            raise ParameterError(
                f"{name} has {len(array)} rows but {names[0]} has {len(arrays[0])}; give every view of every image"
            )
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is named below
            converted.append(array.astype(np.float32, copy=False))
        bad = np.flatnonzero(~np.isfinite(converted[-1]).all(axis=1))
        if len(bad):
            raise ParameterError(
                f"{name} has NaN or infinite features (as float32) in {len(bad)} of {len(array)} rows, "
                f"first in row {bad[0]}; extract its features again or leave the view out"
            )
    return converted


def check_view_count(n_clusters: int, views: list[np.ndarray]) -> None:
    """Refuse more clusters than there are images that differ in at least one view."""
    n_images = len(views[0])
    check_image_number(n_clusters, n_images)
    different = count_different(views)
    if n_clusters > different:
        raise ParameterError(
            f"n_clusters is {n_clusters} but only {different} of the {n_images} images differ in any view; "
            f"give at most {different} clusters, or views that differ between images"
        )


def scale(view: np.ndarray, how: str, factor: np.float32 | None = None) -> np.ndarray:
    """Return the view, float32 (n, d), with values of mean square 1, the scale that IDEC's settings presume.

    "sqrt" and "l2" bring every row to mean square 1, as `stages.clustering.normalise` explains; a row of zeros
    stays as it is. "global" multiplies all values by one `factor`, by default that of `global_factor`, which keeps
    what the rows' lengths say, such as the ink of a digit (DEC, section 4.3); "none" leaves them as they are.
    """
    check_choice("scaling", how, SCALINGS)
    if how == "none":
        return view
    if how == "global":
        return view * (global_factor(view) if factor is None else factor)
    scaled = np.empty_like(view)
    for start in range(0, len(view), _ROWS):
        rows = slice(start, start + _ROWS)
        scaled[rows] = normalise(view[rows], how) * np.float32(np.sqrt(view.shape[1]))
    return scaled


def global_factor(view: np.ndarray) -> np.float32:
    """Return the factor that brings the values of a view, float32 (n, d), to mean square 1; 1 if all are 0."""
    squares = sum(
        float(np.square(view[start : start + _ROWS], dtype=np.float64).sum())
        for start in range(0, len(view), _ROWS)
    )
    return np.float32(np.sqrt(view.size / squares) if squares else 1)


def embed(
    encoder: Callable[[Sequence[Tensor]], Tensor],
    views: Sequence[Tensor],
    batch_size: int,
    precision: str = "float32",
    group: Group | None = None,
) -> Tensor:
    """Return the embedding (n, width) of the views (n, d_j) by an encoder, some rows at a time."""
    group = group or Group.current()
    shares = [group.share(view) for view in views]
    rows = max(batch_size, _BATCH)
    starts = range(0, max(len(shares[0]), 1), rows)
    with torch.no_grad(), autocast(views[0].device, precision):
        parts = [encoder([share[start : start + rows] for share in shares]) for start in starts]
    return group.gather(torch.cat(parts).to(views[0].dtype), len(views[0]))


@dataclass(eq=False, repr=False, kw_only=True)
class ViewClustering(NetworkClustering[AnyRecord]):
    """A network on a list of views that is trained to cluster, and embeds and assigns new images.

    Parameters
    ----------
    scaling : "sqrt", "l2", "global" or "none", see `scale`.

    Attributes
    ----------
    scale_factors_ : float32 (M), what scaling="global" multiplied the views by; 1 otherwise.
    n_features_in_ : list of the views' widths.
    """

    scaling: str = "sqrt"

    def check_parameters(self) -> None:
        super().check_parameters()
        check_choice("scaling", self.scaling, SCALINGS)

    def _prepared(self, X: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Check parameters and views, and return these scaled."""
        self.check_parameters()
        views = check_views(X)
        factors = [global_factor(view) if self.scaling == "global" else 1 for view in views]
        self.scale_factors_: np.ndarray = np.array(factors, dtype=np.float32)
        views = self._scaled(views)
        check_view_count(self.n_clusters, views)
        self.n_features_in_: list[int] = [view.shape[1] for view in views]
        return views

    def _scaled(self, views: list[np.ndarray]) -> list[np.ndarray]:
        """The views scaled one after the other; each is dropped from the list when it is done."""
        return [scale(views.pop(0), self.scaling, factor) for factor in self.scale_factors_]

    def _tensors(self, views: Sequence[np.ndarray]) -> list[Tensor]:
        return [torch.from_numpy(np.ascontiguousarray(view)).to(self.device) for view in views]

    def _embedding(self, X: Sequence[np.ndarray]) -> Tensor:
        views = check_views(X)
        check_widths(views, self.n_features_in_)
        return embed(self.encoder_, self._tensors(self._scaled(views)), _BATCH, group=Group())


def check_widths(views: Sequence[np.ndarray], trained: Sequence[int]) -> None:
    """Raise `ParameterError` unless the views (n, d_j) have the widths that a network was `trained` on."""
    widths = [view.shape[1] for view in views]
    if widths != list(trained):
        raise ParameterError(f"the views have widths {widths} but {list(trained)} were trained on")


def trained_tensors(fitted: ViewClustering[Any]) -> dict[str, Tensor]:
    """Return the weights of `encoder_` as "encoder.*" and `cluster_centers_` as "centers", all on the CPU.

    With scaling="global" there are also, from `scale_factors_`, the "factors" (M) that views are multiplied by.
    """
    tensors = named(fitted.encoder_.state_dict(), "encoder")
    tensors["centers"] = torch.tensor(fitted.cluster_centers_)
    if fitted.scaling == "global":
        tensors["factors"] = torch.tensor(fitted.scale_factors_)
    return tensors
