"""Stage `train`: one network over all the views, trained to cluster."""

import json
import math
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from stages.algorithmname import check_shares
from stages.atomic import replacing, write_text
from stages.cluster_count import resolve_n_clusters
from stages.command import application, run
from stages.csvtext import csv_text
from stages.errors import ParameterError, TableError
from stages.manifest import read_manifest
from stages.progress import progress_bar
from stages.runlog import write_runlog
from stages.tables import check_same_images, read_images, read_vectors, write_partitions, write_vectors

if TYPE_CHECKING:  # torch takes seconds to import: only a run that trains does
    from stages.deep import Epoch
    from stages.deep.centers import Initialiser


def train(
    dataset: Annotated[str, typer.Option(help="Name of the dataset: the folder under data/raw.")],
    n_clusters: Annotated[
        str,
        typer.Option(
            help="Number of clusters; 'classes': as many as labels; 'auto': as many as the ensemble found."
        ),
    ],
    objective: Annotated[str, typer.Option(help="What the network is trained for: idec.")] = "idec",
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Seed of weights, batches and K-means.")] = 0,
    backbones: Annotated[
        list[str] | None, typer.Option(help="Backbone to use; repeatable. Default: all that stage views lists.")
    ] = None,
    layer: Annotated[str, typer.Option(help="Layer whose features are used; L3 is the last one.")] = "L3",
    scaling: Annotated[
        str, typer.Option(help="sqrt: signed square root of each feature, then rows of one length; l2: only that.")
    ] = "sqrt",
    width: Annotated[int, typer.Option(min=1, help="Units of each layer and of the embedding (MVnet).")] = 160,
    pretrain_epochs: Annotated[int, typer.Option(min=0, help="Passes over the images that reconstruct.")] = 50,
    learning_rate: Annotated[float, typer.Option(help="Step size of Adam (IDEC).")] = 1e-3,
    batch_size: Annotated[int, typer.Option(min=1, help="Images in one gradient step (IDEC).")] = 256,
    init: Annotated[
        str,
        typer.Option(
            help="First clusters: consensus of the views' fine partitions, or kmeans on the embedding (IDEC)."
        ),
    ] = "consensus",
    algorithms: Annotated[
        list[str], typer.Option(help="Algorithms of the fine partitions, as the baseline takes them; repeatable.")
    ] = [  # noqa: B006 - Typer copies it
        "kmeans",
        "gdl:multiple=2,n_neighbors=5,seeds=10,subspace=0.5",
    ],
    shares: Annotated[
        list[float], typer.Option(help="Weight of each algorithm's partitions of a view together; repeatable.")
    ] = [1, 3],  # noqa: B006
    multiples: Annotated[
        list[int],
        typer.Option(
            min=1, help="Clusters of a fine partition, times n_clusters, unless an algorithm says; repeatable."
        ),
    ] = [4, 5],  # noqa: B006
    runs: Annotated[
        int, typer.Option(min=1, help="Fine partitions of each view at each multiple, unless an algorithm says.")
    ] = 5,
    anchor_epochs: Annotated[
        int, typer.Option(min=0, help="Passes that teach the network the first clusters (IDEC: 0).")
    ] = 20,
    refine_epochs: Annotated[
        int, typer.Option(min=0, help="Most passes that follow the network's own, sharpened clusters.")
    ] = 100,
    gamma: Annotated[
        float, typer.Option(help="Weight of the clustering loss; reconstruction weighs 1 (IDEC: 0.1).")
    ] = 1.0,
    tolerance: Annotated[
        float, typer.Option(help="Stop when an epoch moves a smaller share (0 to 1) of the images (IDEC).")
    ] = 1e-3,
    device: Annotated[
        str, typer.Option(envvar="MANYVIEWS_DEVICE", help="auto, cpu or cuda; auto takes CUDA when there is one.")
    ] = "auto",
    data: Annotated[Path, typer.Option(help="Folder of the pipeline's data.")] = Path("data"),
    metrics: Annotated[Path, typer.Option(help="Folder of the small files for `dvc plots`.")] = Path("metrics"),
) -> None:
    """Train a network on the features of all backbones; write its clusters, embedding, weights and curve."""
    images = read_images(data / "images" / f"{dataset}.parquet")
    count = resolve_n_clusters(n_clusters, images) or _found(data / "partitions" / dataset / "n_clusters.json")
    names = backbones or read_manifest(data / "views" / dataset / "features.json")
    tables = [read_vectors(data / "features" / dataset / name / f"{layer}.parquet", "features") for name in names]
    check_same_images(images, *tables)
    hyperparameters: dict[str, Any] = {
        "n_clusters": count,
        "scaling": scaling,
        "width": width,
        "pretrain_epochs": pretrain_epochs,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "anchor_epochs": anchor_epochs,
        "refine_epochs": refine_epochs,
        "gamma": gamma,
        "tolerance": tolerance,
    }
    settings = hyperparameters | {
        "objective": objective,
        "backbones": names,
        "layer": layer,
        "seed": seed,
        "init": init,
        "algorithms": algorithms,
        "shares": shares,
        "multiples": multiples,
        "runs": runs,
    }

    from stages.deep import check_views, find_objective
    from stages.deep.weights import write_weights
    from stages.device import choose_device

    started = time.perf_counter()
    chosen = choose_device(device)
    views = check_views([table.values for table in tables], [f"backbone {name!r}" for name in names])
    with progress_bar(f"{objective} on {dataset}", pretrain_epochs + anchor_epochs + refine_epochs) as advance:
        estimator = find_objective(objective)(
            **hyperparameters,
            init=_initialiser(init, algorithms, shares, multiples, runs),
            device=chosen,
            random_state=seed,
            progress=lambda epoch: advance(1),
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            estimator.fit(views)
    for warning in caught:
        print(f"warning: {warning.message}", file=sys.stderr)

    write_partitions(
        data / "partitions" / dataset / f"train-{objective}.parquet",
        {objective: estimator.labels_},
        {objective: settings},
        images.fingerprint,
    )
    write_vectors(
        data / "embeddings" / dataset / f"{objective}.parquet",
        "embedding",
        [estimator.embedding_],
        images.fingerprint,
        settings,
    )
    with replacing(data / "models" / dataset / f"{objective}.safetensors") as partial:
        write_weights(partial, estimator.state(), settings)
    write_text(metrics / dataset / f"training-{objective}.csv", _curve(estimator.history_))
    seconds = time.perf_counter() - started
    write_runlog(f"train-{dataset}-{objective}", device=str(chosen), seconds=round(seconds, 3))
    print(
        f"{dataset}: {objective} on {len(views)} views, {count} clusters, "
        f"refined for {estimator.n_iter_} of at most {refine_epochs} epochs, {seconds:.1f} s"
    )


def _found(file: Path) -> int:
    """The number of clusters that the ensemble found."""
    try:
        return int(json.loads(file.read_text(encoding="utf-8"))["n_clusters"])
    except FileNotFoundError:
        raise TableError(f"{file} does not exist; run `dvc repro ensemble` to make it") from None
    except (ValueError, KeyError, TypeError):
        raise TableError(f"{file} holds no number of clusters; delete it and run `dvc repro ensemble`") from None


def _initialiser(
    init: str, algorithms: list[str], shares: list[float], multiples: list[int], runs: int
) -> "str | Initialiser":
    """The first clusters: those of init="kmeans" are the estimator's own, a consensus joins two packages."""
    if init == "kmeans":
        return init
    if init != "consensus":
        raise ParameterError(f"init is {init!r}; give consensus or kmeans")
    check_shares(shares, algorithms)
    from stages.consensus import CoassociationClustering
    from stages.deep import overclusterings

    def consensus(views: list[np.ndarray], n_clusters: int, random: np.random.RandomState) -> np.ndarray:
        try:
            partitions, weights = overclusterings(views, n_clusters, algorithms, shares, multiples, runs, random)
            labels: np.ndarray = CoassociationClustering(n_clusters, weights=weights).fit_predict(partitions)
        except ParameterError as error:
            raise ParameterError(f"{error}; or start from kmeans instead: --init kmeans") from None
        return labels

    return consensus


def _curve(history: list["Epoch"]) -> str:
    """The training curve as CSV; what a phase does not have is left empty."""
    rows = []
    for number, epoch in enumerate(history, start=1):
        values = (epoch.reconstruction, epoch.clustering, epoch.changed)
        rows.append([number, epoch.phase, *("" if math.isnan(value) else f"{value:.8g}" for value in values)])
    return csv_text(["epoch", "phase", "reconstruction_loss", "clustering_loss", "changed"], rows)


app = application(train)

if __name__ == "__main__":
    run(app)
