"""The estimator of each objective and method of the comparison."""

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from stages.training.hyperparameters import hyperparameters
from stages.training.start import CONSENSUS, START_TYPES, first_clusters

if TYPE_CHECKING:
    import torch

    from stages.deep.checkpoint import Checkpoint

# By objective, and by method where it has an estimator of its own.
_ESTIMATORS = {
    "jule": "stages.deep.jule.on_features:JULE",
    "jule/dmvc-fix": "stages.deep.jule.dmvc:DMVCFix",
    "jule/dmvc": "stages.deep.jule.dmvc:DMVC",
    "idec": "stages.deep.dec.estimators:IDEC",
    "dec": "stages.deep.dec.estimators:DEC",
}


def estimator_class(objective: str, method: str) -> type:
    """Return the estimator of an objective for the method, which may be all but "mvec"."""
    place = _ESTIMATORS.get(f"{objective}/{method}", _ESTIMATORS[objective])
    module, _, name = place.partition(":")
    found: type = getattr(importlib.import_module(module), name)
    return found


def chosen_parameters(
    objective: str, method: str, given: Mapping[str, Any], overruling: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the parameters of an objective, as `hyperparameters` does, with those of the first clusters."""
    estimator = estimator_class(objective, method)
    if objective == "jule":
        return hyperparameters(objective, estimator, given, overruling)
    # IDEC as published starts from K-means; a consensus of the views is the better start for many of them.
    defaults = {"init": "consensus" if objective == "idec" else "kmeans", **CONSENSUS}
    return hyperparameters(objective, estimator, given, overruling, START_TYPES, defaults=defaults)


def new_estimator(
    objective: str,
    method: str,
    parameters: Mapping[str, Any],
    *,
    n_clusters: int,
    scaling: str,
    width: int,
    seed: int,
    device: "torch.device",
    progress: Callable[[Any], None],
    checkpoint: "Checkpoint",
) -> Any:
    """Return the estimator, not yet fitted, for `parameters` of `chosen_parameters`.

    A preset's own scaling and width overrule those given. For "dmvc-fix" of DEC and IDEC it is the estimator of
    the output perceptron alone, whose views are codes and as such not scaled.
    """
    given = {"scaling": scaling, "width": width, **parameters}
    del given["preset"]
    if objective != "jule":
        start = {name: given.pop(name) for name in START_TYPES if name in given}
        given["init"] = first_clusters(start, joined=method == "cc")
        given["network"] = "mvnet" if method == "dmvc" else "mlp"
        if method == "dmvc-fix":
            given["scaling"] = "none"
    return estimator_class(objective, method)(
        n_clusters, **given, device=device, random_state=seed, progress=progress, checkpoint=checkpoint
    )
