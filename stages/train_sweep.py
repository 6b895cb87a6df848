"""Stage `train_sweep`: one training repeated over values of its parameters, and over seeds."""

import shutil
import time
from typing import Annotated

import typer

from stages.clustering.preparation import Scaling
from stages.core.checks import check_choice
from stages.core.command import run, warnings_reported
from stages.core.lock import locked
from stages.core.progress import tracked
from stages.core.runlog import write_runlog
from stages.params import options
from stages.params.file import PARAMS, read_section
from stages.params.n_clusters import found_n_clusters, resolve_n_clusters
from stages.params.stage import ParamsFile, stage_application
from stages.params.sweeps import Point, SweepName, read_sweep
from stages.tables import read_images, write_partitions
from stages.tables.manifest import read_manifest
from stages.tables.methods import ON_ALL_VIEWS, FeatureMethod, MethodName, Objective
from stages.tables.trained_files import TrainedFiles
from stages.training.on_features import FEATURE_JOBS, FeatureJob
from stages.training.repeated import Run, train_repeatedly


def train_sweep(
    dataset: options.Dataset,
    n_clusters: options.NClusters,
    objective: Annotated[Objective, typer.Option(help="Training objective of the networks.")],
    method: Annotated[
        FeatureMethod,
        typer.Option(help="Row of the comparison: cc, dmvc-fix or dmvc, with the networks that it builds on."),
    ],
    name: options.Sweep,
    seed: options.Seed = 0,
    layer: Annotated[str, typer.Option(help="Layer whose features are used; L3 is the last one.")] = "L3",
    scaling: Annotated[Scaling, typer.Option(help="Scaling of a feature vector, as of all trainings.")] = "sqrt",
    width: Annotated[int, typer.Option(min=1, max=65536, help="Units of each layer and of the embedding.")] = 160,
    device: options.Device = "auto",
    checkpoint_seconds: options.CheckpointSeconds = 10.0,
    engine: options.Engine = "local",
    data: options.DataFolder = options.DATA,
    params: ParamsFile = PARAMS,
) -> None:
    """Train a method for all values of a sweep with several seeds; write the clusters, a column a run.

    What the sweep does not set is as the section of the objective has it. The seeds are SEED, SEED + 1, and so on:
    a run gives the clusters of stage `train` with its values and its seed. No networks are kept. Run again after a
    kill, it goes on from the runs that are done.
    """
    sweep_name, sweep = SweepName(dataset, objective, method, name), read_sweep(params, name)
    check_choice("method", method, ON_ALL_VIEWS)
    files, images = TrainedFiles(data, dataset), read_images(data / "images" / f"{dataset}.parquet")
    kind, given = FEATURE_JOBS[objective], dict(read_section(params, objective))
    given.pop("seeds", None)  # a sweep has its own
    count = resolve_n_clusters(n_clusters, images) or found_n_clusters(files.n_clusters)
    backbones = read_manifest(data / "views" / dataset / "features.json")

    def job(part: str, point: Point, own_seed: int) -> FeatureJob:
        own = MethodName(objective, part)
        return kind(
            name=own,
            files=files,
            images=images,
            n_clusters=count,
            seed=own_seed,
            parameters=kind.chosen_parameters(own, {**given, **point.values}),
            seconds=checkpoint_seconds,
            backbones=backbones,
            layer=layer,
            scaling=scaling,
            width=width,
        )

    runs: dict[str, Run] = {}
    settings = {}
    for point in sweep.points():
        for own_seed in range(seed, seed + sweep.seeds):
            jobs = [job(method, point, own_seed)]
            while earlier := jobs[0].builds_on:
                jobs.insert(0, job(earlier, point, own_seed))
            run_name = f"{point.name}, seed {own_seed}"
            runs[run_name] = jobs
            made = {"variant": point.variant, "swept": sweep.parameters, "grid": list(sweep.values)}
            settings[run_name] = jobs[-1].settings() | made

    from stages.core.device import choose_device

    started, at = time.perf_counter(), choose_device(device)
    folder = data / "scratch" / "sweeps" / dataset / sweep_name.stem
    with locked(folder.with_suffix(".lock"), str(sweep_name)), warnings_reported():
        found = train_repeatedly(runs, folder, at, engine)
        labels = dict(zip(runs, tracked(found, str(sweep_name), len(runs)), strict=True))
        write_partitions(files.sweep(sweep_name.stem), labels, settings, images.fingerprint)
        shutil.rmtree(folder)
    seconds = time.perf_counter() - started
    write_runlog(f"sweep-{dataset}-{sweep_name.stem}", device=str(at), seconds=round(seconds, 3))
    print(f"{sweep_name}: {len(runs)} trainings, {seconds:.1f} s")


app = stage_application(train_sweep, "n_clusters", "seed", "train.layer", "train.scaling", "train.width")

if __name__ == "__main__":
    run(app)
