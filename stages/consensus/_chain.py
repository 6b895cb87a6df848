"""Compiled kernel of average linkage: imported only where it runs, as numba takes a second to load."""

import numba
import numpy as np

from stages.consensus._groups import join, make_groups, nearest_group

# Sums of floats differ by their order. Similarities closer than this, relatively, count as equal; else rounding
# could lead a chain of nearest neighbours in a circle.
_EQUAL = 1 + 1e-12


@numba.njit(cache=True)
def average_merges(starts, labels, values, weights, sizes, most_agreement):  # type: ignore[no-untyped-def]
    """Merge r weighted points by average linkage, along chains of nearest neighbours (Benzecri 1982; Murtagh
    1983).

    starts int64 (r + 1), labels int32 (e), values float64 (e): the points' histograms in CSR form, every value
    above 0. weights float64 (c): of each label. sizes float64 (r): the images that each point stands for.
    most_agreement: no less than the weighted product of the histograms of any two images.

    Returns (pairs int32 (q, 2), similarities float64 (q), roots int32 (g)): the merges of two groups, each named
    by its lowest point, with the mean weighted product of their images' histograms, a group's own merge before
    those it takes part in; and the lowest points of the g groups that are left, which share no label.
    """
    n_points = len(sizes)
    groups, scratch = make_groups(starts, labels, values, weights, sizes)
    made_at = np.full(n_points, np.inf)  # similarity at which a slot's group was made
    live = np.ones(n_points, dtype=np.bool_)
    pairs = np.empty((max(n_points - 1, 0), 2), dtype=np.int32)
    similarities = np.empty(max(n_points - 1, 0), dtype=np.float64)
    roots = np.empty(n_points, dtype=np.int32)
    n_pairs, n_roots, next_start, depth = 0, 0, 0, 0
    chain = np.empty(n_points + 1, dtype=np.int32)
    chained = np.empty(n_points + 1, dtype=np.float64)  # similarity to the one before in the chain
    while True:
        if depth == 0:
            while next_start < n_points and not live[next_start]:
                next_start += 1
            if next_start == n_points:
                break
            chain[0], chained[0], depth = next_start, 0.0, 1
        tip = chain[depth - 1]
        nearest, similarity = nearest_group(groups, scratch, tip, most_agreement)
        if nearest < 0:  # it shares no label with any other group: nothing is left to join it with
            roots[n_roots] = groups.lowest[tip]
            n_roots += 1
            live[tip] = False
            depth = 0
            continue
        if depth == 1 or similarity > chained[depth - 1] * _EQUAL:
            chain[depth], chained[depth] = nearest, similarity
            depth += 1
            continue
        # No group is nearer than the one before: the two are each other's nearest neighbours.
        before = chain[depth - 2]
        a, b = groups.lowest[tip], groups.lowest[before]
        pairs[n_pairs, 0], pairs[n_pairs, 1] = min(a, b), max(a, b)
        # Average linkage has no inversions; rounding must not make one.
        similarities[n_pairs] = min(chained[depth - 1], made_at[tip], made_at[before])
        joined = join(groups, scratch, tip, before)
        live[tip] = live[before] = False
        live[joined] = True
        made_at[joined] = similarities[n_pairs]
        n_pairs += 1
        depth -= 2
    return pairs[:n_pairs], similarities[:n_pairs], roots[:n_roots]
