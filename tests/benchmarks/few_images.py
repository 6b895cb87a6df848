"""The ensemble on few images, where every base partition is finer than the number of clusters that is wanted.

`python -m tests.benchmarks.few_images DATA` reads the features below DATA, the folder `data` of a project that ran
`dvc repro` up to the stage `extract`, draws problems of 20 to 100 images of two to six classes from each of its
datasets, and prints the table of docs/results. With `--larger` it takes the problems of the benchmark `quality`.
Every setting sees the same base partitions. Labels serve for the scores alone.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from stages.consensus import ConsensusCuts, linkage
from stages.core.dendrogram import Dendrogram
from tests.benchmarks.problems import draw_few, draw_problems
from tests.benchmarks.quality import DRAWN_RUNS, FRACTION, SINGLE, Bench, by_modularity, markdown

Labels = Callable[[Bench], np.ndarray]


class Votes:
    """The weighted base partitions of some algorithms on a problem, and their co-association, float64 (n, n)."""

    def __init__(self, bench: Bench, algorithms: Sequence[str], shares: Sequence[float]) -> None:
        self.partitions, self.weights = bench.votes(algorithms, shares, by_modularity)
        agree = np.zeros((len(self.partitions),) * 2)
        for labels, weight in zip(self.partitions.T, self.weights, strict=True):
            agree += weight * (labels[:, None] == labels)
        self.coassociation = agree / self.weights.sum()

    def cut(self, tree: Dendrogram, n_clusters: int) -> np.ndarray:
        """The cut of a tree of the images into clusters of some size."""
        return ConsensusCuts(tree, self.partitions, self.weights, FRACTION)(n_clusters)


def ensemble(algorithms: Sequence[str], shares: Sequence[float]) -> Labels:
    """The pipeline's consensus of some algorithms' partitions."""

    def labels(bench: Bench) -> np.ndarray:
        votes = Votes(bench, algorithms, shares)
        tree = linkage(votes.partitions, "average", votes.weights)
        return votes.cut(tree, bench.problem.n_classes)

    return labels


def with_similarity(weight: float, similarity: Callable[[Bench, np.ndarray], np.ndarray]) -> Labels:
    """The default's co-association, and `weight` times another similarity, clustered by average linkage."""

    def labels(bench: Bench) -> np.ndarray:
        votes = Votes(bench, DRAWN_RUNS, (1, 3))
        joined = votes.coassociation + weight * similarity(bench, votes.coassociation)
        return votes.cut(average_linkage(joined), bench.problem.n_classes)

    return labels


def shared_neighbours(bench: Bench, coassociation: np.ndarray) -> np.ndarray:
    """The product of two images' links to themselves and their neighbours, as shares (Jarvis and Patrick 1973)."""
    own = link_counts(bench) + len(bench.problem.views) * np.eye(len(coassociation))
    own /= own.sum(axis=1, keepdims=True)
    product: np.ndarray = own @ own.T
    return product


def walks(bench: Bench, coassociation: np.ndarray) -> np.ndarray:
    """The co-association of images two and three steps of a random walk on it apart."""
    step = coassociation / coassociation.sum(axis=1, keepdims=True)
    two = coassociation @ step
    both: np.ndarray = two + two @ step
    return both


def by_links(share: float) -> Labels:
    """The default, but groups that agree less than `share` of what any two images do are joined by links.

    The two groups with the most links for each image of the smaller one come first.
    """

    def labels(bench: Bench) -> np.ndarray:
        votes = Votes(bench, DRAWN_RUNS, (1, 3))
        tree = linkage(votes.partitions, "average", votes.weights)
        n_images = len(votes.partitions)
        usual = (votes.coassociation.sum() - n_images) / (n_images * (n_images - 1))
        apart = 1 + int((tree.merges[:, 2] > 1 - share * usual).sum())
        return votes.cut(_joined(tree, apart, link_counts(bench)), bench.problem.n_classes)

    return labels


def _joined(tree: Dendrogram, n_groups: int, links: np.ndarray) -> Dendrogram:
    """The tree whose last `n_groups` groups are joined by `links`, float64 (n, n)."""
    n_images = tree.n_images
    merges = tree.merges[: n_images - n_groups].tolist()
    members = {image: [image] for image in range(n_images)}
    for number, (one, other, *_) in enumerate(merges, start=n_images):
        members[number] = members.pop(int(one)) + members.pop(int(other))

    def rate(one: int, other: int) -> float:
        between = links[np.ix_(members[one], members[other])].sum()
        between += links[np.ix_(members[other], members[one])].sum()
        return float(between / min(len(members[one]), len(members[other])))

    while len(members) > 1:
        names = sorted(members)
        pairs = [(one, other) for at, other in enumerate(names) for one in names[:at]]
        one, other = max(pairs, key=lambda pair: rate(*pair))
        joined = members.pop(one) + members.pop(other)
        members[n_images + len(merges)] = joined
        merges.append([one, other, 1.0, len(joined)])
    return Dendrogram(np.array(merges, dtype=np.float64))


def link_counts(bench: Bench) -> np.ndarray:
    """The number of views that link one image to another, float64 (n, n)."""
    counts = np.zeros((len(bench.problem.labels),) * 2)
    np.add.at(counts, tuple(bench.links.T), 1)
    return counts


def average_linkage(similarity: np.ndarray) -> Dendrogram:
    """Average linkage of a matrix of similarities, float64 (n, n)."""
    from scipy.cluster.hierarchy import linkage as scipy_linkage

    upper = np.triu_indices(len(similarity), 1)
    return Dendrogram(scipy_linkage(-similarity[upper], "average"))


SETTINGS: dict[str, Labels] = {
    "the default": ensemble(DRAWN_RUNS, (1, 3)),
    "K-means alone": ensemble(DRAWN_RUNS[:1], (1,)),
    "graph linkage alone": ensemble(DRAWN_RUNS[1:], (1,)),
    "shares 1:1": ensemble(DRAWN_RUNS, (1, 1)),
    "shares 3:1": ensemble(DRAWN_RUNS, (3, 1)),
    "partitions into K clusters as well, a fifth of the votes": ensemble(
        (*DRAWN_RUNS, *SINGLE), (1, 3, *[1 / 3] * 3)
    ),
    "partitions into K clusters alone": ensemble(SINGLE, (1, 1, 1)),
    "and shared neighbours, .5": with_similarity(0.5, shared_neighbours),
    "and shared neighbours, 1": with_similarity(1, shared_neighbours),
    "and shared neighbours, 3": with_similarity(3, shared_neighbours),
    "and walks of two and three steps": with_similarity(1, walks),
    "by links below .1": by_links(0.1),
    "by links below .15": by_links(0.15),
    "by links below .3": by_links(0.3),
}


def scores(benches: Sequence[Bench]) -> pd.DataFrame:
    """The NMI of every setting on every problem."""
    rows = {}
    for number, bench in enumerate(benches):
        found = {name: bench.nmi(labels(bench)) for name, labels in SETTINGS.items()}
        rows[f"{bench.problem.name}, {number}"] = {"best single view": bench.best_view(), **found}
    return pd.DataFrame(rows).T


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Means, worst cases against the best view, and on how many problems a setting is not the default."""
    best, default = table["best single view"], table["the default"]
    gain = table.sub(default, axis=0)
    return pd.DataFrame(
        {
            "mean NMI": table.mean(),
            "standard error of the gain": gain.std() / np.sqrt(len(table)),
            "least difference to the best view": table.sub(best, axis=0).min(),
            "worse by .01": (gain < -0.01).sum(),
            "better by .01": (gain > 0.01).sum(),
            "greatest loss": gain.min(),
        }
    ).round(3)


def main() -> None:
    """Print a table for each seed, and one for all of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.few_images", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with images/ and features/ of one or more datasets")
    parser.add_argument("--datasets", nargs="*", help="some of them; default: all that have features")
    parser.add_argument("--problems", type=int, help="problems drawn from each dataset (12; of larger ones 8)")
    parser.add_argument(
        "--seeds", type=int, nargs="*", default=[0, 1, 2], help="of problems and partitions (0 1 2)"
    )
    parser.add_argument("--larger", action="store_true", help="the problems of the benchmark quality instead")
    options = parser.parse_args()
    datasets = options.datasets or sorted(folder.name for folder in (options.data / "features").iterdir())
    draw, number = (draw_problems, 8) if options.larger else (draw_few, 12)
    tables = []
    for seed in options.seeds:
        problems = draw(options.data, datasets, options.problems or number, seed)
        tables.append(scores([Bench(problem, seed) for problem in problems]))
        print(f"seed {seed}, {len(tables[-1])} problems\n\n{markdown(summary(tables[-1]))}\n", flush=True)
    if len(tables) > 1:
        print(f"all\n\n{markdown(summary(pd.concat(tables)))}")


if __name__ == "__main__":
    main()
