"""Networks of one job trained as tasks of their own, each where the engine has room for it."""

import pickle
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.core.engine import tasks_on
from stages.training.job import Job, Trained, train_on

if TYPE_CHECKING:
    import torch


def train_apart(
    jobs: Sequence[Job], device: "torch.device", show: Callable[[str, Any], None], engine: str
) -> list[Trained]:
    """Train the networks of `jobs` on a cluster; `show` takes the records of each when it is done.

    The inputs are read here and sent. Each network computes on as many threads as it would here, since their
    number decides the last bits. A node that sees the folder of the unfinished trainings uses it: a network whose
    worker is lost then goes on from its last state, and elsewhere begins again.
    """
    import torch

    for job in jobs:
        job.files.scratch(job.name).mkdir(parents=True, exist_ok=True)
    # As bytes: arrays that the engine sends arrive read-only, which PyTorch does not take.
    sent = (pickle.dumps((_without_images(job), job.inputs(device))) for job in jobs)
    threads = torch.get_num_threads()
    needs = {"gpus": 1} if device.type == "cuda" else {"cpus": threads}
    networks = []
    with tasks_on(engine) as map_tasks:
        for job, found in zip(jobs, map_tasks(_train, sent, device.type, threads, **needs), strict=True):
            for record in found.estimator.history_:
                show(job.part, record)
            networks.append(replace(found, job=job))
    return networks


def _without_images(job: Job) -> Job:
    """The job as a node gets it: with the place of the data in full, and without the table of images."""
    files = replace(job.files, data=job.files.data.absolute())
    return replace(job, files=files, images=None)  # type: ignore[arg-type]  # `inputs` alone reads them


def _train(device: str, threads: int, sent: bytes) -> Trained:
    import torch

    torch.set_num_threads(threads)
    job, inputs = pickle.loads(sent)
    with tempfile.TemporaryDirectory() as folder:
        if not job.files.scratch(job.name).exists():
            job = replace(job, files=replace(job.files, data=Path(folder)))
        return train_on(inputs, job, torch.device(device), lambda view, record: None, _warn)


def _warn(line: str) -> None:
    warnings.warn(line, stacklevel=2)
