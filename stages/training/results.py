"""What the stage `train` writes of its networks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.core.atomic import write_text
from stages.core.csvtext import csv_text
from stages.core.digest import file_digest
from stages.scoring import external_scores
from stages.tables import ImageTable, Vectors, write_partitions, write_vectors
from stages.tables.trained_files import training_curve
from stages.training.curves import columns, curve
from stages.training.job import Job

if TYPE_CHECKING:
    from stages.deep.checkpoint import FileCheckpoint

_EXTRACTION = ("precision", "preprocessing", "weights")  # what decides features besides backbone and layer


@dataclass(frozen=True)
class Result:
    """One trained network: of all backbones, or, with a `name`, of this one."""

    name: str | None
    backbones: list[str]
    labels: np.ndarray
    embedding: np.ndarray
    model: Any
    rows: list[dict[str, Any]]
    extraction: dict[str, Any]
    checkpoint: "FileCheckpoint"


def result_of(job: Job, backbone: str | None, tables: list[Vectors], estimator: Any, model: Any) -> Result:
    """Gather what a fitted estimator learnt from `tables` of features; `model` is what is saved as the network."""
    rows = course(job.images, estimator)
    backbones = [backbone] if backbone else job.backbones
    extraction = {
        name: {fact: table.metadata[fact] for fact in _EXTRACTION if fact in table.metadata}
        for name, table in zip(backbones, tables, strict=True)
    }
    return Result(
        name=backbone,
        backbones=backbones,
        labels=estimator.labels_,
        embedding=estimator.embedding_,
        model=model,
        rows=[{"backbone": backbone, **row} for row in rows] if backbone else rows,
        extraction=extraction,
        checkpoint=estimator.checkpoint,
    )


def course(images: ImageTable, estimator: Any) -> list[dict[str, Any]]:
    """Return the rows of the training's curve, with scores where images have labels."""
    known = images.labels >= 0

    def score(labels: np.ndarray) -> float:
        return external_scores(images.labels[known], labels[known])["nmi_geometric"]

    return curve(estimator.history_, getattr(estimator, "gamma", 1.0), score if known.any() else None)


def write_course(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write the rows of one curve or several."""
    header = columns(rows)
    write_text(file, csv_text(header, ([row.get(name, "") for name in header] for row in rows)))


def write_results(job: Job, results: Sequence[Result], metrics: Path) -> None:
    """Write the outputs; the states of the trainings have then served."""
    from stages.deep.models import write_model

    fingerprint = job.images.fingerprint
    labels, settings = {}, {}
    for result in results:
        name, own = result.name or job.method, job.settings(result.backbones)
        network = replace(job.name, view=result.name)
        embedding = job.files.embedding(network)
        write_vectors(embedding, "embedding", [result.embedding], fingerprint, own)
        facts = own | {"images": fingerprint, "extraction": result.extraction}
        write_model(job.files.model(network), result.model, facts)
        # So that what follows the clusters, as the report does, follows the embedding, too.
        labels[name], settings[name] = result.labels, own | {"embedding": file_digest(embedding)}
    write_partitions(job.files.partitions(job.name), labels, settings, fingerprint)
    rows = [row for result in results for row in result.rows]
    write_course(training_curve(metrics, job.name), rows)
    for result in results:
        result.checkpoint.remove()


def described_sizes(partitions: Sequence[np.ndarray]) -> str:
    """The number of clusters and their sizes, of one partition or several."""
    counts = [np.unique(labels, return_counts=True)[1] for labels in partitions]
    numbers = sorted({len(sizes) for sizes in counts})
    clusters = "-".join(str(number) for number in dict.fromkeys((numbers[0], numbers[-1])))
    return f"{clusters} clusters of {min(map(min, counts))} to {max(map(max, counts))} images"
