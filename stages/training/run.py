"""A job from its first step to its last file: device, processes, lock, progress, results, log."""

import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.digests import file_digest
from stages.core.lock import locked
from stages.core.progress import record_bar
from stages.core.runlog import write_runlog
from stages.scoring.scores import external_scores
from stages.tables import ImageTable, write_partitions, write_vectors
from stages.tables.trained_files import training_curve
from stages.training.apart import train_apart
from stages.training.job import Job, Trained, train
from stages.training.learning_curve import described, learning_curve, write_learning_curves
from stages.training.seeds import Kept, keep_medoid


def run_job(
    job: Job, metrics: Path, device: str, report: Callable[[str], None], engine: str = "local"
) -> str | None:
    """Train the networks of a job on `device`, with the processes that torchrun started, and write the results.

    `metrics` is the folder of the dataset's small files. Return the clusters and the seconds for the user to read;
    None in all processes but the first, which alone writes, warns and calls `report`, as
    `stages.training.job.train` does. A second run of the same is refused. On the `engine` "ray", several networks
    are trained on the cluster.
    """
    from stages.core.device import choose_device
    from stages.deep.distributed import joined_group

    started = time.perf_counter()
    with ExitStack() as stack:
        group, at = stack.enter_context(joined_group(choose_device(device)))
        is_first = group.rank == 0
        if is_first:
            stack.enter_context(locked(job.files.scratch(job.name).with_suffix(".lock"), job.title))
        else:
            stack.enter_context(warnings.catch_warnings(action="ignore", category=UserWarning))
        records = job.records and job.records * job.seeds
        advance = stack.enter_context(record_bar(job.title, records))

        def show(what: str, record: Any) -> None:
            advance(f"{what} {described(record)}".strip())

        line = report if is_first else lambda text: None
        jobs = [run for network in job.networks() for run in network.runs()]
        if engine == "local" or len(jobs) == 1:  # a single network is trained here, and shows how far it is
            trained: Iterator[Trained] = (train(each, at, show, line) for each in jobs)
        else:
            trained = iter(train_apart(jobs, at, show, engine))
        # Network by network: of many seeds one alone is kept in memory.
        found = ((network, list(islice(trained, job.seeds))) for network in job.networks())
        if is_first:
            partitions = _write_results(job, [keep_medoid(network, runs) for network, runs in found], metrics)
        else:
            deque(found, maxlen=0)
    if not is_first:
        return None
    seconds = time.perf_counter() - started
    name = f"train-{job.files.dataset}-{job.name.objective}-{job.name.method}"
    write_runlog(name, device=str(at), processes=group.size, seconds=round(seconds, 3))
    runs = "" if job.seeds == 1 else f", the medoid of {job.seeds} seeds"
    return f"{_described_sizes(partitions)}{runs}, {seconds:.1f} s"


def _write_results(job: Job, networks: Sequence[Kept], metrics: Path) -> list[np.ndarray]:
    """Write the outputs and return the partitions, int32 (n); the states of the trainings have then served."""
    fingerprint = job.images.fingerprint
    labels, settings, rows, curve = {}, {}, list[dict[str, object]](), training_curve(metrics, job.name)
    of_seeds: dict[str, Sequence[np.ndarray]] = {}
    for kept in networks:
        network, own = kept.trained, kept.settings
        name = network.job.name
        embedding = job.files.embedding(name)
        write_vectors(embedding, "embedding", [network.estimator.embedding_], fingerprint, own)
        facts = {**own, "images": fingerprint, **network.facts}
        network.job.write_model(job.files.model(name), network.model, facts)
        for column, attribute in network.job.columns.items():
            labels[column] = getattr(network.estimator, attribute)
            # So that what follows the clusters, as the report does, follows the embedding, too.
            settings[column] = {**own, "embedding": file_digest(embedding)}
        of_seeds |= kept.partitions
        of_view = {"backbone": name.view} if name.view else {}
        rows += [{**of_view, **row} for row in _curve(job.images, network)]
    write_learning_curves(curve, rows)
    digest = file_digest(curve)
    settings = {column: made | {"curve": digest} for column, made in settings.items()}
    write_partitions(job.files.partitions(job.name), labels, settings, fingerprint, of_seeds)
    for kept in networks:
        for checkpoint in kept.checkpoints:
            checkpoint.remove()
    return list(labels.values())


def _curve(images: ImageTable, network: Trained) -> list[dict[str, object]]:
    """The rows of a network's learning curve, with scores where images have labels."""
    known = images.labels >= 0

    def score(labels: np.ndarray) -> float:
        return external_scores(images.labels[known], labels[known])["nmi_geometric"]

    estimator = network.estimator
    gamma = getattr(estimator, "gamma", 1.0)
    return learning_curve(estimator.history_, gamma, score if known.any() else None)


def _described_sizes(partitions: Sequence[np.ndarray]) -> str:
    """The number of clusters and their sizes, of one partition or several."""
    counts = [np.unique(labels, return_counts=True)[1] for labels in partitions]
    numbers = sorted({len(sizes) for sizes in counts})
    clusters = "-".join(str(number) for number in dict.fromkeys((numbers[0], numbers[-1])))
    return f"{clusters} clusters of {min(map(min, counts))} to {max(map(max, counts))} images"
