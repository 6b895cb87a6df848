"""The trainings of the stage `train_images`: from the images' pixels to clusters, embedding, network and curve."""

import importlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.core.digest import file_digest
from stages.core.errors import ParameterError
from stages.core.seeds import derived_seed
from stages.decoding.pixels import pixel_view
from stages.tables import ImageTable, write_partitions, write_vectors
from stages.tables.methods import IMAGES, MethodName
from stages.tables.trained_files import TrainedFiles, training_curve
from stages.training.hyperparameters import hyperparameters
from stages.training.results import course, write_course

if TYPE_CHECKING:
    import torch

# By method: the estimator, and which attribute of it is which column of the table of clusters.
_ESTIMATORS = {
    "dec": "stages.deep.dec.estimators:DEC",
    "jule": "stages.deep.jule.on_images:ImageJULE",
    "mmdc": "stages.deep.mmdc.mmdc:MMDC",
}
COLUMNS = {
    "dec": {"autoencoder": "initial_labels_", "dec": "labels_"},
    "jule": {"jule-sf": "forward_labels_", "jule-rc": "labels_"},
    "mmdc": {"mmdc": "labels_"},
}
# Set by the stage or by the machine. DEC has a width of its own only where it has no stack of layers.
_MACHINE = ("n_clusters", "device", "random_state", "progress", "checkpoint", "return")
NOT_THEIRS = {"dec": (*_MACHINE, "width", "init"), "jule": _MACHINE, "mmdc": _MACHINE}
# Where the pipeline's defaults are not the estimator's: those of DEC are for features, those of JULE the paper's,
# with which the network brings all images of USPS to one place. docs/parameters.md has the measurements.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "dec": {"network": [500, 500, 2000, 10], "scaling": "global", "pretrain_noise": 0.2},
    "jule": {
        "n_neighbors": 10,
        "update": "exact",
        "min_cluster_fraction": 0.2,
        "eta": 0.5,
        "dampening": 0.9,
        "gamma": 1.0,
        "negatives": "all",
    },
    "mmdc": {},
}


@dataclass(frozen=True)
class ImageJob:
    """What is trained, and on what: `pixels` are uint8 (n, c, h, w) of the `images`."""

    files: TrainedFiles
    images: ImageTable
    pixels: np.ndarray
    method: str
    n_clusters: int
    image_size: str
    seed: int
    parameters: dict[str, Any]
    seconds: float

    @property
    def name(self) -> MethodName:
        """The method that is trained."""
        return MethodName(IMAGES, self.method)

    @property
    def title(self) -> str:
        """What the user calls it."""
        return f"{self.files.dataset}: {self.name}"

    def settings(self) -> dict[str, Any]:
        """What decides the results."""
        return {
            "objective": IMAGES,
            "method": self.method,
            "image_size": self.image_size,
            "image_shape": list(self.pixels.shape[1:]),
            "seed": self.seed,
            "n_clusters": self.n_clusters,
            **self.parameters,
        }


def estimator_class(method: str) -> type:
    """Return the estimator of a method on images."""
    module, _, name = _ESTIMATORS[method].partition(":")
    found: type = getattr(importlib.import_module(module), name)
    return found


def chosen_parameters(method: str, given: Mapping[str, Any], overruling: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a method on images, as `stages.training.hyperparameters` does."""
    extra = {"network": list[int]} if method == "dec" else {}
    name = f"image_{method}"
    estimator = estimator_class(method)
    chosen = hyperparameters(name, estimator, given, overruling, extra, NOT_THEIRS[method], _DEFAULTS[method])
    widths = chosen.get("network")
    if method == "dec" and widths is not None and (not widths or min(widths) < 1):
        raise ParameterError(f"{name}.network is {widths}; give layer widths such as [500, 500, 2000, 10]")
    return chosen


def train_on_images(job: ImageJob, device: "torch.device", show: Callable[[str, Any], None]) -> Any:
    """Return the estimator, fitted; it goes on from what an unfinished training of the same left."""
    from stages.deep.checkpoint import FileCheckpoint
    from stages.training.fingerprint import training_code, training_fingerprint

    facts = {**job.settings(), "device": device.type}
    state = FileCheckpoint(
        job.files.scratch(job.name) / "all.safetensors",
        training_fingerprint([job.pixels], facts),
        job.seconds,
        training_code("stages.train_images"),
        warnings.warn,
    )
    given = {name: value for name, value in job.parameters.items() if name != "preset"}
    estimator = estimator_class(job.method)(
        job.n_clusters,
        **given,
        device=device,
        random_state=derived_seed(job.seed, "train", IMAGES, job.method),
        progress=lambda record: show("", record),
        checkpoint=state,
    )
    estimator.fit([pixel_view(job.pixels)] if job.method == "dec" else job.pixels)
    return estimator


def write_image_results(job: ImageJob, estimator: Any, metrics: Path) -> dict[str, np.ndarray]:
    """Write the outputs, and return the clusters by column; the state of the training has then served."""
    fingerprint, own = job.images.fingerprint, job.settings()
    embedding = job.files.embedding(job.name)
    write_vectors(embedding, "embedding", [estimator.embedding_], fingerprint, own)
    _write_network(job, estimator, own | {"images": fingerprint})
    labels = {name: getattr(estimator, attribute) for name, attribute in COLUMNS[job.method].items()}
    # So that what follows the clusters, as the report does, follows the embedding, too.
    settings = own | {"embedding": file_digest(embedding)}
    write_partitions(job.files.partitions(job.name), labels, dict.fromkeys(labels, settings), fingerprint)
    write_course(training_curve(metrics, job.name), course(job.images, estimator))
    estimator.checkpoint.remove()
    return labels


def _write_network(job: ImageJob, estimator: Any, settings: dict[str, Any]) -> None:
    """DEC's network sees pixels as one view, the others' networks see images."""
    file = job.files.model(job.name)
    if job.method == "dec":
        from stages.deep.models import write_model

        write_model(file, estimator, settings)
    else:
        from stages.deep.image_models import write_image_model

        write_image_model(file, estimator, settings)
