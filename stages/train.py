"""Stage `train`: one method of the comparison, trained on one objective."""

import time
from pathlib import Path
from typing import Annotated

import typer

from stages.core.command import application, run, warnings_reported
from stages.core.runlog import write_runlog
from stages.params.file import read_changes, read_section
from stages.params.n_clusters import found_n_clusters, resolve_n_clusters
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
    dataset: Annotated[str, typer.Option(help="Name of the dataset: the folder under data/raw.")],
    n_clusters: Annotated[
        str,
        typer.Option(
            help="Number of clusters; 'classes': as many as labels; 'auto': as many as the ensemble found."
        ),
    ],
    objective: Annotated[Objective, typer.Option(help="What networks are trained for.")] = Objective.JULE,
    method: Annotated[
        FeatureMethod,
        typer.Option(
            help="Row of the comparison. views: a network a backbone, by itself; cc: one over all views side by "
            "side; dmvc-fix: the views' networks as they are, and one over their codes; dmvc: all of that trained "
            "together."
        ),
    ] = FeatureMethod.DMVC,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed that all others are derived from.")] = 0,
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
    parameters: Annotated[
        Path, typer.Option(help="YAML file whose section OBJECTIVE holds the parameters of the training.")
    ] = Path("params.yaml"),
    changes: Annotated[
        list[str], typer.Option("--set", help="NAME=VALUE in place of that file's value; repeatable.")
    ] = [],  # noqa: B006 - Typer copies it
    device: Annotated[
        str, typer.Option(envvar="MANYVIEWS_DEVICE", help="auto, cpu or cuda; auto takes CUDA when there is one.")
    ] = "auto",
    checkpoint_seconds: Annotated[
        float,
        typer.Option(
            envvar="MANYVIEWS_CHECKPOINT_SECONDS",
            min=0,
            help="Seconds from one state that a killed run goes on from to the next; 0: one after every epoch.",
        ),
    ] = 10.0,
    data: Annotated[Path, typer.Option(help="Folder of the pipeline's data.")] = Path("data"),
    metrics: Annotated[Path, typer.Option(help="Folder of the small files for `dvc plots`.")] = Path("metrics"),
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
        parameters=chosen_parameters(objective, method, read_section(parameters, objective), changed),
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


app = application(train)

if __name__ == "__main__":
    run(app)
