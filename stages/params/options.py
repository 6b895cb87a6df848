"""Options that several stages have, so that they are called, explained and refused alike everywhere."""

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from stages.core.checks import MOST
from stages.core.errors import ParameterError

DATA, METRICS, WEIGHTS = Path("data"), Path("metrics"), Path("data/weights")
AUTO = "auto"  # of n_clusters: the ensemble decides


def check_dataset_name(name: str) -> str:
    """Return the name of a dataset; raise `ParameterError` unless it can be part of every path and command."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise ParameterError(
            f"the dataset is called {name!r}; use letters, digits, '.', '_' and '-', the first a letter or digit"
        )
    return name


def check_sweep_name(name: str) -> str:
    """Return the name of a sweep; raise `ParameterError` unless it can be part of a file's name and of a key."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise ParameterError(f"a sweep is called {name!r}; use letters, digits, '_' and '-'")
    return name


def check_n_clusters_text(n_clusters: str) -> str:
    """Return the value of `n_clusters`; raise `ParameterError` unless it is a number from 1 on or a known word."""
    if n_clusters not in (AUTO, "classes") and not (n_clusters.isdecimal() and int(n_clusters) >= 1):
        raise ParameterError(f"n_clusters is {n_clusters!r}; give a whole number from 1 on, 'auto' or 'classes'")
    return n_clusters


Dataset = Annotated[
    str,
    typer.Option(
        help="Name of the dataset: the folder under data/raw.", callback=check_dataset_name, metavar="NAME"
    ),
]
Datasets = Annotated[
    list[str], typer.Option(help="Name of a dataset; repeatable, shown in this order.", metavar="NAME")
]
Backbone = Annotated[
    str, typer.Option(help="Name of the backbone, as it stands under `backbones`.", metavar="NAME")
]
Sweep = Annotated[
    str,
    typer.Option(
        help="Name of the sweep, as it stands under `sweep`, with its values.",
        callback=check_sweep_name,
        metavar="NAME",
    ),
]
NClusters = Annotated[
    str,
    typer.Option(
        help="Number of clusters: a whole number; 'classes': as many as labels; 'auto': as many as the ensemble "
        "finds, which starts from partitions of the square root of the number of images.",
        callback=check_n_clusters_text,
        metavar="K",
    ),
]
Seed = Annotated[
    int, typer.Option(min=0, max=2**31 - 1, help="Seed that all other seeds are derived from, by name.")
]
NInit = Annotated[
    int, typer.Option(min=1, max=MOST, help="Starts in a run of K-means and the like; the best counts.")
]
Layers = Annotated[list[str], typer.Option(help="Layer of the backbones; repeatable. L3 is the last one.")]
Device = Annotated[
    Literal["auto", "cpu", "cuda"],
    typer.Option(envvar="MANYVIEWS_DEVICE", help="auto, cpu or cuda; auto takes CUDA when there is one."),
]
BatchSize = Annotated[
    int,
    typer.Option(
        envvar="MANYVIEWS_BATCH_SIZE",
        min=0,
        help="Images in one forward pass. 0: eight on a CPU, as many as fit (at most 256) on a GPU.",
    ),
]
Workers = Annotated[
    int,
    typer.Option(
        envvar="MANYVIEWS_WORKERS",
        min=0,
        help="Threads: on a CPU each runs batches of its own, for a GPU they decode. 0: one per core.",
    ),
]
Compiler = Annotated[
    Literal["auto", "none", "inductor", "openvino"],
    typer.Option(
        envvar="MANYVIEWS_COMPILER",
        help="Compiler of the network on a CPU: none, inductor (PyTorch), openvino (an extra). auto: the fastest "
        "there is, for bf16 features of enough images to repay it.",
    ),
]
Engine = Annotated[
    Literal["local", "ray"],
    typer.Option(
        envvar="MANYVIEWS_ENGINE",
        help="local: this machine. ray: the cluster at RAY_ADDRESS, among whose nodes the work is shared out.",
    ),
]
ImageSize = Annotated[
    str,
    typer.Option(
        help="Side in pixels, 8 to 512, of the square that every image becomes. auto: images of one size up to "
        "128 stay as they are, others become 64 x 64."
    ),
]
Changes = Annotated[
    list[str],
    typer.Option(
        "--set", help="NAME=VALUE of the training's own parameters, before what the file has; repeatable."
    ),
]
CheckpointSeconds = Annotated[
    float,
    typer.Option(
        envvar="MANYVIEWS_CHECKPOINT_SECONDS",
        min=0,
        help="Seconds between two states from which a killed run goes on; 0: a state after every epoch.",
    ),
]
WeightsFolder = Annotated[
    Path, typer.Option(help="Folder where weight files put there by hand are looked for first.", metavar="DIR")
]
DataFolder = Annotated[Path, typer.Option("--data", help="Folder of the pipeline's data.", metavar="DIR")]
MetricsFolder = Annotated[
    Path, typer.Option("--metrics", help="Folder of scores, figures and the page.", metavar="DIR")
]
