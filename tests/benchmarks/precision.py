"""How much features of another precision change neighbours, partitions and scores.

`python -m tests.benchmarks.precision DATA` draws images from each dataset whose table and backbones' cards are
below DATA, the folder `data` of a project that ran the stages `download` and `weights`. Each network computes them
in two ways, each a precision and a compiler. Both go into K-means, ensemble and networks with the same seeds, at
the number of classes; labels serve for the scores alone. Features and clusters are kept in DATA/scratch/precision,
where a stopped run goes on.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import adjusted_rand_score

from stages.backbones.card import read_card
from stages.backbones.extraction import Recipe, ShardExtractor
from stages.backbones.precision import neighbours_kept, sample_rows
from stages.backbones.weights import obtain_weights
from stages.clustering import normalise
from stages.decoding import decode_image
from stages.fetching.downloads import cache_folder
from stages.tables import read_images
from tests.benchmarks.problems import Problem
from tests.benchmarks.quality import DRAWN_RUNS, Bench, by_modularity, markdown

LAYER = "L3"


class Draw:
    """At most `size` images of a dataset, and their features by each network and way ("precision compiler")."""

    def __init__(self, data: Path, name: str, size: int, seed: int) -> None:
        images = read_images(data / "images" / f"{name}.parquet")
        rows = np.sort(np.random.default_rng(seed).permutation(len(images))[:size]).tolist()
        self.name, self.encoded = name, list(images.read_rows(rows))
        self.labels = np.asarray(images.labels)[rows]
        self.folder = data / "scratch" / "precision" / f"{name}-{size}-{seed}"
        self.folder.mkdir(parents=True, exist_ok=True)

    def kept(self, what: str, make) -> dict[str, np.ndarray]:  # type: ignore[no-untyped-def]
        """The arrays that `make` returns, by name, from disk where they are."""
        file = self.folder / f"{what}.npz"
        if not file.exists():
            np.savez(file, **make())
        return dict(np.load(file))

    def features(self, backbone: str, way: str) -> np.ndarray:
        """What `extract_all` kept, float32 (n, d)."""
        return self.kept(f"{backbone} {way}", dict)["features"]


def extract_all(data: Path, draws: Sequence[Draw], backbone: str, way: str) -> None:
    """Compute the features of all draws by one network in one way, and keep them with their CPU seconds."""
    if all((draw.folder / f"{backbone} {way}.npz").exists() for draw in draws):
        return
    precision, compiler = way.split()
    card = read_card(data / "backbones" / f"{backbone}.json", [LAYER])
    weights = obtain_weights(card.weights, data / "weights", cache_folder(), print)
    recipe = Recipe(card, (LAYER,), precision, compiler)
    extractor = ShardExtractor(recipe, weights, decode_image, torch.device("cpu"), strict=True)
    for draw in draws:

        def make(draw: Draw = draw) -> dict[str, np.ndarray]:
            started = time.process_time()
            ((_, features),) = extractor([(0, draw.encoded)])
            seconds = time.process_time() - started
            print(f"{draw.name} through {backbone}, {way}: {seconds:.1f} CPU s", flush=True)
            return {"features": features[LAYER], "seconds": np.array(seconds)}

        draw.kept(f"{backbone} {way}", make)


def cluster(draw: Draw, backbones: Sequence[str], way: str, seed: int, method: str) -> np.ndarray:
    """The labels of a method on one way's features, int (n): ensemble, dmvc, or K-means on each view, (n, v)."""
    views = [draw.features(backbone, way) for backbone in backbones]

    def make() -> dict[str, np.ndarray]:
        problem = Problem(draw.name, draw.labels, [normalise(view, "sqrt") for view in views])
        if method == "dmvc":
            from stages.deep import DMVC

            found = DMVC(problem.n_classes, random_state=seed).fit_predict(views)
        elif method == "ensemble":
            found = Bench(problem, seed).cuts(DRAWN_RUNS, (1, 3), by_modularity)(problem.n_classes)
        else:
            runs = [runs[:, :1] for runs in Bench(problem, seed).base("kmeans", True)]
            found = np.column_stack(runs)
        print(f"{draw.name}, {way}: {method}", flush=True)
        return {"labels": found}

    return draw.kept(f"{method} {seed} {way}", make)["labels"]


def main() -> None:
    """Print the table of networks and that of partitions."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.precision", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with images/ and backbones/ of one or more datasets")
    parser.add_argument("--datasets", nargs="*", help="some of them; default: all that have images")
    parser.add_argument("--images", type=int, default=500, help="images drawn from each dataset (500)")
    parser.add_argument("--seed", type=int, default=0, help="of draws and clusterings (0)")
    parser.add_argument(
        "--ways", nargs=2, default=["fp32 none", "bf16 openvino"], help="each 'PRECISION COMPILER'"
    )
    parser.add_argument("--methods", nargs="*", default=["ensemble", "dmvc"], help="of: ensemble, dmvc")
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = options.datasets or sorted(file.stem for file in (options.data / "images").glob("*.parquet"))
    backbones = sorted(file.stem for file in (options.data / "backbones").glob("*.json"))
    draws = [Draw(options.data, name, options.images, options.seed) for name in names]
    for way in options.ways:
        for backbone in backbones:
            extract_all(options.data, draws, backbone, way)
    print(f"\n{markdown(_of_networks(draws, backbones, options.ways))}\n", flush=True)
    print(markdown(_of_partitions(draws, backbones, options.ways, options.seed, options.methods)))


def _of_networks(draws: Sequence[Draw], backbones: Sequence[str], ways: Sequence[str]) -> pd.DataFrame:
    """CPU seconds of both ways, and the share of neighbours kept: of draws, and of samples as in the stage."""
    rows = {}
    for backbone in backbones:
        seconds, shares, sampled = np.zeros(2), [], []
        for draw in draws:
            a, b = (draw.features(backbone, name) for name in ways)
            seconds += [draw.kept(f"{backbone} {name}", dict)["seconds"] for name in ways]
            shares.append(neighbours_kept({LAYER: b}, {LAYER: a})[LAYER])
            rest = sample_rows(len(a))
            sampled.append(neighbours_kept({LAYER: b[rest]}, {LAYER: a[rest]})[LAYER])
        rows[backbone] = {
            f"CPU s, {ways[0]}": seconds[0].round(),
            f"CPU s, {ways[1]}": seconds[1].round(),
            "neighbours kept": np.mean(shares),
            "least of a set": min(shares),
            "of samples": np.mean(sampled),
            "least of a sample": min(sampled),
        }
    return pd.DataFrame(rows).T.round(3)


def _of_partitions(
    draws: Sequence[Draw], backbones: Sequence[str], ways: Sequence[str], seed: int, methods: Sequence[str]
) -> pd.DataFrame:
    """By dataset the ARI between both ways' partitions, and the NMI of both with the classes."""
    rows = {}
    for draw in draws:
        bench = Bench(Problem(draw.name, draw.labels, []), seed)
        a, b = (cluster(draw, backbones, name, seed, "kmeans") for name in ways)
        row = {"ARI, K-means": np.mean([adjusted_rand_score(x, y) for x, y in zip(a.T, b.T, strict=True)])}
        for method in methods:
            a, b = (cluster(draw, backbones, name, seed, method) for name in ways)
            row |= {
                f"ARI, {method}": adjusted_rand_score(a, b),
                f"NMI, {method}, {ways[0]}": bench.nmi(a),
                f"NMI, {method}, {ways[1]}": bench.nmi(b),
            }
        rows[draw.name] = row
    table = pd.DataFrame(rows).T
    table.loc["mean"] = table.mean()
    return table.round(3)


if __name__ == "__main__":
    main()
