"""Readings of the paper of JULE, one change at a time, and how far each is from the published scores.

`python -m tests.benchmarks.readings DATA DATASET METHOD` prints a table of docs/results/published-settings.md.
DATA is the data/ of a project with the images and, for networks on features, their layer L3.
"""

import argparse
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stages.decoding.pixels import read_pixels
from stages.deep import DMVC, JULE
from stages.deep.jule.on_images import ImageJULE
from stages.scoring.scores import external_scores
from stages.tables import read_images, read_vectors

# What is changed of the preset "literal": towards the released code, then towards what the paper leaves open.
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "`literal`": {},
    "negatives of all clusters": {"negatives": "all"},
    "gamma 1": {"gamma": 1.0},
    "dampening .9": {"dampening": 0.9},
    "lead until 100 clusters": {"lead_until": 100},
    "one-sided merging": {"one_sided": True},
    "affinities summed": {"update": "summed"},
    "anchors alone learn": {"anchors_only": True},
    "all negatives, gamma 1": {"negatives": "all", "gamma": 1.0},
    "all negatives, dampening .9": {"negatives": "all", "dampening": 0.9},
}
ON_FEATURES: Mapping[str, Mapping[str, Any]] = {
    "no scaling": {"scaling": "none"},
    "first weights by projection": {"start": "projection"},
    "all negatives, no scaling": {"negatives": "all", "scaling": "none"},
    "no scaling, projection": {"scaling": "none", "start": "projection"},
    "all three": {"negatives": "all", "scaling": "none", "start": "projection"},
}
ON_IMAGES: Mapping[str, Mapping[str, Any]] = {"batch statistics": {"batch_statistics": True}}


def rows(kind: type, inputs: Any, classes: np.ndarray, given: Mapping[str, Any]) -> Iterator[str]:
    """The rows of a table: for each reading the NMI of one pass and after clustering again, and CPU seconds."""
    presets: Mapping[str, Mapping[str, Any]] = kind.PRESETS  # type: ignore[attr-defined]
    further = ON_IMAGES if kind is ImageJULE else ON_FEATURES
    readings = {name: {**presets["literal"], **change} for name, change in {**CHANGES, **further}.items()}
    for name in ("published", "released"):
        readings[f"`{name}`"] = dict(presets[name])
    yield "| | one pass | again | CPU s |\n| --- | --- | --- | --- |"
    for name in given["only"] or readings:
        reading = readings[name]
        found, before = [], time.process_time()
        for seed in range(given["seeds"]):
            arguments = {**reading, **({} if name == "`released`" else {"eta": given["eta"]})}
            model = kind(n_clusters=int(classes.max()) + 1, random_state=seed, **arguments).fit(inputs)
            partitions = (model.forward_labels_, model.labels_)
            found.append([external_scores(classes, labels)["nmi_geometric"] for labels in partitions])
        forward, again = (", ".join(f"{score:.3f}"[1:] for score in scores) for scores in zip(*found, strict=True))
        yield f"| {name} | {forward} | {again} | {(time.process_time() - before) / given['seeds']:.0f} |"


def main() -> None:
    """Parse the command line and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.readings", description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the data")
    parser.add_argument("dataset", help="image set, with labels")
    parser.add_argument("method", choices=["cc", "dmvc", "images"], help="network that JULE trains")
    parser.add_argument("--eta", type=float, default=0.9, help="share of the clusters that a period merges")
    parser.add_argument("--seeds", type=int, default=2, help="trainings of each reading")
    parser.add_argument("--images", type=int, help="images, drawn; default: all")
    parser.add_argument("--only", action="append", help="reading, as the table calls it; repeatable")
    options = parser.parse_args()
    torch.set_num_threads(1)
    images = read_images(options.data / f"images/{options.dataset}.parquet")
    order = np.random.default_rng(0).permutation(len(images))[: options.images]
    inputs: Any
    if options.method == "images":
        inputs = read_pixels(images, None)[order]
    else:
        folders = sorted((options.data / "features" / options.dataset).iterdir())
        inputs = [read_vectors(folder / "L3.parquet", "features").values[order] for folder in folders]
    kind = {"cc": JULE, "dmvc": DMVC, "images": ImageJULE}[options.method]
    for row in rows(kind, inputs, images.labels[order], vars(options)):
        print(row, flush=True)


if __name__ == "__main__":
    main()
