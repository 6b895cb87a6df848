"""The trainings of the stage `train`: from features, and earlier networks, to results."""

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.core.seeds import derived_seed
from stages.training.estimators import new_estimator
from stages.training.job import Job, read_earlier, read_view
from stages.training.results import Result, result_of

if TYPE_CHECKING:
    import torch

    from stages.deep.models import Model


def train_single(job: Job, backbone: str, device: "torch.device", show: Callable[[str, Any], None]) -> Result:
    """Train the network of one backbone."""
    table, view = read_view(job, backbone)
    estimator = _estimator(job, backbone, [view], device, lambda record: show(backbone, record))
    _fit(estimator, f"{backbone}: ", [view])
    return result_of(job, backbone, [table], estimator, estimator)


def train_joint(job: Job, device: "torch.device", show: Callable[[str, Any], None]) -> Result:
    """Train one network over all the views, from the networks that it is made of, if any."""
    from stages.training.joining import join, weights_of

    tables, views = zip(*(read_view(job, backbone) for backbone in job.backbones), strict=True)
    given: dict[str, Any] = {}
    models: list[Model] = []
    inputs = list(views)
    if job.method == "dmvc-fix":
        models = [read_earlier(job, "views", name, device) for name in job.backbones]
        if job.objective == "jule":
            given["perceptrons"] = [weights_of(model) for model in models]
        else:
            inputs = [model.transform([view]) for model, view in zip(models, views, strict=True)]
    elif job.method == "dmvc" and job.objective == "jule":
        models = [read_earlier(job, "dmvc-fix", None, device)]
        given["network"] = weights_of(models[0])
    weights = [value.numpy() for model in models for value in weights_of(model).values()]
    estimator = _estimator(job, None, [*inputs, *weights], device, lambda record: show("", record))
    _fit(estimator, "", inputs, **given)
    joined = job.method == "dmvc-fix" and job.objective != "jule"
    model = join(models, estimator) if joined else estimator
    return result_of(job, None, list(tables), estimator, model)


def _estimator(
    job: Job,
    backbone: str | None,
    arrays: list[np.ndarray],
    device: "torch.device",
    progress: Callable[[Any], None],
) -> Any:
    """The estimator of a job's network; what it depends on, besides the `arrays`, is in its checkpoint's name."""
    from stages.deep.checkpoint import FileCheckpoint
    from stages.training.fingerprint import training_code, training_fingerprint

    name = backbone or "all"
    facts = {**job.settings([backbone] if backbone else job.backbones), "device": device.type}
    checkpoint = FileCheckpoint(
        job.files.scratch(job.name) / f"{name}.safetensors",
        training_fingerprint(arrays, facts),
        job.seconds,
        training_code("stages.train"),
        warnings.warn,
    )
    return new_estimator(
        job.objective,
        job.method,
        job.parameters,
        n_clusters=job.n_clusters,
        scaling=job.scaling,
        width=job.width,
        seed=derived_seed(job.seed, "train", job.objective, job.method, name),
        device=device,
        progress=progress,
        checkpoint=checkpoint,
    )


def _fit(estimator: Any, prefix: str, views: list[np.ndarray], **given: Any) -> None:
    """Fit; what the estimator warns of is said anew behind `prefix`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        estimator.fit(views, **given)
    for warning in caught:
        warnings.warn(f"{prefix}{warning.message}", stacklevel=2)
