"""A multi-view network made of parts that were trained one after the other."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.core.errors import ParameterError

if TYPE_CHECKING:
    from torch import Tensor

    from stages.deep.models import Model


def join(models: Sequence["Model"], output: Any) -> SimpleNamespace:
    """Join the single-view networks of `models` (M) and the perceptron over their codes, `output`, to one MVnet.

    What comes has the attributes of a fitted estimator that `stages.deep.models.write_model` needs.
    `output` is an estimator fitted on a list of the models' codes, float32 (n, width), without any scaling. The
    network's embedding is then that of `output`, but for rounding. Raises `ParameterError` for single-view
    networks that are not perceptrons, or not scaled alike.
    """
    from stages.deep.networks import MLP, MVnet

    if not all(isinstance(model.network, MLP) and len(model.view_widths) == 1 for model in models):
        raise ParameterError("the views' networks are not one perceptron a view; train them again")
    if len({model.scaling for model in models}) > 1:
        raise ParameterError("the views' networks were trained with different scalings; train them again")
    widths = [model.view_widths[0] for model in models]
    network = MVnet(widths, output.encoder_.output[-1].out_features, output.encoder_.unit_length)
    state = {f"output.{name}": value for name, value in output.encoder_.output.state_dict().items()}
    for number, model in enumerate(models):
        layers = ((name.removeprefix("output."), value) for name, value in weights_of(model).items())
        state |= {f"views.{number}.{name}": value for name, value in layers}
    network.load_state_dict(state)
    factors = [np.float32(1) if model.factors is None else model.factors[0] for model in models]
    return SimpleNamespace(
        encoder_=network,
        cluster_centers_=output.cluster_centers_,
        scaling=models[0].scaling,
        scale_factors_=np.array(factors),
        n_features_in_=widths,
    )


def weights_of(model: "Model") -> "dict[str, Tensor]":
    """The weights of a model's network by name, on the CPU."""
    return {name: value.cpu() for name, value in model.network.state_dict().items()}
