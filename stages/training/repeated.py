"""One training repeated with other parameters and seeds, of which the clusters alone are kept."""

import hashlib
import json
import pickle
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stages.core.atomic import write_bytes
from stages.core.digests import code_digest
from stages.core.engine import tasks_on
from stages.core.errors import ParameterError, TableError
from stages.tables import ImageTable, check_same_images, read_partitions, write_partitions
from stages.tables.methods import MethodName
from stages.tables.trained_files import TrainedFiles
from stages.training.job import VERSIONS, train, training_fingerprint
from stages.training.on_features import FeatureJob

if TYPE_CHECKING:
    import torch

Run = Sequence[FeatureJob]  # each builds on those before it; the clusters are those of the last


@dataclass(frozen=True)
class RunFiles(TrainedFiles):
    """The files of a run: features are the dataset's, networks and unfinished states in a `folder` of its own."""

    folder: Path

    @property
    def clusters(self) -> Path:
        """The clusters, when the run is done."""
        return self.folder / "clusters.parquet"

    def model(self, name: MethodName) -> Path:
        return self.folder / "models" / name.method / f"{name.view or 'all'}.safetensors"

    def scratch(self, name: MethodName) -> Path:
        return self.folder / "states" / name.method


def train_repeatedly(
    runs: Mapping[str, Run], folder: Path, device: "torch.device", engine: str
) -> Iterator[np.ndarray]:
    """Yield the clusters, int32 (n), of each of the `runs`, by name, all on the same features.

    Each run has a place below `folder`, for its state and then for its clusters, so that after a kill this goes on
    with what is missing; the caller removes the folder when all is written. On the `engine` "ray" the runs are
    tasks of a cluster, each on as many threads as it would have here. They are sent the features; a node that sees
    the folder uses it.

    Warns of what a training warns of, and raises what it raises, errors of parameters with the name of the run.
    """
    import torch

    first = next(iter(runs.values()))[0]
    place = _digests(runs, first, device)
    placed = {name: _placed(run, folder / place[name]) for name, run in runs.items()}
    kept: dict[Path, np.ndarray] = {}
    missing: dict[Path, bytes] = {}  # what is sent for it; what differs in its name alone is trained once
    for name, run in placed.items():
        if (own := _files(run).folder) in missing or own in kept:
            continue
        if (labels := _kept(run)) is not None:
            kept[own] = labels
        else:
            own.mkdir(parents=True, exist_ok=True)
            missing[own] = pickle.dumps((name, _without_images(run)))
    tables = _feature_tables(first) if engine != "local" else {}
    threads = torch.get_num_threads()
    needs = {"gpus": 1} if device.type == "cuda" else {"cpus": threads}
    with tasks_on(engine) as map_tasks:
        made = map_tasks(_train, missing.values(), tables, first.images, device.type, threads, **needs)
        for run in placed.values():
            if (own := _files(run).folder) not in kept:
                kept[own] = next(made)
                _keep(run, kept[own])
            yield kept[own]


def _digests(runs: Mapping[str, Run], first: FeatureJob, device: "torch.device") -> dict[str, str]:
    """Sixteen hex digits for each run: for all that decides its clusters, the code included."""
    features = FeatureJob.inputs(first, device).read
    common = training_fingerprint(features, {"device": device.type, "images": first.images.fingerprint})
    common += code_digest("stages.train_sweep", VERSIONS)
    texts = {name: json.dumps([job.settings() for job in run], sort_keys=True) for name, run in runs.items()}
    return {name: hashlib.sha256((common + text).encode()).hexdigest()[:16] for name, text in texts.items()}


def _placed(run: Run, folder: Path) -> Run:
    data = run[0].files.data.absolute()
    return [replace(job, files=RunFiles(data, job.files.dataset, folder.absolute())) for job in run]


def _files(run: Run) -> RunFiles:
    files = run[-1].files
    assert isinstance(files, RunFiles)
    return files


def _kept(run: Run) -> np.ndarray | None:
    """The clusters of a run that is done; None of another one, of which a warning says if its file is damaged."""
    file = _files(run).clusters
    if not file.exists():
        return None
    try:
        table = read_partitions(file)
        check_same_images(run[-1].images, table)
    except TableError as error:
        warnings.warn(f"{error.args[0].partition(';')[0]}; the training starts again", stacklevel=2)
        return None
    return next(iter(table.labels.values()))


def _keep(run: Run, labels: np.ndarray) -> None:
    """Write the clusters; networks and states have then served."""
    job, files = run[-1], _files(run)
    write_partitions(files.clusters, {job.name.method: labels}, {job.name.method: {}}, job.images.fingerprint)
    for folder in ("models", "states"):
        shutil.rmtree(files.folder / folder, ignore_errors=True)


def _without_images(run: Run) -> Run:
    """The run as it is sent: the table of images goes once for all."""
    return [replace(job, images=None) for job in run]  # type: ignore[arg-type]  # `_train` puts it back


def _feature_tables(job: FeatureJob) -> dict[str, bytes]:
    """The files of the features, by their places below the folder of the data."""
    folder = Path("features") / job.files.dataset
    places = [folder / backbone / f"{job.layer}.parquet" for backbone in job.backbones]
    return {place.as_posix(): (job.files.data / place).read_bytes() for place in places}


def _train(tables: Mapping[str, bytes], images: ImageTable, device: str, threads: int, sent: bytes) -> np.ndarray:
    """Train what was sent as a name and a run, here or on a node; return the clusters."""
    import torch

    torch.set_num_threads(threads)
    name, run = pickle.loads(sent)
    with tempfile.TemporaryDirectory() as temporary:
        if not _files(run).folder.exists():  # on a node that does not see it
            data = Path(temporary)
            for place, content in tables.items():
                write_bytes(data / place, content)
            files = RunFiles(data, run[-1].files.dataset, data / "run")
            run = [replace(job, files=files) for job in run]
        return _clusters(name, [replace(job, images=images) for job in run], torch.device(device))


def _clusters(name: str, run: Run, device: "torch.device") -> np.ndarray:
    """Train the networks of a run, those that it does not have yet; warnings and errors name it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            for job in run[:-1]:
                for network in job.networks():
                    _train_part(network, device)
            (network,) = run[-1].networks()
            made = train(network, device, lambda view, record: None, _warn)
        except ParameterError as error:
            raise ParameterError(f"{name}: {error}") from None
    for warning in caught:
        warnings.warn(f"{name}: {warning.message}", stacklevel=2)
    (attribute,) = network.columns.values()
    labels: np.ndarray = getattr(made.estimator, attribute)
    return labels


def _train_part(network: FeatureJob, device: "torch.device") -> None:
    """Train a network that another one builds on, and write it, unless it is there."""
    file = network.files.model(network.name)
    if file.exists():
        return
    made = train(network, device, lambda view, record: None, _warn)
    facts = network.settings() | {"images": network.images.fingerprint, **made.facts}
    network.write_model(file, made.model, facts)


def _warn(line: str) -> None:
    warnings.warn(line, stacklevel=2)
