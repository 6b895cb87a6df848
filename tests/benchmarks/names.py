"""How often the words of a cluster are right: `python -m tests.benchmarks.names PROJECT`.

For every dataset of PROJECT that has a result, the words are compared with the class of most of the cluster's
images. Which words are right for a class was written down by hand, by looking at the pictures; for flowers, from
WordNet 3.1. With --classes, the classes themselves take the place of the clusters.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.layer_names import CLASSES
from stages.naming import cluster_words
from stages.naming.words import CLEAR
from stages.tables import read_images, vector_blocks
from stages.tables.manifest import read_manifest
from stages.tables.parquet import read_metadata
from stages.tables.results import read_assignments
from tests.benchmarks.quality import markdown

# The species of flowers, by class: its name in WordNet, and its parent there (hypernym).
FLOWERS = {
    "0": ("phlox", "herb"),
    "1": ("rose", "shrub"),
    "2": ("calendula", "flower"),
    "3": ("iris", "iridaceous plant"),
    "4": ("oxeye daisy", "flower"),
    "5": ("campanula", "herb"),
    "6": ("viola", "herb"),
    "7": ("coneflower", "flower"),
    "8": ("peony", "flower"),
    "9": ("columbine", "flower"),
}
# Those of ImageNet's words that are below one of these parents: no herb, shrub or iridaceous plant is.
_BELOW = {"flower": {"daisy", "yellow lady's slipper"}}
_CAR = {"sports car", "convertible", "racer", "beach wagon", "minivan", "cab", "limousine"}
_TOILETRY = {"lotion", "hair spray", "sunscreen", "face powder"}
# For a class, its own words, and those of what it is a kind of, or of other kinds of that. A class that is not
# listed has neither: a digit may well get a word, but none is right.
RIGHT: dict[str, dict[str, tuple[set[str], set[str]]]] = {
    "flowers": {
        number: ({"daisy"} if "daisy" in name else set(), _BELOW.get(parent, set()))
        for number, (name, parent) in FLOWERS.items()
    },
    "coil20": {
        **dict.fromkeys(["2", "5", "18"], (set[str](), _CAR)),
        **dict.fromkeys(["4", "8"], ({"packet"}, set[str]())),
        **dict.fromkeys(["7", "9"], (set[str](), _TOILETRY)),
        **dict.fromkeys(["11", "17"], ({"cup"}, {"coffee mug"})),
        "12": ({"piggy bank"}, set()),
        "14": ({"tub"}, {"bucket"}),
        "15": ({"lotion"}, {*_TOILETRY, "pill bottle"}),
        "16": ({"mixing bowl", "soup bowl"}, {"pot", "caldron"}),
    },
    "fashion": {
        "0": ({"jersey"}, set()),  # in full: jersey, T-shirt, tee shirt
        "1": (set(), {"jean"}),
        "2": (set(), {"sweatshirt", "cardigan"}),
        "3": (set(), {"gown"}),
        "4": (set(), {"trench coat", "fur coat", "lab coat"}),
        "5": ({"sandal"}, {"running shoe", "Loafer", "clog"}),
        "6": (set(), {"jersey"}),
        "7": ({"running shoe"}, {"Loafer", "sandal", "clog"}),
        "8": ({"purse"}, {"backpack", "mailbag"}),
        "9": (set(), {"cowboy boot", "running shoe", "Loafer", "clog"}),
    },
}


def judged(data: Path, dataset: str, clear: float = CLEAR, classes: bool = False) -> pd.DataFrame:
    """A row for every cluster, or class: images, class of most, its share, words, and whether one is right."""
    images = read_images(data / "images" / f"{dataset}.parquet")
    found = read_assignments(data / "results" / dataset, images)
    if classes:
        found = replace(found, labels=images.labels)
    backbones = read_manifest(data / "views" / dataset / "features.json", CLASSES)
    tables = [data / "features" / dataset / backbone / f"{CLASSES}.parquet" for backbone in backbones]
    views = (vector_blocks(table, "features") for table in tables)
    known = read_metadata(tables[0])["words"]
    rows = []
    for number, words in cluster_words(views, found.labels, found.confidence, known, clear).items():
        labels = images.labels[found.labels == number]
        counts = np.bincount(labels[labels >= 0], minlength=1)
        majority = images.class_names[int(counts.argmax())]
        own, near = RIGHT.get(dataset.partition("_")[0], {}).get(majority, (set(), set()))
        rows.append(
            {
                "cluster": number,
                "images": len(labels),
                "class": majority,
                "share": round(counts.max() / len(labels), 2),
                "words": ", ".join(words),
                "own": bool(own & set(words)),
                "right": bool((own | near) & set(words)),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Print the words of every cluster, and counts for every dataset, also where a word need not be clear."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.names", description=__doc__)
    parser.add_argument("project", type=Path, help="folder with the data/ of a run")
    parser.add_argument("--classes", action="store_true", help="words of the classes, instead of clusters")
    options = parser.parse_args()
    data = options.project / "data"
    counts = {}
    for dataset in sorted(folder.name for folder in (data / "results").iterdir()):
        for clear in (CLEAR, 0.2, 0.0):
            table = judged(data, dataset, clear, options.classes)
            if dataset == "flowers":
                table["class"] = [" < ".join(FLOWERS[number]) for number in table["class"]]
            if clear in (CLEAR, 0):
                print(f"{dataset}\n\n{table.to_string(index=False)}\n", flush=True)
            named = table["words"] != ""
            counts[f"{dataset}, {clear:g}"] = {
                "clusters": len(table),
                "with words": named.sum(),
                "own word": table["own"].sum(),
                "own or kind": table["right"].sum(),
                "wrong": (named & ~table["right"]).sum(),
            }
    print(markdown(pd.DataFrame(counts).T))


if __name__ == "__main__":
    main()
