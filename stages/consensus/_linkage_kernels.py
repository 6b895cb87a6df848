"""Compiled kernels of the linkages: imported only where a dendrogram is built, as numba takes a second to load.

Average linkage keeps groups of images as label histograms, found through posting lists. A posting list holds the
groups that have a label. Joining two groups adds up their histograms, so the entries of all histograms together
never grow, and no matrix is ever formed.
"""

from typing import NamedTuple

import numba
import numpy as np

# The finest share of a group's images that singles a label out as one of its own; finer ones are looked at
# together.
_FIRST_TIER = 1 / 16
_FEW = 64  # labels of a group that are all looked up at once
# Sums of floats differ by their order. Similarities closer than this, relatively, count as equal; else rounding
# could lead a chain of nearest neighbours in a circle.
_EQUAL = 1 + 1e-12


@numba.njit(cache=True)
def single_merges(starts, labels, values, weights):  # type: ignore[no-untyped-def]
    """A spanning tree of r points with the greatest similarities (Prim 1957): all that single linkage depends on.

    The histograms are those of `average_merges`, each point for one image. Returns (pairs int32 (r - 1, 2),
    similarities float64 (r - 1)); points that share no label have the similarity 0.
    """
    n_points, n_labels = len(starts) - 1, len(weights)
    first = np.zeros(n_labels + 1, dtype=np.int64)
    for entry in range(len(labels)):
        first[labels[entry] + 1] += 1
    first = np.cumsum(first)
    filled = np.zeros(n_labels, dtype=np.int64)
    owner = np.empty(len(labels), dtype=np.int32)
    value = np.empty(len(labels), dtype=np.float64)
    for point in range(n_points):
        for entry in range(starts[point], starts[point + 1]):
            at = first[labels[entry]] + filled[labels[entry]]
            filled[labels[entry]] += 1
            owner[at], value[at] = point, values[entry]
    pairs = np.empty((max(n_points - 1, 0), 2), dtype=np.int32)
    similarities = np.empty(max(n_points - 1, 0), dtype=np.float64)
    outside = np.arange(n_points).astype(np.int32)
    best = np.zeros(n_points, dtype=np.float64)
    inside = np.zeros(n_points, dtype=np.int32)  # point of the tree that `best` leads to
    total = np.zeros(n_points, dtype=np.float64)
    added = np.int32(0)
    n_outside = n_points - 1
    outside[0] = outside[n_outside]
    for step in range(n_points - 1):
        for entry in range(starts[added], starts[added + 1]):
            label = labels[entry]
            factor = values[entry] * weights[label]
            for at in range(first[label], first[label + 1]):
                total[owner[at]] += factor * value[at]
        found = 0
        for index in range(n_outside):
            point = outside[index]
            if total[point] > best[point]:
                best[point], inside[point] = total[point], added
            leader = outside[found]
            if best[point] > best[leader] or (best[point] == best[leader] and point < leader):
                found = index
        total[:] = 0.0
        point = outside[found]
        pairs[step, 0], pairs[step, 1] = min(point, inside[point]), max(point, inside[point])
        similarities[step] = best[point]
        n_outside -= 1
        outside[found] = outside[n_outside]
        added = point
    return pairs, similarities


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


class Groups(NamedTuple):
    """Groups of images in r slots, their e histogram entries, and the posting lists of c labels.

    weights float64 (c), of each label. The posting list of label l is at first[l] (int64, c + 1) and has
    filled[l] (int64, c) places: owner int32 (e) is the slot of the group, value float64 (e) its histogram there,
    entry_at int32 (e) the entry. An entry has a label int32 (e) and a place int32 (e); the entries of a group
    form a linked list from head int32 (r) over following int32 (e) to tail int32 (r), of length int64 (r). size
    float64 (r) counts a group's images; lowest int32 (r) is its lowest point.
    """

    weights: np.ndarray
    first: np.ndarray
    filled: np.ndarray
    owner: np.ndarray
    value: np.ndarray
    entry_at: np.ndarray
    label: np.ndarray
    place: np.ndarray
    head: np.ndarray
    tail: np.ndarray
    following: np.ndarray
    length: np.ndarray
    size: np.ndarray
    lowest: np.ndarray


class Scratch(NamedTuple):
    """Room to work in: total float64 (r), own float64 (c), both 0; touched int32 (r); entry int32 (c), all -1."""

    total: np.ndarray
    own: np.ndarray
    touched: np.ndarray
    entry: np.ndarray


@numba.njit(cache=True)
def make_groups(starts, labels, values, weights, sizes):  # type: ignore[no-untyped-def]
    """Return a group for each of r points, whose histograms are given in CSR form; and room to work in."""
    n_points, n_entries, n_labels = len(sizes), len(labels), len(weights)
    first = np.zeros(n_labels + 1, dtype=np.int64)
    for entry in range(n_entries):
        first[labels[entry] + 1] += 1
    first = np.cumsum(first)
    filled = np.zeros(n_labels, dtype=np.int64)
    owner = np.empty(n_entries, dtype=np.int32)
    value = np.empty(n_entries, dtype=np.float64)
    entry_at = np.empty(n_entries, dtype=np.int32)
    place = np.empty(n_entries, dtype=np.int32)
    following = np.full(n_entries, -1, dtype=np.int32)
    head = np.empty(n_points, dtype=np.int32)
    tail = np.empty(n_points, dtype=np.int32)
    length = np.empty(n_points, dtype=np.int64)
    for point in range(n_points):
        head[point], tail[point] = starts[point], starts[point + 1] - 1
        length[point] = starts[point + 1] - starts[point]
        for entry in range(starts[point], starts[point + 1]):
            at = first[labels[entry]] + filled[labels[entry]]
            filled[labels[entry]] += 1
            owner[at], value[at], entry_at[at], place[entry] = point, values[entry], entry, at
            if entry + 1 < starts[point + 1]:
                following[entry] = entry + 1
    lowest = np.arange(n_points).astype(np.int32)
    groups = Groups(
        weights,
        first,
        filled,
        owner,
        value,
        entry_at,
        labels,
        place,
        head,
        tail,
        following,
        length,
        sizes.copy(),
        lowest,
    )
    scratch = Scratch(
        np.zeros(n_points), np.zeros(n_labels), np.empty(n_points, np.int32), np.full(n_labels, -1, np.int32)
    )
    return groups, scratch


@numba.njit(cache=True)
def nearest_group(groups, scratch, tip, most_agreement):  # type: ignore[no-untyped-def]
    """Return (slot, similarity) of the group most similar to the one in slot `tip`; (-1, 0) if none shares a
    label.

    The similarity of two groups is the weighted product of their histograms over the product of their sizes. Ties:
    the group with the lowest point. `most_agreement` bounds the similarity of any two groups.

    A large group has many labels that few of its images have. They are looked up only as far as they can matter:
    labels that a share of less than t of the group has add at most t times `most_agreement` to any similarity.
    So the labels are taken in tiers of falling shares, until what is left cannot lift a group that is not near
    the best; those that are near it are then compared in full.
    """
    touched, total = scratch.touched, scratch.total
    n_touched, best = 0, 0.0
    above, share = np.inf, _FIRST_TIER if groups.length[tip] > _FEW else 0.0
    while True:
        entry = groups.head[tip]
        while entry >= 0:
            label = groups.label[entry]
            own = groups.value[groups.place[entry]]
            if share * groups.size[tip] <= own < above * groups.size[tip]:
                factor = own * groups.weights[label]
                start = groups.first[label]
                for at in range(start, start + groups.filled[label]):
                    other = groups.owner[at]
                    if total[other] == 0.0:
                        touched[n_touched] = other
                        n_touched += 1
                    total[other] += factor * groups.value[at]
            entry = groups.following[entry]
        for index in range(n_touched):
            other = touched[index]
            if other != tip:
                best = max(best, total[other] / (groups.size[other] * groups.size[tip]))
        if share == 0.0 or best >= 8 * share * most_agreement:
            break
        above, share = share, share / 4
        if share < 1 / groups.size[tip]:
            share = 0.0
    if share > 0.0:
        _load(groups, scratch, tip)
    bar = best - share * most_agreement * (1 + 1e-9)
    nearest, best = -1, 0.0
    for index in range(n_touched):
        other = touched[index]
        area = groups.size[other] * groups.size[tip]
        similarity = total[other] / area
        total[other] = 0.0
        if other == tip or similarity < bar:
            continue
        if share > 0.0:
            similarity = _product(groups, scratch, other) / area
        if similarity > best or (
            similarity == best and nearest >= 0 and groups.lowest[other] < groups.lowest[nearest]
        ):
            nearest, best = other, similarity
    if share > 0.0:
        _unload(groups, scratch, tip)
    return nearest, best


@numba.njit(cache=True)
def _load(groups, scratch, slot):  # type: ignore[no-untyped-def]
    entry = groups.head[slot]
    while entry >= 0:
        label = groups.label[entry]
        scratch.own[label] = groups.value[groups.place[entry]] * groups.weights[label]
        entry = groups.following[entry]


@numba.njit(cache=True)
def _unload(groups, scratch, slot):  # type: ignore[no-untyped-def]
    entry = groups.head[slot]
    while entry >= 0:
        scratch.own[groups.label[entry]] = 0.0
        entry = groups.following[entry]


@numba.njit(cache=True)
def _product(groups, scratch, other):  # type: ignore[no-untyped-def]
    """The weighted product of the histogram that was loaded with that of the group in slot `other`."""
    product = 0.0
    entry = groups.head[other]
    while entry >= 0:
        product += scratch.own[groups.label[entry]] * groups.value[groups.place[entry]]
        entry = groups.following[entry]
    return product


@numba.njit(cache=True)
def join(groups, scratch, one, other):  # type: ignore[no-untyped-def]
    """Join the groups in two slots; return the slot of the joined group. The other slot is empty from then on."""
    if groups.length[one] < groups.length[other]:
        one, other = other, one
    entry = groups.head[one]
    while entry >= 0:
        scratch.entry[groups.label[entry]] = entry
        entry = groups.following[entry]
    entry = groups.head[other]
    while entry >= 0:
        later = groups.following[entry]
        label, at = groups.label[entry], groups.place[entry]
        own = scratch.entry[label]
        if own >= 0:  # both have the label: add up, and close the gap in its posting list
            groups.value[groups.place[own]] += groups.value[at]
            groups.filled[label] -= 1
            end = groups.first[label] + groups.filled[label]
            groups.owner[at], groups.value[at] = groups.owner[end], groups.value[end]
            groups.entry_at[at] = groups.entry_at[end]
            groups.place[groups.entry_at[at]] = at
        else:
            groups.owner[at] = one
            groups.following[groups.tail[one]], groups.following[entry] = entry, -1
            groups.tail[one] = entry
            groups.length[one] += 1
        entry = later
    entry = groups.head[one]
    while entry >= 0:
        scratch.entry[groups.label[entry]] = -1
        entry = groups.following[entry]
    groups.size[one] += groups.size[other]
    groups.lowest[one] = min(groups.lowest[one], groups.lowest[other])
    return one
