"""Stage `train`: one method of the comparison, trained on one objective."""

from typing import Annotated

import typer

from stages.clustering.preparation import Scaling
from stages.core.command import run, warn, warnings_reported
from stages.params import options
from stages.params.file import PARAMS, read_section
from stages.params.n_clusters import found_n_clusters, resolve_n_clusters
from stages.params.stage import ParamsFile, stage_application
from stages.tables import read_images
from stages.tables.manifest import read_manifest
from stages.tables.methods import FeatureMethod, MethodName, Objective
from stages.tables.trained_files import TrainedFiles
from stages.training.on_features import FEATURE_JOBS
from stages.training.run import run_job


def train(
    dataset: options.Dataset,
    n_clusters: options.NClusters,
    objective: Annotated[Objective, typer.Option(help="Training objective of the networks.")] = Objective.JULE,
    method: Annotated[
        FeatureMethod,
        typer.Option(
            help="Row of the comparison. views: a network a backbone, by itself; cc: one over all views side by "
            "side; dmvc-fix: the views' networks as they are, and one over their codes; dmvc: all of that trained "
            "together."
        ),
    ] = FeatureMethod.DMVC,
    seed: options.Seed = 0,
    backbones: Annotated[
        list[str] | None, typer.Option(help="Backbone to use; repeatable. Default: all that stage views lists.")
    ] = None,
    layer: Annotated[str, typer.Option(help="Layer whose features are used; L3 is the last one.")] = "L3",
    scaling: Annotated[
        Scaling,
        typer.Option(
            help="sqrt: signed square root of each feature, then rows of one length; l2: only that; global: one "
            "factor for all; none."
        ),
    ] = "sqrt",
    width: Annotated[
        int, typer.Option(min=1, max=65536, help="Units of each layer and of the embedding (MVnet).")
    ] = 160,
    changes: options.Changes = [],  # noqa: B006 - Typer copies it
    device: options.Device = "auto",
    checkpoint_seconds: options.CheckpointSeconds = 10.0,
    engine: options.Engine = "local",
    data: options.DataFolder = options.DATA,
    metrics: options.MetricsFolder = options.METRICS,
    params: ParamsFile = PARAMS,
) -> None:
    """Train one method of the published comparison; write its clusters, embedding, network and curve.

    A method reads what those before it wrote: dmvc-fix the results of views, dmvc of jule that of dmvc-fix. An
    unfinished training keeps its state in DATA/scratch: run again after a kill, it goes on from there and ends
    with the same files, byte for byte. With several `seeds` the network that agrees most with those of the other
    seeds is kept, and the clusters of all. Started by torchrun, it trains on several GPUs.
    """
    name, files = MethodName(objective, method), TrainedFiles(data, dataset)
    images = read_images(data / "images" / f"{dataset}.parquet")
    kind = FEATURE_JOBS[objective]
    job = kind(
        name=name,
        files=files,
        images=images,
        n_clusters=resolve_n_clusters(n_clusters, images) or found_n_clusters(files.n_clusters),
        seed=seed,
        parameters=kind.chosen_parameters(name, read_section(params, name.section, changes)),
        seconds=checkpoint_seconds,
        backbones=backbones or read_manifest(data / "views" / dataset / "features.json"),
        layer=layer,
        scaling=scaling,
        width=width,
    )
    with warnings_reported():
        result = run_job(job, metrics / dataset, device, warn, engine)
    if result:
        what = f"{len(job.backbones)} views" + (" one by one" if method == FeatureMethod.VIEWS else "")
        print(f"{job.title} on {what}: {result}")


app = stage_application(train, "n_clusters", "seed", "train.layer", "train.scaling", "train.width")

if __name__ == "__main__":
    run(app)
