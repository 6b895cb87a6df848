"""Trained encoders of views with their clusters as files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stages.deep.checkpoint import part
from stages.deep.model_files import TrainedModel, read_model_file, rebuilding, write_model_file
from stages.deep.networks import MLP, MVnet, Stack
from stages.deep.temi.heads import Head
from stages.deep.turtle.labeller import Labeller
from stages.deep.view_encoding import SCALINGS, ViewClustering, check_views, check_widths, scale, trained_tensors

_ROWS = 1024  # images that are embedded at once


@dataclass(frozen=True)
class Model(TrainedModel[Sequence[np.ndarray]]):
    """A network on views: a list of real arrays (m, d_j), finite, as many and as wide as those trained on.

    Attributes: also `scaling` and, if that is "global", `factors` (M); `view_widths`, the d_j.
    """

    scaling: str
    factors: tuple[np.float32, ...] | None
    view_widths: tuple[int, ...]

    def _embeddings(self, views: Sequence[np.ndarray]) -> Iterator[Tensor]:
        arrays = check_views(views)
        check_widths(arrays, self.view_widths)
        factors = self.factors or (None,) * len(arrays)
        for start in range(0, len(arrays[0]), _ROWS):
            scaled = [
                scale(array[start : start + _ROWS], self.scaling, factor)
                for array, factor in zip(arrays, factors, strict=True)
            ]
            with torch.no_grad():
                rows = [torch.from_numpy(np.ascontiguousarray(view)).to(self.centres.device) for view in scaled]
                yield self.network(rows)


def write_model(file: Path, estimator: ViewClustering[Any], settings: Mapping[str, Any]) -> None:
    """Write the encoder and the centres of a fitted estimator, whole or not at all.

    The estimator has `encoder_`, an `MVnet`, `MLP`, `Stack`, `Labeller` or `Head`; `cluster_centers_`, float32
    (k, width); `scaling`, one of `stages.deep.view_encoding.SCALINGS`, and with "global" `scale_factors_`, float32
    (M); and, unless the encoder is an `MVnet`, `n_features_in_`, the list of the views' widths.

    The tensors are "encoder.*", "centers" and, with scaling="global", "factors"; see `stages.deep.model_files` for
    the rest.
    """
    facts = {**_facts(estimator.encoder_, estimator), "scaling": estimator.scaling}
    write_model_file(file, trained_tensors(estimator), facts, settings)


def read_model(file: Path, device: str | torch.device = "cpu") -> Model:
    """Read what `write_model` wrote, to compute on `device`.

    Raises `ModelError` for a file that is missing, damaged or of another kind.
    """
    content = read_model_file(file)
    with rebuilding(file):
        model = _rebuilt(content.facts, content.tensors, content.settings)
    return replace(model, network=model.network.to(device), centres=model.centres.to(device))


def _rebuilt(facts: Mapping[str, Any], tensors: Mapping[str, Tensor], settings: dict[str, Any]) -> Model:
    """The model of a file; raises what tensors and facts lead to that do not belong together."""
    with torch.device("meta"):  # no memory and no random numbers
        network = _build(facts)
    network.load_state_dict(part(tensors, "encoder"), assign=True)
    centres, widths, scaling = tensors["centers"], tuple(facts["view_widths"]), facts["scaling"]
    factors = tuple(tensors["factors"].numpy()) if scaling == "global" else None
    sound = all(tensor.dtype == torch.float32 and tensor.isfinite().all() for tensor in tensors.values())
    fits = len(centres) > 0 and centres.shape[1:] == (_layers(network)[-1].out_features,)
    if not (sound and fits and scaling in SCALINGS and (factors is None or len(factors) == len(widths))):
        raise ValueError
    return Model(network.requires_grad_(False), centres, settings, scaling, factors, widths)


def _facts(encoder: nn.Module, estimator: ViewClustering[Any]) -> dict[str, Any]:
    """The arguments of `_build`."""
    layers = _layers(encoder)
    outputs = [layer.out_features for layer in layers]
    if isinstance(encoder, MVnet):  # the views' perceptrons come first, of two layers each
        widths = [layer.in_features for layer in layers[:-2:2]]
    else:
        widths = [int(width) for width in estimator.n_features_in_]
    if isinstance(encoder, MLP | MVnet):
        kind = "mvnet" if isinstance(encoder, MVnet) else "mlp"
        return {"kind": kind, "view_widths": widths, "width": outputs[-1], "unit_length": encoder.unit_length}
    if isinstance(encoder, Stack):
        return {"kind": "stack", "view_widths": widths, "widths": outputs}
    if isinstance(encoder, Labeller):
        return {"kind": "labeller", "view_widths": widths, "clusters": outputs[-1], "joined": encoder.joined}
    if isinstance(encoder, Head):
        sizes = {"clusters": outputs[-1], "width": outputs[0], "bottleneck": outputs[1]}
        made = {"temperature": encoder.temperature, "joined": encoder.joined}
        return {"kind": "head", "view_widths": widths, **sizes, **made}
    name = type(encoder).__name__
    raise TypeError(f"encoder_ is a {name}; only MVnet, MLP, Stack, Labeller and Head can be written")


def _build(facts: Mapping[str, Any]) -> nn.Module:
    """The network that `_facts` describes, without weights: raises what a wrong description leads to."""
    if facts["kind"] == "stack":
        return Stack(facts["view_widths"], facts["widths"])
    if facts["kind"] == "labeller":
        return Labeller(facts["view_widths"], facts["clusters"], facts["joined"])
    if facts["kind"] == "head":
        sizes = (facts["clusters"], facts["width"], facts["bottleneck"])
        return Head(facts["view_widths"], *sizes, facts["temperature"], facts["joined"])
    kinds: dict[str, type[MLP] | type[MVnet]] = {"mlp": MLP, "mvnet": MVnet}
    return kinds[facts["kind"]](facts["view_widths"], facts["width"], facts["unit_length"])


def _layers(network: nn.Module) -> list[nn.Linear]:
    return [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
