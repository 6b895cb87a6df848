"""Where the files of trained methods are."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TrainedFiles:
    """Where the results of one objective on one dataset are, method by method, below the folder `data`.

    A method has one of each file, but "views" has an embedding and a model for every backbone, and "mvec", which
    trains nothing, only its partition.
    """

    data: Path
    dataset: str
    objective: str

    def partitions(self, method: str) -> Path:
        """The table of clusters: one column, of "views" one a backbone."""
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
