"""A training by a stage: the frame that all methods share, which `on_features` and `on_images` fill."""

import hashlib
import json
import pkgutil
import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np

from stages.core.digests import code_digest
from stages.core.errors import ParameterError
from stages.core.seeds import derived_seed
from stages.tables import ImageTable
from stages.tables.methods import MethodName
from stages.tables.trained_files import TrainedFiles
from stages.training.hyperparameters import DEFAULTS, MACHINE, hyperparameters

if TYPE_CHECKING:
    import torch

    from stages.deep.checkpoint import FileCheckpoint
    from stages.deep.models import Model

_SIZES = (
    "width",
    "network",
    "crops",
    "input_size",
    "batch_size",
    "repeats",
    "sub_heads",
    "overclustering",
    "block_size",
)  # parameters that decide how much memory a training takes
VERSIONS = ("numba", "numpy", "scikit-learn", "scipy", "torch", "torchvision")  # of what computes
_EPOCHS = ("pretrain_epochs", "anchor_epochs", "refine_epochs")
MOST_SEEDS = 1000  # columns of the table of clusters


class Estimator(Protocol):
    """The part of `stages.deep`'s estimators that a job needs: embedding (n, width), records of the training."""

    embedding_: np.ndarray
    history_: list[Any]
    checkpoint: "FileCheckpoint"

    def fit(self, X: Any, **given: Any) -> Any:
        """Train the network."""


@dataclass(frozen=True)
class Inputs:
    """The inputs of one network's training: `fit` takes the `data` and the further arguments `given`.

    `read` are all the arrays that the result depends on. `models` are earlier networks that become parts of this
    one, and `facts` are written with the network, beside the settings.
    """

    data: Any
    read: Sequence[np.ndarray]
    given: Mapping[str, Any] = field(default_factory=dict)
    models: Sequence["Model"] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Job(ABC):
    """A method to be trained; `seconds` pass from one saved state to the next."""

    SCRIPT: ClassVar[str]  # the module of the stage
    ESTIMATOR: ClassVar[str]  # where the estimator is, "module:class"
    NOT_THEIRS: ClassVar[Sequence[str]] = MACHINE  # parameters of the estimator that are not the method's
    EXTRA: ClassVar[Mapping[str, Any]] = {}  # further parameters, with their types

    name: MethodName
    files: TrainedFiles
    images: ImageTable
    n_clusters: int
    seed: int
    parameters: Mapping[str, Any]
    seconds: float
    number: int | None = None  # of a run among those with several seeds, from 0

    @classmethod
    def estimator(cls, method: str) -> type[Any]:
        found: type[Any] = pkgutil.resolve_name(cls.ESTIMATOR)
        return found

    @classmethod
    def chosen_parameters(cls, name: MethodName, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a method, see `hyperparameters`; the estimator has checked its own.

        Among them is the number of `seeds`, if it is not 1.
        """
        estimator = cls.estimator(name.method)
        defaults, extra = DEFAULTS.get(name.section), {**cls.EXTRA, "seeds": int}
        found = hyperparameters(name.section, estimator, given, extra, cls.NOT_THEIRS, defaults)
        seeds = found.pop("seeds", 1)
        if not 1 <= seeds <= MOST_SEEDS:
            raise ParameterError(f"{name.section}.seeds is {seeds}; give a whole number from 1 to {MOST_SEEDS}")
        own = {key: value for key, value in found.items() if key not in ("preset", *cls.EXTRA)}
        estimator(**own).check_parameters()
        return found if seeds == 1 else found | {"seeds": seeds}

    @property
    def title(self) -> str:
        return f"{self.files.dataset}: {self.name}"

    @property
    def records(self) -> int | None:
        """Return how many records the training makes, at most; None where nobody knows."""
        if not all(name in self.parameters for name in _EPOCHS):
            return None
        by_layer = int(self.parameters.get("layer_epochs", 0)) * self.encoder_layers
        return len(self.networks()) * (by_layer + sum(int(self.parameters[name]) for name in _EPOCHS))

    @property
    def encoder_layers(self) -> int:
        """Return how many layers of a network can be pre-trained one by one."""
        return 0

    def networks(self) -> Sequence[Self]:
        """Return a job for each network that the method trains."""
        return [self]

    @property
    def seeds(self) -> int:
        """Return how often each network is trained, with a seed of its own each time."""
        return int(self.parameters.get("seeds", 1))

    def runs(self) -> Sequence[Self]:
        """Return a job for each seed of the one network of this job.

        None depends on how many there are, so that an unfinished training goes on when they become more.
        """
        if self.seeds == 1:
            return [self]
        own = {name: value for name, value in self.parameters.items() if name != "seeds"}
        return [replace(self, parameters=own, number=number) for number in range(self.seeds)]

    @property
    def part(self) -> str:
        """Return what of the method the job trains, for messages: the view, the number of the seed, or nothing."""
        return " ".join(filter(None, (self.name.view, "" if self.number is None else f"seed {self.number}")))

    def settings(self) -> dict[str, Any]:
        """Return the settings that decide the results, as they are written with them."""
        return {
            "objective": self.name.objective,
            "method": self.name.method,
            **self.source(),
            "seed": self.seed,
            "n_clusters": self.n_clusters,
            **self.parameters,
        }

    @property
    def columns(self) -> Mapping[str, str]:
        """Return the columns of the table of clusters, and which attribute of the estimator each holds."""
        return {self.name.view or self.name.method: "labels_"}

    @property
    def seed_names(self) -> tuple[str, ...]:
        """Return the names that the network's seed is derived from."""
        return (self.name.objective, self.name.method)

    @abstractmethod
    def source(self) -> dict[str, Any]:
        """Return the settings of what the network is trained on."""

    @abstractmethod
    def inputs(self, device: "torch.device") -> Inputs:
        """Read what the network is trained on."""

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the estimator's constructor that are the method's."""
        return {name: value for name, value in self.parameters.items() if name != "preset"}

    def model(self, estimator: Estimator, inputs: Inputs) -> Any:
        """Return the network to be saved."""
        return estimator

    def write_model(self, file: Path, model: Any, settings: Mapping[str, Any]) -> None:
        from stages.deep.models import write_model

        write_model(file, model, settings)


@dataclass(frozen=True)
class Trained:
    """A fitted network of a job, and what is saved of it; `facts` are those of its `Inputs`."""

    job: Job
    estimator: Estimator
    model: Any
    facts: Mapping[str, Any]


def train(
    job: Job, device: "torch.device", show: Callable[[str, Any], None], report: Callable[[str], None]
) -> Trained:
    """Train the one network of a job, going on from what an unfinished training of the same left.

    `show` takes the `part` of the job and each record as it comes; `report` a line where the state of another
    training is not used. Warnings of the estimator name the part, too.
    """
    return train_on(job.inputs(device), job, device, show, report)


def train_on(
    inputs: Inputs,
    job: Job,
    device: "torch.device",
    show: Callable[[str, Any], None],
    report: Callable[[str], None],
) -> Trained:
    """Train the one network of a job on the inputs that it has read; see `train`."""
    from stages.deep.checkpoint import FileCheckpoint

    part = job.part
    # The first of several seeds is the one that there would be without others.
    number = (job.number,) if job.number else ()
    fingerprint = training_fingerprint(inputs.read, {**job.settings(), "device": device.type})
    name = "-seed".join(map(str, (job.name.view or "all", *number)))
    state = job.files.scratch(job.name) / f"{name}.safetensors"
    checkpoint = FileCheckpoint(state, fingerprint, job.seconds, code_digest(job.SCRIPT, VERSIONS), report)
    estimator: Estimator = job.estimator(job.name.method)(
        job.n_clusters,
        **job.arguments(),
        device=device,
        random_state=derived_seed(job.seed, "train", *job.seed_names, *number),
        progress=lambda record: show(part, record),
        checkpoint=checkpoint,
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        with _within_memory(job.arguments()):
            estimator.fit(inputs.data, **inputs.given)
    for warning in caught:
        warnings.warn(f"{part}: {warning.message}" if part else str(warning.message), stacklevel=2)
    return Trained(job, estimator, job.model(estimator, inputs), inputs.facts)


@contextmanager
def _within_memory(arguments: Mapping[str, Any]) -> Iterator[None]:
    """Name the sizes among the arguments where PyTorch or NumPy cannot have the memory that they lead to."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not re.search("allocate|out of memory|overflowed", str(error)):
            raise
        sizes = [f"{name} {arguments[name]}" for name in _SIZES if name in arguments]
        raise ParameterError(f"memory does not suffice for {' and '.join(sizes)}; give smaller numbers") from None


def training_fingerprint(arrays: Sequence[np.ndarray], facts: Mapping[str, Any]) -> str:
    """Return 64 hex digits for the `arrays` that a training reads and the JSON `facts` that decide it."""
    digest = hashlib.sha256(json.dumps(dict(facts), sort_keys=True).encode())
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
