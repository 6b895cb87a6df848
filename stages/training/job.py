"""What a run of the stage `train` trains, and what it reads."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.core.errors import TableError
from stages.tables import ImageTable, Vectors, check_same_images, read_vectors
from stages.tables.methods import MethodName
from stages.tables.trained_files import TrainedFiles

if TYPE_CHECKING:
    import torch

    from stages.deep.models import Model


@dataclass(frozen=True)
class Job:
    """What is trained, and on what; `settings` are those that are written with the results."""

    files: TrainedFiles
    images: ImageTable
    objective: str
    method: str
    n_clusters: int
    backbones: list[str]
    layer: str
    scaling: str
    width: int
    seed: int
    parameters: dict[str, Any]
    seconds: float

    @property
    def name(self) -> MethodName:
        """The method that is trained."""
        return MethodName(self.objective, self.method)

    @property
    def title(self) -> str:
        """What the user calls it."""
        return f"{self.files.dataset}: {self.name}"

    def settings(self, backbones: list[str]) -> dict[str, Any]:
        """What decides the results of a network on these backbones."""
        return {
            "objective": self.objective,
            "method": self.method,
            "backbones": backbones,
            "layer": self.layer,
            "scaling": self.scaling,
            "width": self.width,
            "seed": self.seed,
            "n_clusters": self.n_clusters,
            **self.parameters,
        }


def read_view(job: Job, backbone: str) -> tuple[Vectors, np.ndarray]:
    """The features of one backbone, and their checked values, float32 (n, d)."""
    from stages.deep.view_encoding import check_views

    table = read_vectors(
        job.files.data / "features" / job.files.dataset / backbone / f"{job.layer}.parquet", "features"
    )
    check_same_images(job.images, table)
    return table, check_views([table.values], [f"backbone {backbone!r}"])[0]


def read_earlier(job: Job, method: str, backbone: str | None, device: "torch.device") -> "Model":
    """A network that another method trained; refused unless it is of these images, features and clusters."""
    from stages.deep.models import read_model

    file = job.files.model(MethodName(job.objective, method, backbone))
    model = read_model(file, device)
    expected = job.settings([backbone] if backbone else job.backbones) | {"images": job.images.fingerprint}
    for name in ("images", "backbones", "layer", "scaling", "width", "n_clusters"):
        if model.settings.get(name) != expected[name]:
            raise TableError(f"{file} was trained on other {name} than now; run `dvc repro` to make it anew")
    return model
