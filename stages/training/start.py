"""The clusters that DEC and IDEC start from, as the pipeline chooses them: K-means or a consensus."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.clustering import find_algorithm
from stages.core.algorithm_name import check_shares
from stages.core.checks import check_choice
from stages.core.errors import ParameterError
from stages.training.hyperparameters import DEFAULTS

if TYPE_CHECKING:
    from stages.deep.dec.first_clusters import Init, Initialiser

# Parameters of the start, with their types; they are not parameters of the estimators' constructors.
START_TYPES: dict[str, Any] = {
    "init": str,
    "algorithms": list[str],
    "shares": list[float],
    "overclustering": list[int],
    "runs": int,
}


def first_clusters(parameters: Mapping[str, Any], joined: bool = False) -> "Init":
    """Return the `init` of an estimator, for the parameters of `START_TYPES` that are given.

    "kmeans" is the estimator's own. "consensus" is the co-association (Fred and Jain 2005) of fine partitions of
    the views: of each view by its `algorithms` with their `shares`, or, if `joined`, of all views side by side.
    """
    init = parameters.get("init", "kmeans")
    check_choice("init", init, ("consensus", "kmeans"))
    if init == "kmeans":
        return "kmeans"
    return _consensus({name: parameters.get(name, value) for name, value in DEFAULTS["consensus"].items()}, joined)


def _consensus(chosen: Mapping[str, Any], joined: bool) -> "Initialiser":
    check_shares(chosen["shares"], chosen["algorithms"])
    for name in chosen["algorithms"]:
        find_algorithm(name)
    from stages.consensus import CoassociationClustering
    from stages.deep.dec.first_clusters import overclusterings

    def consensus(views: list[np.ndarray], n_clusters: int, random: np.random.RandomState) -> np.ndarray:
        seen = [np.concatenate(views, axis=1)] if joined else views
        try:
            partitions, weights = overclusterings(seen, n_clusters, **chosen, random=random)
            labels: np.ndarray = CoassociationClustering(n_clusters, weights=weights).fit_predict(partitions)
        except ParameterError as error:
            raise ParameterError(f"{error}; or start from K-means instead: init kmeans") from None
        return labels

    return consensus
