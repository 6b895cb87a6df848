"""A small finished project: two image sets, two views of drawn features, and a network for one objective."""

import contextlib
import io
import json
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from stages import (
    baseline,
    download,
    ensemble,
    evaluate,
    experiments,
    graph,
    report,
    result,
    study,
    train,
    views,
    vote,
)
from stages.core.atomic import write_text
from stages.registry import REGISTRY
from stages.tables import read_images, write_vectors
from tests.shell import Outcome, exit_status

DATASETS, VIEWS, ROWS = ("d", "e"), ("mobilenet_v2", "resnet50"), 24
_ENSEMBLE = {"algorithms": ["kmeans", "ward"], "shares": [1, 1], "overclustering": [1]}
_PARAMETERS: dict[str, Any] = {
    "dec": {"preset": "none", "init": "kmeans", "pretrain_epochs": 2, "anchor_epochs": 1, "refine_epochs": 1},
    "baseline": {"algorithms": ["kmeans", "ward"], "seeds": 2, "n_init": 2},
    "ensemble": _ENSEMBLE,
    "n_clusters": "auto",
    "objectives": ["dec"],
    "datasets": list(DATASETS),
    "backbones": list(VIEWS),
    "representations": [],
    "transfers": [],
}


class Call(NamedTuple):
    """A stage or another application, and its arguments."""

    application: Any
    arguments: tuple[str, ...]

    def __call__(self) -> Outcome:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            status = exit_status(self.application, *self.arguments)
        return Outcome(status, out.getvalue(), err.getvalue())


def stages_of(dataset: str) -> dict[str, Call]:
    """The stages that read tables, by name, in the order in which they run."""
    of, network = ("--dataset", dataset), ("--objective", "dec", "--width", "4", "--device", "cpu")
    calls = {f"baseline {view}": Call(baseline.app, (*of, "--backbone", view)) for view in VIEWS}
    calls |= {stage.__name__.split(".")[1]: Call(stage.app, of) for stage in (views, graph, ensemble)}
    calls |= {f"train {name}": Call(train.app, (*of, *network, "--method", name)) for name in ("views", "cc")}
    calls["vote"] = Call(vote.app, (*of, "--objective", "dec"))
    for name in ("dmvc-fix", "dmvc"):
        calls[f"train {name}"] = Call(train.app, (*of, *network, "--method", name))
    calls |= {stage.__name__.split(".")[1]: Call(stage.app, of) for stage in (result, evaluate, experiments)}
    return calls


AT_LAST = {"study": Call(study.app, ()), "report": Call(report.app, ())}  # over all image sets


def make() -> None:
    """Make the project in the current folder, which is empty."""
    write_text(Path("params.yaml"), json.dumps(_PARAMETERS))
    for view in VIEWS:
        write_text(Path(f"data/backbones/{view}.json"), REGISTRY[view].to_json())
    for number, dataset in enumerate(DATASETS):
        _download(dataset, number)
        images = read_images(Path(f"data/images/{dataset}.parquet"))
        random = np.random.default_rng(number)
        for view in VIEWS:
            groups = np.eye(3, 6)[np.arange(ROWS) % 3]
            values = (groups + random.normal(scale=0.2, size=groups.shape)).astype(np.float32)
            file = Path(f"data/features/{dataset}/{view}/L3.parquet")
            write_vectors(file, "features", [values], images.fingerprint, {"backbone": view, "layer": "L3"})
        for name, call in stages_of(dataset).items():
            _sound(f"{name} of {dataset}", call())
    for name, call in AT_LAST.items():
        _sound(name, call())


def _download(dataset: str, number: int) -> None:
    folder = Path("data/raw") / dataset
    for row in range(ROWS):
        colour = (row * 9, 80 + 40 * number, 40 * (row % 3))
        place = folder / "abc"[row % 3] / f"{row}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), colour).save(place)
    (folder / "broken.png").write_bytes(b"no image")
    _sound(f"download of {dataset}", Call(download.app, ("--dataset", dataset))())


def _sound(name: str, outcome: Outcome) -> None:
    if outcome.status:
        raise RuntimeError(f"{name} failed: {outcome.err}")
