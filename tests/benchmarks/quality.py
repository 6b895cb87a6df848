"""How good the ensemble and the number of clusters are, over many problems that no setting was chosen on.

`python -m tests.benchmarks.quality DATA` reads the features below DATA, the folder `data` of a project that ran
`dvc repro` up to the stage `extract`, draws problems from each of its datasets and prints the tables of
docs/results. Every setting sees the same base partitions. Labels serve for the scores alone.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from stages import consensus, graphs
from stages.clustering import find_algorithm, isometric
from stages.core.dendrogram import most_clusters
from tests.benchmarks.problems import Problem, draw_clouds, draw_problems

SINGLE = ("kmeans", "ward", "gdl:n_neighbors=10")
DRAWN_RUNS = ("kmeans:multiple=auto,seeds=10", "gdl:multiple=auto,n_neighbors=5,seeds=10,subspace=0.5")
FIXED_RUNS = (  # of version 0.1
    "kmeans:multiple=4,seeds=5",
    "kmeans:multiple=5,seeds=5",
    "gdl:multiple=2,n_neighbors=5,seeds=10,subspace=0.5",
)
SPECTRAL_RUNS = ("kmeans:multiple=auto,seeds=10", "sc_ls:multiple=auto,seeds=10")
FRACTION = 0.2  # minimum cluster fraction
RESOLUTIONS = (0.65, 0.7, 0.75, 0.8, 0.85, 1.0)


class Bench:
    """A problem with its graph, and partitions of its views, which are computed once."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.problem, self.seed = problem, seed
        self.base = cache(self._base)

    @cached_property
    def links(self) -> np.ndarray:
        """The links of the views' graph."""
        return graphs.view_links(self.problem.views)

    def _base(self, text: str, known: bool) -> list[np.ndarray]:
        """The partitions, int (n, m), of each view by an algorithm; the number of classes may be `known` or
        not."""
        algorithm, n_images = find_algorithm(text), len(self.problem.labels)
        n_runs, (factor,) = algorithm.seeds(1), algorithm.factors([1])
        found = []
        for number, view in enumerate(self.problem.views):
            features = isometric(view) if algorithm.distances_only else view
            runs = []
            for run in range(n_runs):
                own_seed = int(np.random.default_rng([self.seed, number, run, *text.encode()]).integers(2**31))
                n_clusters = algorithm.run_n_clusters(
                    factor, self.problem.n_classes, n_images, run, n_runs, own_seed, known
                )
                runs.append(algorithm.partition(features, n_clusters, own_seed, 10 if factor == 1 else 1))
            found.append(np.column_stack(runs))
        return found

    def cuts(
        self, algorithms: Sequence[str], shares: Sequence[float], weigh: "Weigh", known: bool = True
    ) -> consensus.ConsensusCuts:
        """The consensus of the views' partitions by some algorithms."""
        joined, found = self.votes(algorithms, shares, weigh, known)
        return consensus.ConsensusCuts(consensus.linkage(joined, "average", found), joined, found, FRACTION)

    def votes(
        self, algorithms: Sequence[str], shares: Sequence[float], weigh: "Weigh", known: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """The views' partitions by some algorithms, int (n, m), and their weights, float64 (m)."""
        partitions, weights, views = [], [], []
        for text, share in zip(algorithms, shares, strict=True):
            for view, runs in enumerate(self.base(text, known)):
                partitions.append(runs)
                weights += [share / runs.shape[1]] * runs.shape[1]
                views += [view] * runs.shape[1]
        joined = np.column_stack(partitions)
        return joined, weigh(self, joined, np.array(weights), np.array(views))

    def nmi(self, labels: np.ndarray) -> float:
        """The geometric NMI with the classes, on the images that have one."""
        known = self.problem.labels >= 0
        return float(
            normalized_mutual_info_score(self.problem.labels[known], labels[known], average_method="geometric")
        )

    def ari(self, labels: np.ndarray) -> float:
        """The adjusted Rand index with the classes, on the images that have one."""
        known = self.problem.labels >= 0
        return float(adjusted_rand_score(self.problem.labels[known], labels[known]))

    def best_view(self) -> float:
        """The NMI of the best view by the best algorithm, picked after the fact."""
        return max(
            float(np.mean([self.nmi(labels) for labels in runs.T]))
            for text in SINGLE
            for runs in self.base(text, True)
        )


Weigh = Callable[[Bench, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def plain(bench: Bench, partitions: np.ndarray, weights: np.ndarray, views: np.ndarray) -> np.ndarray:
    """Every partition weighs what its algorithm's share gives it."""
    return weights


def by_modularity(bench: Bench, partitions: np.ndarray, weights: np.ndarray, views: np.ndarray) -> np.ndarray:
    """The pipeline's weights."""
    quality = np.array([graphs.modularity(bench.links, labels) for labels in partitions.T])
    return consensus.weigh_by_quality(partitions, weights, views, quality).weights


def power_of_modularity(power: int) -> Weigh:
    """Weights times a power of the modularity, without a bound below which a partition counts nothing."""

    def weigh(bench: Bench, partitions: np.ndarray, weights: np.ndarray, views: np.ndarray) -> np.ndarray:
        quality = np.array([max(graphs.modularity(bench.links, labels), 1e-6) for labels in partitions.T])
        return _within_views(weights * quality**power, weights, views)

    return weigh


def by_agreement(bench: Bench, partitions: np.ndarray, weights: np.ndarray, views: np.ndarray) -> np.ndarray:
    """Weights times the fourth power of the mean NMI with all other partitions."""
    n_partitions = partitions.shape[1]
    agreement = np.eye(n_partitions)
    for i in range(n_partitions):
        for j in range(i):
            agreement[i, j] = agreement[j, i] = normalized_mutual_info_score(partitions[:, i], partitions[:, j])
    return _within_views(weights * agreement.mean(axis=1) ** 4, weights, views)


def by_entropy(bench: Bench, partitions: np.ndarray, weights: np.ndarray, views: np.ndarray) -> np.ndarray:
    """Weights times the mean entropy-based index (ECI, theta .4) of a partition's clusters (Huang et al. 2018)."""
    index = []
    for own in partitions.T:
        entropies = [_entropy_within(own, other) for other in partitions.T]
        index.append(np.exp(-np.mean(entropies, axis=0) / 0.4)[own].mean())
    return _within_views(weights * np.array(index), weights, views)


def _entropy_within(labels: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The entropy in bits of the `other` partition within each cluster of `labels`."""
    table = np.zeros((labels.max() + 1, other.max() + 1))
    np.add.at(table, (labels, other), 1)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    return -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=1)


def _within_views(scaled: np.ndarray, weights: np.ndarray, views: np.ndarray) -> np.ndarray:
    totals = np.bincount(views, weights) / np.bincount(views, scaled)
    return scaled * totals[views]


Setting = tuple[Sequence[str], Sequence[float], Weigh]
SETTINGS: dict[str, Setting] = {
    "K-means alone, 4 and 5 K": (FIXED_RUNS[:2], (1, 1), plain),
    "version 0.1: multiples of K, 1:3": (FIXED_RUNS, (0.5, 0.5, 3), plain),
    "drawn, 1:3, plain": (DRAWN_RUNS, (1, 3), plain),
    "drawn, 1:3, modularity, the default": (DRAWN_RUNS, (1, 3), by_modularity),
    "drawn, 1:3, modularity^1": (DRAWN_RUNS, (1, 3), power_of_modularity(1)),
    "drawn, 1:3, modularity^4": (DRAWN_RUNS, (1, 3), power_of_modularity(4)),
    "drawn, 1:3, agreement^4": (DRAWN_RUNS, (1, 3), by_agreement),
    "drawn, 1:3, ECI": (DRAWN_RUNS, (1, 3), by_entropy),
    "drawn, 1:1, modularity": (DRAWN_RUNS, (1, 1), by_modularity),
    "multiples of K, 1:3, modularity": (FIXED_RUNS, (0.5, 0.5, 3), by_modularity),
    "drawn, spectral (SC-LS) for graph linkage, 1:3": (SPECTRAL_RUNS, (1, 3), by_modularity),
}


def known_count(benches: Sequence[Bench]) -> pd.DataFrame:
    """The NMI of every setting at the true number of clusters: mean, and against the best view and K-means
    alone."""
    rows = {}
    for bench in benches:
        k = bench.problem.n_classes
        found = {name: bench.nmi(bench.cuts(*setting)(k)) for name, setting in SETTINGS.items()}
        rows[bench.problem.name] = {"best single view": bench.best_view(), **found}
    table = pd.DataFrame(rows).T
    best, alone = table["best single view"], table[next(iter(SETTINGS))]
    return pd.DataFrame(
        {
            "mean NMI": table.mean(),
            "least difference to the best view": table.sub(best, axis=0).min(),
            "mean loss against the best view": table.sub(best, axis=0).clip(upper=0).mean(),
            "least difference to K-means alone": table.sub(alone, axis=0).min(),
        }
    ).round(3)


def unknown_count(benches: Sequence[Bench]) -> pd.DataFrame:
    """How far the number found is from the true one, by modularity and by the longest lifetime.

    The resolution was chosen on problems like these. For a figure that owes nothing to that, it is also chosen for
    each dataset on the problems of the others alone, as the one with the least mean error.
    """
    rows: dict[str, list[dict[str, float]]] = {}
    for bench in benches:
        k, n_images = bench.problem.n_classes, len(bench.problem.labels)
        consensus_cuts = bench.cuts(DRAWN_RUNS, (1, 3), by_modularity, known=False)
        cuts = cache(consensus_cuts)
        found = graphs.choose_cluster_count(cuts, bench.links, n_images, True)
        shortlist = [count for count in (found.coarser, found.n_clusters, found.finer) if count]
        nearest = min(shortlist, key=lambda count: abs(np.log(count / k)))
        lifetimes = consensus_cuts.dendrogram.longest_lived(2, most_clusters(n_images))
        least, most = found.plausible
        agreements = [graphs.link_agreement(bench.links, cuts(count)) for count in found.counts.tolist()]
        for name, count in (
            ("modularity, the default", found.n_clusters),
            ("the best of coarser, found and finer", nearest),
            ("longest lifetime, as in 0.1", lifetimes),
            *(
                (f"resolution {value}", int(found.counts[np.argmax([a.modularity(value) for a in agreements])]))
                for value in RESOLUTIONS
            ),
        ):
            gain = bench.ari(cuts(count)) - bench.ari(cuts(k))
            rows.setdefault(name, []).append({"log": np.log(count / k), "ari": gain, "held": least <= k <= most})
    datasets = [bench.problem.name.split()[0] for bench in benches]
    rows["resolution chosen on the other datasets"] = _chosen_elsewhere(rows, datasets)
    summary = {}
    for name, values in rows.items():
        table = pd.DataFrame(values)
        error = table["log"].astype(float).abs()
        summary[name] = {
            "problems": len(table),
            "mean of abs ln(found/k)": error.mean(),
            "within 30 %": (error < np.log(1.3)).mean(),
            "off by 2 or more": (error >= np.log(2) - 1e-9).mean(),
            "ARI against that at k": table["ari"].astype(float).mean(),
            "k plausible": table["held"].astype(float).mean(),
        }
    return pd.DataFrame(summary).T.round(3)


def _chosen_elsewhere(rows: dict[str, list[dict[str, float]]], datasets: list[str]) -> list[dict[str, float]]:
    """For each problem the row of the resolution with the least mean error on the problems of other datasets."""
    candidates = [rows[f"resolution {value}"] for value in RESOLUTIONS]
    errors = np.array([[abs(row["log"]) for row in candidate] for candidate in candidates])
    found = []
    for index, dataset in enumerate(datasets):
        others = np.array([other != dataset for other in datasets])
        found.append(candidates[int(np.argmin(errors[:, others].mean(axis=1)))][index])
    return found


def structure(problems: Sequence[Problem], seed: int) -> pd.DataFrame:
    """How often clouds are said to have no clear groups, and problems with classes."""
    groups = {"clouds without groups": list(draw_clouds(seed)), "problems with classes": problems}
    rows = {}
    for name, members in groups.items():
        clear = [graphs.measure_structure(member.views, seed).clear for member in members]
        rows[name] = {"number": len(clear), "no clear groups": len(clear) - sum(clear)}
    return pd.DataFrame(rows).T


def main() -> None:
    """Print the tables for all datasets below DATA."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.quality", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with images/ and features/ of one or more datasets")
    parser.add_argument("--datasets", nargs="*", help="some of them; default: all that have features")
    parser.add_argument("--problems", type=int, default=8, help="problems drawn from each dataset (8)")
    parser.add_argument("--seed", type=int, default=0, help="of the problems and of all that is computed (0)")
    options = parser.parse_args()
    datasets = options.datasets or sorted(folder.name for folder in (options.data / "features").iterdir())
    problems = list(draw_problems(options.data, datasets, options.problems, options.seed))
    benches = [Bench(problem, options.seed) for problem in problems]
    sizes = [len(problem.labels) for problem in problems]
    print(f"{len(problems)} problems of {min(sizes)} to {max(sizes)} images from {', '.join(datasets)}\n")
    for table in (known_count(benches), unknown_count(benches), structure(problems, options.seed)):
        print(markdown(table), end="\n\n", flush=True)


def markdown(table: pd.DataFrame) -> str:
    """The table as Markdown."""
    lines = [["", *map(str, table.columns)], ["---", *["--:"] * len(table.columns)]]
    for name, row in zip(table.index, table.values, strict=True):
        lines.append([str(name), *(f"{value:g}" for value in row)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
