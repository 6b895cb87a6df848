"""The representations that probes judge: the features of each view, the embedding of each network."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from stages.core.digests import file_digest
from stages.tables import ImageTable, Partitions, Vectors, check_same_images, read_vectors
from stages.tables.methods import MethodName, all_networks
from stages.tables.textfiles import damaged
from stages.tables.trained_files import TrainedFiles


def representations(
    images: ImageTable, views: Sequence[Vectors], files: TrainedFiles, trained: Mapping[str, Partitions]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and the vectors, float32 (n, d), of each of the `views`, then of each network.

    `trained` are the tables of the methods' clusters, by name, which have the digests of their embeddings. One
    embedding is in memory at a time. Raises `TableError` for one that is missing, or of another training.
    """
    for view in views:
        yield f"features/{view.file.parent.name}/{view.file.stem}", view.values
    backbones = list(dict.fromkeys(view.file.parent.name for view in views))
    for name in all_networks(map(MethodName.parse, trained), backbones):
        partitions = trained[str(replace(name, view=None))]
        made = next(iter(partitions.settings.values())) if name.view is None else partitions.settings[name.view]
        file = files.embedding(name)
        embedding = read_vectors(file, "embedding")
        check_same_images(images, embedding)
        if made.get("embedding") not in (None, file_digest(file)):
            raise damaged(file, f"its digest is not the one in {partitions.file}")
        yield f"embedding/{name}", embedding.values
