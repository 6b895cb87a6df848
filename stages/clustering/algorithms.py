"""Clustering algorithms by name, as the stage `baseline` takes them."""

import difflib
import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from stages.clustering.candidates import measure_recall
from stages.clustering.preparation import check_subspace, different_images, random_subspace
from stages.core.algorithm_name import DRAWN, algorithm_label, parse_algorithm
from stages.core.checks import check_flag, check_known, check_number
from stages.core.errors import ParameterError

LEAST_IMAGES = 5  # of a fine cluster, on average: smaller ones cannot distinguish similarity from chance
_RUNS = ("multiple", "seeds", "subspace")  # parameters of the runs, not of the estimator

Factor = int | str  # an overclustering factor, or `DRAWN`


@dataclass(frozen=True)
class Algorithm:
    """An estimator of this package under its name, and the parameters that a user set.

    `estimator` says where it is, "module:class": it is imported when it runs. `fixed` are the parameters that
    make the estimator this algorithm. `rotates`: what it finds depends on the distances between images alone,
    so that features may be reduced isometrically. `counts`: it finds the number of clusters itself.
    `merges_copies`: copies of an image are clustered as one, since a graph of a few neighbours links each copy to
    a few of the others only.

    Beside those of its estimator, each algorithm takes the parameters `multiple` and `seeds`, which overrule the
    stage's for it, and `subspace`, the share of the features that each run draws. `multiple` may be "auto": each
    run then draws its number of clusters, up to `finest` times the root of the number of images.
    """

    name: str
    estimator: str
    fixed: dict[str, Any] = field(default_factory=dict)
    rotates: bool = True
    counts: bool = False
    merges_copies: bool = False
    finest: int = 4
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The algorithm as a user writes it, parameters in alphabetic order: "agdl", or "agdl:n_neighbors=10"."""
        return algorithm_label(self.name, self.parameters)

    @property
    def random(self) -> bool:
        """Whether the seed matters: an algorithm without chance runs once however many seeds are asked for."""
        return "subspace" in self.parameters or "random_state" in self._estimator().get_params()

    @property
    def nonnegative(self) -> bool:
        """Whether it refuses negative features."""
        return bool(self._estimator().__sklearn_tags__().input_tags.positive_only)

    @property
    def distances_only(self) -> bool:
        """Whether features may be replaced by others with the same distances, up to rounding, between images."""
        return self.rotates and not self.merges_copies and "subspace" not in self.parameters

    def factors(self, common: Sequence[int]) -> Sequence[Factor]:
        """The granularities to run at: its own `multiple`, else the `common` ones; 1 where it counts by itself."""
        own = self.parameters.get("multiple")
        return list(dict.fromkeys([1] if self.counts else common if own is None else [own]))

    def seeds(self, common: int) -> int:
        """How many runs: its own `seeds`, else the `common` number; one without chance."""
        return self.parameters.get("seeds", common) if self.random else 1

    def run_n_clusters(
        self,
        factor: Factor,
        n_clusters: int,
        n_images: int,
        run: int,
        n_runs: int,
        random_state: int,
        known: bool = True,
    ) -> int:
        """Return the number of clusters of a run, from 0 to `n_runs` - 1, at one of the `factors`.

        A drawn number follows from `n_clusters` only where these are `known`, and no stand-in for another number.
        """
        if factor == DRAWN:
            wanted = n_clusters if known else None
            return drawn_n_clusters(wanted, n_images, run, n_runs, self.finest, random_state)
        return finer(n_clusters, int(factor), n_images)

    def partition(
        self,
        features: np.ndarray,
        n_clusters: int,
        seed: int,
        n_init: int,
        candidates: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return labels int32 (n) of features float32 (n, d), from 0 on; -1 where it leaves an image out.

        `n_init` is the number of starts of those that have starts, unless the user's parameters say another.
        `candidates` are those of `find_candidates`, which graphs of a few neighbours choose from.
        """
        estimator = self._estimator()
        shared = {"n_clusters": n_clusters, "random_state": seed, "n_init": n_init}
        own = estimator.get_params()
        estimator.set_params(**{k: v for k, v in shared.items() if k in own and k not in self.parameters})
        features = self._drawn(features, seed)
        if self.merges_copies:
            first, equal = different_images([features])
            if len(first) < len(features):
                features = features[first]
                candidates = None if candidates is None else equal.astype(np.int32)[candidates[first]]
            labels = estimator.fit_predict(features, candidates=candidates)[equal]
        else:
            labels = estimator.fit_predict(features)
        found: np.ndarray = labels.astype(np.int32)
        return found

    def neighbour_recall(self, features: np.ndarray, seed: int, candidates: np.ndarray) -> float:
        """Return which share of the neighbours in the graph of a run are found among the `candidates`."""
        features = self._drawn(features, seed)
        first, equal = different_images([features])
        if len(first) < len(features):
            features, candidates = features[first], equal.astype(np.int32)[candidates[first]]
        return measure_recall(candidates, features, self._estimator().n_neighbors)

    def _drawn(self, features: np.ndarray, seed: int) -> np.ndarray:
        """The share of the features that a run draws, if it does."""
        share = self.parameters.get("subspace")
        return features if share is None else random_subspace(features, share, seed)

    def check(self) -> None:
        """Raise `ParameterError` for unknown parameters and for values of another type or out of range."""
        defaults = self._class()().get_params()
        known = {*defaults, *_RUNS} - {"n_clusters", "random_state", *self.fixed}
        for name, value in self.parameters.items():
            if name not in known:
                near = difflib.get_close_matches(name, known) or sorted(known)
                raise ParameterError(
                    f"algorithm {self.name} has no parameter {name!r}; did you mean {' or '.join(near)}?"
                )
            default = defaults.get(name)
            if isinstance(default, bool):
                check_flag(f"{name} of {self.name}", value)
            elif isinstance(default, int | float):
                check_number(f"{name} of {self.name}", value, whole=isinstance(default, int))
        if "subspace" in self.parameters:
            check_subspace(self.parameters["subspace"])
        for name in ("multiple", "seeds"):
            value = self.parameters.get(name, 1)
            if (name, value) != ("multiple", DRAWN):
                check_number(f"{name} of {self.name}", value, least=1, whole=True)

    def _class(self) -> Any:
        module, name = self.estimator.split(":")
        return getattr(importlib.import_module(module), name)

    def _estimator(self) -> Any:
        given = {name: value for name, value in self.parameters.items() if name not in _RUNS}
        return self._class()(**self.fixed, **given)


def finer(n_clusters: int, factor: int, n_images: int) -> int:
    """Return `factor` times `n_clusters`, less where clusters would fall below `LEAST_IMAGES` on average.

    It is never less than `n_clusters`.
    """
    return max(n_clusters, min(n_clusters * factor, n_images // LEAST_IMAGES))


def drawn_n_clusters(
    n_clusters: int | None, n_images: int, run: int, n_runs: int, finest: int, random_state: int
) -> int:
    """Return the number of clusters of one of several runs that draw it, from 0 to `n_runs` - 1.

    It is drawn log-uniformly, and each run from a stratum of its own, so that few runs cover the range. The range
    begins at the root of the number of images, or at `n_clusters`, where they are known to be more, and ends at
    `finest` times that or, if that is less, where clusters have 5 images (10 if `finest` is 2) on average. A
    consensus needs partitions finer than itself; those of Fred and Jain (2005) have the root of n clusters. As
    they do not follow the number wanted, another number is another cut of the same consensus, and the size of
    their clusters grows with the root of n: graph linkage with a few neighbours collapses where clusters are
    large.
    """
    least = max(math.sqrt(n_images), n_clusters or 1)
    most = max(least, min(finest * least, n_images / (LEAST_IMAGES * 4 / finest)))
    share = (run + float(np.random.default_rng(random_state).random())) / n_runs
    return min(n_images, round(least * math.exp(share * math.log(most / least))))


def find_algorithm(text: str) -> Algorithm:
    """Return the algorithm that `text` names: "kmeans", or with parameters, "agdl:n_neighbors=10,a=0.95".

    Raises `ParameterError` with the nearest names for an unknown one, and for parameters that cannot be read.
    """
    name, parameters = parse_algorithm(text)
    check_known("clustering algorithm", name, ALGORITHMS)
    algorithm = replace(ALGORITHMS[name], parameters=parameters)
    algorithm.check()
    return algorithm


ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("kmeans", "stages.clustering.kmeans:KMeans"),
        Algorithm("minibatch_kmeans", "stages.clustering.kmeans:MiniBatchKMeans"),
        *(
            Algorithm(linkage, "stages.clustering.agglomerative:Agglomerative", {"linkage": linkage})
            for linkage in ("ward", "average", "complete", "single")
        ),
        Algorithm("gaussian_mixture", "stages.clustering.gaussian_mixture:GaussianMixture", rotates=False),
        Algorithm("sc_njw", "stages.clustering.spectral:SpectralNJW"),
        Algorithm("sc_st", "stages.clustering.spectral:SpectralSelfTuning"),
        Algorithm("sc_ls", "stages.clustering.spectral_ls:SpectralLandmarks"),
        Algorithm("ncuts", "stages.clustering.normalised_cuts:NormalisedCuts"),
        Algorithm("gdl", "stages.clustering.gdl:GraphDegreeLinkage", merges_copies=True, finest=2),
        Algorithm("agdl", "stages.clustering.gdl:AcceleratedGraphDegreeLinkage", merges_copies=True, finest=2),
        Algorithm("pic", "stages.clustering.path_integral:PathIntegral", merges_copies=True, finest=2),
        Algorithm("zeta", "stages.clustering.zeta:Zeta", merges_copies=True, finest=2),
        Algorithm("nmf_lp", "stages.clustering.nmf_lp:NMFLP", rotates=False),
        Algorithm("nmf_deep", "stages.clustering.nmf_deep:DeepSemiNMF", rotates=False),
        Algorithm("genie", "stages.clustering.agglomerative:Genie"),
        Algorithm("hdbscan", "stages.clustering.density:HDBSCAN", counts=True),
        Algorithm("dbscan", "stages.clustering.density:DBSCAN", counts=True),
    )
}
