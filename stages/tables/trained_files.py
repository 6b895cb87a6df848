"""Where the files of trained methods are."""

from dataclasses import dataclass
from pathlib import Path

from stages.tables.methods import MethodName


def training_curve(folder: Path, name: MethodName) -> Path:
    """The learning curve of a method, in the `folder` of a dataset's scores."""
    return folder / f"training-{name.objective}-{name.method}.csv"


@dataclass(frozen=True)
class TrainedFiles:
    """Where the results of trained methods on one dataset are, below the folder `data`.

    A method has one of each file, but "views" has an embedding and a model for every backbone, and methods that
    train nothing, see `MethodName.trains_network`, only their partitions.
    """

    data: Path
    dataset: str

    @property
    def n_clusters(self) -> Path:
        """The number of clusters that the ensemble found on the dataset."""
        return self.data / "partitions" / self.dataset / "n_clusters.txt"

    def partitions(self, name: MethodName) -> Path:
        """The table of clusters: one column, of "views" one a backbone, of methods on images one a result."""
        return self.data / "partitions" / self.dataset / name.objective / f"{name.method}.parquet"

    def embedding(self, name: MethodName) -> Path:
        """The table of embeddings; of "views", that of one backbone."""
        return self.data / "embeddings" / self.dataset / f"{name}.parquet"

    def model(self, name: MethodName) -> Path:
        """The trained network; of "views", that of one backbone."""
        return self.data / "models" / self.dataset / f"{name}.safetensors"

    def sweep(self, stem: str) -> Path:
        """The table of clusters of a training that was repeated: one column a run."""
        return self.data / "sweeps" / self.dataset / f"{stem}.parquet"

    def scratch(self, name: MethodName) -> Path:
        """The folder of what an unfinished training keeps."""
        return self.data / "scratch" / "train" / self.dataset / name.objective / name.method
