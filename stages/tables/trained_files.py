"""Where the files of trained methods are."""

from dataclasses import dataclass
from pathlib import Path

from stages.tables.image_methods import BASELINES, FOLDER

_TRANSFERRED = "transfer-"


def is_trained(method: str) -> bool:
    """Whether a method, "OBJECTIVE/METHOD", trains a network, and has an embedding, a model and a curve.

    A vote does not, nor do on images plain clusterings of the pixels, and by a network of another dataset.
    """
    folder, _, row = method.partition("/")
    if folder == FOLDER:
        return row not in BASELINES and not row.startswith(_TRANSFERRED)
    return row != "mvec"


def transferred(source: str) -> str:
    """The name, among methods on images, of clusterings by the network trained on the dataset `source`."""
    return f"{_TRANSFERRED}{source}"


def training_curve(folder: Path, method: str) -> Path:
    """The course of the training of "OBJECTIVE/METHOD", in the `folder` of a dataset's scores."""
    return folder / f"training-{method.replace('/', '-')}.csv"


@dataclass(frozen=True)
class TrainedFiles:
    """Where the results of one objective on one dataset are, method by method, below the folder `data`.

    A method has one of each file, but "views" has an embedding and a model for every backbone, and methods that
    train nothing, see `is_trained`, only their partitions. Those of methods on the images themselves lie where
    those of an objective "images" would.
    """

    data: Path
    dataset: str
    objective: str

    @property
    def n_clusters(self) -> Path:
        """The number of clusters that the ensemble found on the dataset."""
        return self.data / "partitions" / self.dataset / "n_clusters.json"

    def partitions(self, method: str) -> Path:
        """The table of clusters: one column, of "views" one a backbone, of methods on images one a result."""
        return self.data / "partitions" / self.dataset / self.objective / f"{method}.parquet"

    def embedding(self, method: str, backbone: str | None = None) -> Path:
        """The table of embeddings; of "views", that of one backbone."""
        return self._of("embeddings", method, backbone, ".parquet")

    def model(self, method: str, backbone: str | None = None) -> Path:
        """The trained network; of "views", that of one backbone."""
        return self._of("models", method, backbone, ".safetensors")

    def scratch(self, method: str) -> Path:
        """The folder of what an unfinished training keeps."""
        return self.data / "scratch" / "train" / self.dataset / self.objective / method

    def _of(self, kind: str, method: str, backbone: str | None, suffix: str) -> Path:
        name = method if backbone is None else f"{method}/{backbone}"
        return self.data / kind / self.dataset / self.objective / f"{name}{suffix}"
