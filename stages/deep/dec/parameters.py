"""The parameters of DEC and IDEC, checked before anything is computed."""

from typing import Any

import numpy as np

from stages.core.checks import check_choice, check_share
from stages.core.errors import ParameterError
from stages.deep.dec.autoencoders import check_network
from stages.deep.precision import PRECISIONS

_AT_LEAST = {
    "n_clusters": 1,
    "width": 1,
    "pretrain_epochs": 0,
    "anchor_epochs": 0,
    "refine_epochs": 0,
    "batch_size": 1,
    "n_init": 1,
    "update_interval": 1,
}
_NOT_NEGATIVE = ("learning_rate", "pretrain_learning_rate", "momentum", "gamma", "tolerance")
_CHOICES = {
    "optimiser": ("adam", "sgd"),
    "reduction": ("mean", "sum"),
    "precision": PRECISIONS,
}
_MAY_BE_NONE = ("update_interval", "pretrain_learning_rate")


def check_parameters(estimator: Any) -> None:
    """Raise `ParameterError` for a parameter of the estimator that makes no sense."""
    given = {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if not (value is None and name in _MAY_BE_NONE)
    }
    for name, least in _AT_LEAST.items():
        value = given.get(name, least)
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
            raise ParameterError(f"{name} is {value!r}; give a whole number from {least} on")
    for name in _NOT_NEGATIVE:
        value = given.get(name, 0)
        if isinstance(value, bool | str) or value is None or not np.isfinite(value) or value < 0:
            raise ParameterError(f"{name} is {value!r}; give a number from 0 on")
    for name, choices in _CHOICES.items():
        check_choice(name, given[name], choices)
    check_share("pretrain_noise", estimator.pretrain_noise)
    check_network(estimator.network)
