"""The files of a finished training: embeddings, models, clusters and learning curves."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stages.core.digests import file_digest
from stages.scoring import external_scores
from stages.tables import ImageTable, write_partitions, write_vectors
from stages.tables.trained_files import training_curve
from stages.training.job import Job, Trained
from stages.training.learning_curve import learning_curve, write_learning_curves


def write_results(job: Job, networks: Sequence[Trained], metrics: Path) -> list[np.ndarray]:
    """Write the outputs and return the partitions, int32 (n); the states of the trainings have then served."""
    fingerprint = job.images.fingerprint
    labels, settings, rows = {}, {}, []
    for network in networks:
        own, name = network.job.settings(), network.job.name
        embedding = job.files.embedding(name)
        write_vectors(embedding, "embedding", [network.estimator.embedding_], fingerprint, own)
        facts = own | {"images": fingerprint, **network.facts}
        network.job.write_model(job.files.model(name), network.model, facts)
        for column, attribute in network.job.columns.items():
            labels[column] = getattr(network.estimator, attribute)
            # So that what follows the clusters, as the report does, follows the embedding, too.
            settings[column] = own | {"embedding": file_digest(embedding)}
        of_view = {"backbone": name.view} if name.view else {}
        rows += [{**of_view, **row} for row in _curve(job.images, network)]
    write_partitions(job.files.partitions(job.name), labels, settings, fingerprint)
    write_learning_curves(training_curve(metrics, job.name), rows)
    for network in networks:
        network.estimator.checkpoint.remove()
    return list(labels.values())


def _curve(images: ImageTable, network: Trained) -> list[dict[str, object]]:
    """The rows of a network's learning curve, with scores where images have labels."""
    known = images.labels >= 0

    def score(labels: np.ndarray) -> float:
        return external_scores(images.labels[known], labels[known])["nmi_geometric"]

    estimator = network.estimator
    gamma = getattr(estimator, "gamma", 1.0)
    return learning_curve(estimator.history_, gamma, score if known.any() else None)
