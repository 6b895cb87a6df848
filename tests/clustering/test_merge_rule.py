"""The merge rules of JULE against dense references that compute every affinity from scratch, or update it."""

import itertools

import numpy as np
import pytest

from stages.clustering.gdl import link_by_degree
from stages.clustering.merge_rule import Rule
from stages.clustering.neighbours import Digraph, digraph, nearest_components
from tests.clustering.graphs import dense_weights


def reference(W, names, n_clusters, rule):
    """Merge by brute force, on a table of totals 1' W_ij W_ji 1; (r, 2) names in order."""
    clusters = {int(name): np.flatnonzero(names == name) for name in np.unique(names)}

    def total(i, j):
        return (W[np.ix_(clusters[i], clusters[j])] @ W[np.ix_(clusters[j], clusters[i])]).sum()

    totals = {(i, j): total(i, j) for i, j in itertools.permutations(clusters, 2)}
    merges = []
    while len(clusters) > n_clusters:
        best = None
        for i in clusters:
            affinities = sorted(
                (
                    (totals[i, j] / len(clusters[i]) ** 2 + totals[j, i] / len(clusters[j]) ** 2, j)
                    for j in clusters
                    if j != i and (j < i or not rule.one_sided)
                ),
                reverse=True,
            )
            if not affinities or affinities[0][0] <= 0:
                continue
            nearest = [affinity for affinity, _ in affinities[: rule.n_nearest]]
            nearest += [0.0] * (rule.n_nearest - len(nearest))
            score = nearest[0]
            if rule.n_nearest > 1 and len(clusters) > rule.lead_until:
                score += rule.lead_weight / (rule.n_nearest - 1) * sum(nearest[0] - other for other in nearest[1:])
            if best is None or score > best[0] * (1 + 1e-12):
                best = score, i, affinities[0][1]
        if best is None:
            break
        kept, gone = sorted(best[1:])
        merges.append((kept, gone))
        a, b = len(clusters[kept]), len(clusters[gone])
        rows = {j: (totals[kept, j], totals[gone, j]) for j in clusters if j not in (kept, gone)}
        clusters[kept] = np.concatenate([clusters[kept], clusters.pop(gone)])
        for j, (first, second) in rows.items():
            exact = total(kept, j)
            weighted = (a + b) ** 2 * (a / (a + b) * first / a**2 + b / (a + b) * second / b**2)
            totals[kept, j] = {"exact": exact, "weighted": weighted, "summed": first + second}[rule.update]
            totals[j, kept] += totals[j, gone]
    return np.array(merges).reshape(-1, 2)


RULES = [
    Rule(n_nearest=5, lead_weight=1.0),
    Rule(n_nearest=2, lead_weight=0.5),
    Rule(n_nearest=5, lead_weight=0.0),
    Rule(one_sided=True),
    Rule(n_nearest=4, lead_weight=1.0, one_sided=True),
    Rule(n_nearest=5, lead_weight=1.0, update="weighted"),
    Rule(n_nearest=5, lead_weight=1.0, one_sided=True, update="summed"),
    Rule(n_nearest=5, lead_weight=1.0, lead_until=12, update="summed"),
]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("seed", range(6))
def test_a_full_merge_sequence_equals_the_reference(rule, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 60))
    graph = digraph(rng.normal(size=(n, 3)), int(rng.integers(3, 9)), 1.0)
    names = nearest_components(graph.indices) if seed % 2 else np.arange(n, dtype=np.int32)
    expected = reference(dense_weights(graph), names, 1, rule)
    left, merges = link_by_degree(graph, names, 1, rule=rule)
    np.testing.assert_array_equal(merges[:, :2], expected)
    assert len(np.unique(left)) == len(np.unique(names)) - len(expected)


def test_a_lead_changes_which_pair_comes_first():
    # Pairs (0, 1) and (2, 3) are linked both ways, 0-1 by weights of 1; 2-3 by weights of .95, but 0 has another
    # neighbour 4, nearly as near: A(0, 1) = 2, A(0, 4) = 2 * .98, A(2, 3) = 2 * .95^2 = 1.805.
    W = np.zeros((5, 5))
    for i, j, weight in [(0, 1, 1.0), (2, 3, 0.95), (0, 4, np.sqrt(0.98)), (1, 4, np.sqrt(0.99))]:
        W[i, j] = W[j, i] = weight
    indices = np.array([[1, 4], [0, 4], [3, 3], [2, 2], [1, 0]], dtype=np.int32)
    weights = np.take_along_axis(W, indices.astype(np.int64), axis=1)
    weights[2:4, 1] = 0  # one edge, not two to the same image
    graph, names = Digraph(indices, weights), np.arange(5, dtype=np.int32)
    # Without a lead 0 and 1 are nearest. With it, all of 0, 1 and 4 have rivals nearby and 2 and 3 have none:
    # 1: 2 + (2 - 1.98) = 2.02 against 2: 1.805 + 1.805 = 3.61.
    assert link_by_degree(graph, names, 4)[1][0, :2].tolist() == [0, 1]
    assert link_by_degree(graph, names, 4, rule=Rule(2, 1.0))[1][0, :2].tolist() == [2, 3]
