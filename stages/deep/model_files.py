"""Trained networks and their files: safetensors, no pickle, the same bytes for the same weights.

The one metadata key "manyviews" is JSON: the settings of the training, under "encoder" what the network is built
from, and the file's seal. Safetensors promises no order of several keys.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from torch import Tensor, nn

from stages.core.errors import ManyviewsError, first_line
from stages.core.seal import BLANK, KEY, SealError, check_seal, replacing_sealed
from stages.deep.clusters import confident_clusters

_METADATA = "manyviews"
_ENCODER = "encoder"  # in it, beside the settings


class ModelError(ManyviewsError):
    """A saved model is missing, damaged, or not one of ours."""


Inputs = TypeVar("Inputs")


@dataclass(frozen=True)
class TrainedModel(ABC, Generic[Inputs]):
    """A trained network and its clusters, for new images.

    Attributes: `network`, in evaluation mode; `centres`, float32 (k, width), in the order of the clusters' numbers
    and on the device that computes; `settings`, as they were written with it.
    """

    network: nn.Module
    centres: Tensor
    settings: dict[str, Any]

    def transform(self, inputs: Inputs) -> np.ndarray:
        """Return the embedding, float32 (m, width), of new images; `ParameterError` for what does not fit."""
        return np.concatenate([embedding.cpu().numpy() for embedding in self._embeddings(inputs)])

    def predict(self, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
        """Return the clusters, int32 (m), and how sure they are, float64 (m); see `confident_clusters`."""
        return confident_clusters(self._embeddings(inputs), self.centres)

    @abstractmethod
    def _embeddings(self, inputs: Inputs) -> Iterator[Tensor]:
        """The embedding, some rows after the other: no second copy of all inputs is ever held."""


class Content(NamedTuple):
    """The content of a file: `tensors` by name, the `facts` that the network is built from, the `settings`."""

    tensors: dict[str, Tensor]
    facts: Any
    settings: dict[str, Any]


def write_model_file(
    file: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], settings: Mapping[str, Any]
) -> None:
    """Write the `Content` of a model, whole or not at all."""
    text = json.dumps({**settings, _ENCODER: facts, KEY: BLANK}, sort_keys=True)

    from safetensors.torch import save_file

    with replacing_sealed(file) as partial:
        save_file(dict(tensors), partial, metadata={_METADATA: text})


def read_model_file(file: Path) -> Content:
    """Read what `write_model_file` wrote. Raises `ModelError` for a file that is missing, damaged or no model."""
    from safetensors import SafetensorError, safe_open

    try:
        check_seal(file)
        with safe_open(file, "pt") as content:
            text = (content.metadata() or {}).get(_METADATA)
            tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise ModelError(f"{file} does not exist; run `dvc repro` to make it or `dvc pull` to fetch it") from None
    except (SealError, SafetensorError, OSError) as error:
        reason = first_line(error).rstrip(".")
        raise _unusable(file, f"is not a readable safetensors file ({reason})") from None
    try:
        settings = json.loads(text or "{}")
        facts = settings.pop(_ENCODER)
        settings.pop(KEY, None)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _unusable(file, "does not say how its network is built") from None
    return Content(tensors, facts, settings)


@contextmanager
def rebuilding(file: Path) -> Iterator[None]:
    """Turn what facts and tensors lead to that do not belong together into a `ModelError`."""
    try:
        yield
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RuntimeError):
        raise _unusable(file, "holds other weights than it says") from None


def _unusable(file: Path, why: str) -> ModelError:
    return ModelError(f"{file} {why}; delete it and run `dvc repro` to make it again")
