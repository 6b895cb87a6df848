"""Stage `train`: one method of the comparison, trained on one objective."""

import time
from typing import Annotated

import typer

from stages.core.command import run, warnings_reported
from stages.core.runlog import write_runlog
from stages.params.file import PARAMS, read_changes, read_section
from stages.params.n_clusters import found_n_clusters, resolve_n_clusters
from stages.params.options import (
    DATA,
    METRICS,
    Changes,
    CheckpointSeconds,
    DataFolder,
    Dataset,
    Device,
    MetricsFolder,
    NClusters,
    Seed,
)
from stages.params.stage import ParamsFile, stage_application
from stages.tables import read_images
from stages.tables.manifest import read_manifest
from stages.tables.methods import FeatureMethod, Objective
from stages.tables.trained_files import TrainedFiles
from stages.training.estimators import chosen_parameters
from stages.training.job import Job
from stages.training.networks import train_joint, train_single
from stages.training.results import described_sizes, write_results
from stages.training.run import training_run


def train(
    dataset: Dataset,
    n_clusters: NClusters,
    objective: Annotated[Objective, typer.Option(help="What networks are trained for.")] = Objective.JULE,
    method: Annotated[
        FeatureMethod,
        typer.Option(
            help="Row of the comparison. views: a network a backbone, by itself; cc: one over all views side by "
            "side; dmvc-fix: the views' networks as they are, and one over their codes; dmvc: all of that trained "
            "together."
        ),
    ] = FeatureMethod.DMVC,
    seed: Seed = 0,
    backbones: Annotated[
        list[str] | None, typer.Option(help="Backbone to use; repeatable. Default: all that stage views lists.")
    ] = None,
    layer: Annotated[str, typer.Option(help="Layer whose features are used; L3 is the last one.")] = "L3",
    scaling: Annotated[
        str,
        typer.Option(
            help="sqrt: signed square root of each feature, then rows of one length; l2: only that; global: one "
            "factor for all; none."
        ),
    ] = "sqrt",
    width: Annotated[int, typer.Option(min=1, help="Units of each layer and of the embedding (MVnet).")] = 160,
    changes: Changes = [],  # noqa: B006 - Typer copies it
    device: Device = "auto",
    checkpoint_seconds: CheckpointSeconds = 10.0,
    data: DataFolder = DATA,
    metrics: MetricsFolder = METRICS,
    params: ParamsFile = PARAMS,
) -> None:
    """Train one method of the published comparison; write its clusters, embedding, network and curve.

    A method reads what those before it wrote: dmvc-fix the results of views, dmvc of jule that of dmvc-fix. An
    unfinished training keeps its state in DATA/scratch: run again after a kill, it goes on from there and ends
    with the same files, byte for byte. Started by torchrun, it trains on several GPUs.
    """
    files = TrainedFiles(data, dataset)
    images = read_images(data / "images" / f"{dataset}.parquet")
    count = resolve_n_clusters(n_clusters, images) or found_n_clusters(files.n_clusters)
    changed = read_changes(changes)
    job = Job(
        files=files,
        images=images,
        objective=objective,
        method=method,
        n_clusters=count,
        backbones=backbones or read_manifest(data / "views" / dataset / "features.json"),
        layer=layer,
        scaling=scaling,
        width=width,
        seed=seed,
        parameters=chosen_parameters(objective, method, read_section(params, objective), changed),
        seconds=checkpoint_seconds,
    )

    started = time.perf_counter()
    lock = files.scratch(job.name).with_suffix(".lock")
    with warnings_reported(), training_run(job.title, lock, device, _epochs(job)) as at:
        if method == FeatureMethod.VIEWS:
            results = [train_single(job, name, at.device, at.show) for name in job.backbones]
        else:
            results = [train_joint(job, at.device, at.show)]
        if at.group.rank == 0:
            write_results(job, results, metrics / dataset)
    if at.group.rank > 0:
        return
    seconds = time.perf_counter() - started
    write_runlog(
        f"train-{dataset}-{objective}-{method}",
        device=str(at.device),
        processes=at.group.size,
        seconds=round(seconds, 3),
    )
    what = f"{len(job.backbones)} views" + (" one by one" if method == FeatureMethod.VIEWS else "")
    print(f"{job.title} on {what}: {described_sizes([result.labels for result in results])}, {seconds:.1f} s")


def _epochs(job: Job) -> int | None:
    """How many records the training makes, at most; None where nobody knows."""
    names = ("pretrain_epochs", "anchor_epochs", "refine_epochs")
    given = job.parameters
    if not all(name in given for name in names):
        return None
    return sum(given[name] for name in names) * (len(job.backbones) if job.method == FeatureMethod.VIEWS else 1)


app = stage_application(train, "n_clusters", "seed", "train.layer", "train.scaling", "train.width")

if __name__ == "__main__":
    run(app)
