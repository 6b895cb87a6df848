"""The clusters of graph degree linkage: compiled, sparse, and built up here from a neighbour graph.

A cluster has a slot, a chain of members, and a list of the images outside it that are linked to it: what it gives
them (the weights of the edges from its members) and what it takes (of the edges to them). The part of an affinity
that is due to cluster i, 1' W_ij W_ji 1, is then the sum of given times taken over the images of j in the list of
i; it is called the total of i over j.

A pair of clusters with a total above 0 is two nodes, 2 p and 2 p + 1, one in the chain of each of the two.
"""

import functools
from typing import Any, NamedTuple

import numba
import numpy as np

from stages.clustering.merge_rule import UPDATES, Rule


class State(NamedTuple):
    """Arrays by image (n), by slot (m), by entry of a list, by node and by pair; scratch is 0 between uses."""

    targets: np.ndarray  # int32 (n, k): whom an image has edges to
    weights: np.ndarray  # float64 (n, k)
    in_start: np.ndarray  # int64 (n + 1): where the edges to an image begin in
    in_source: np.ndarray  # int32 (n k)
    in_weight: np.ndarray  # float64 (n k)
    slot: np.ndarray  # int32 (n): the cluster of an image
    next_member: np.ndarray  # int32 (n), -1 after the last
    first_member: np.ndarray  # int32 (m)
    last_member: np.ndarray  # int32 (m)
    size: np.ndarray  # int64 (m), 0 once it is part of another
    name: np.ndarray  # int32 (m): its lowest image
    list_start: np.ndarray  # int64 (m)
    list_length: np.ndarray  # int64 (m)
    list_image: np.ndarray  # int32, in order within each list
    list_given: np.ndarray  # float64
    list_taken: np.ndarray  # float64
    used: np.ndarray  # int64 (2): entries in use, the first unused pair
    owner: np.ndarray  # int32: the cluster of a node
    following: np.ndarray  # int32: the next node of the cluster, -1 after the last; of unused pairs the next one
    preceding: np.ndarray  # int32
    total: np.ndarray  # float64: the total of the node's cluster over the other
    wanted: np.ndarray  # bool: the other is among the candidates of the node's cluster
    affinity: np.ndarray  # float64, by pair
    first_node: np.ndarray  # int32 (m)
    best: np.ndarray  # int32 (m): the pair to merge first, or NONE, or STALE
    score: np.ndarray  # float64 (m): of the best pair; see Rule
    leads: np.ndarray  # float64 (n_nearest), scratch: the largest affinities of a cluster
    lead_weight: np.ndarray  # float64 (1), 0 once the lead counts no more
    lead_until: int
    one_sided: bool
    update: int  # index of UPDATES
    tree: np.ndarray  # int32: a tournament; its leaves are the slots, its root the one with the best of all pairs
    row: np.ndarray  # float64 (m)
    column: np.ndarray  # float64 (m)
    node_of: np.ndarray  # int32 (m), -1 between uses


NONE, STALE = -1, -2

# Functions that only compiled code calls do without the wrappers for Python, a third of the compiling. They are
# compiled for each type of integer that they are called with: callers turn slots and pairs into int64.
inner: Any = functools.partial(numba.njit, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def new_state(targets: np.ndarray, weights: np.ndarray, names: np.ndarray, rule: Rule) -> State:
    """Return the state in which the images int32 (n) `names`, each of its cluster's lowest image, are clusters."""
    n_images, k = targets.shape
    unique, slots = np.unique(names, return_inverse=True)
    m = len(unique)
    edges = 2 * n_images * k
    leaves = 1 << max(m - 1, 1).bit_length()
    order = np.argsort(targets, axis=None, kind="stable")
    state = State(
        targets=targets,
        weights=weights,
        in_start=np.concatenate(([0], np.cumsum(np.bincount(targets.reshape(-1), minlength=n_images)))),
        in_source=(order // max(k, 1)).astype(np.int32),
        in_weight=weights.reshape(-1)[order],
        slot=slots.astype(np.int32),
        next_member=np.full(n_images, NONE, dtype=np.int32),
        first_member=unique.astype(np.int32),
        last_member=unique.astype(np.int32),
        size=np.bincount(slots, minlength=m),
        name=unique.astype(np.int32),
        list_start=np.zeros(m, dtype=np.int64),
        list_length=np.zeros(m, dtype=np.int64),
        list_image=np.empty(
            2 * edges, dtype=np.int32
        ),  # twice: room for merged lists beside those they are made of
        list_given=np.empty(2 * edges),
        list_taken=np.empty(2 * edges),
        used=np.zeros(2, dtype=np.int64),
        owner=np.empty(2 * edges, dtype=np.int32),
        following=np.empty(2 * edges, dtype=np.int32),
        preceding=np.empty(2 * edges, dtype=np.int32),
        total=np.empty(2 * edges),
        wanted=np.empty(2 * edges, dtype=np.bool_),
        affinity=np.empty(edges),
        first_node=np.full(m, NONE, dtype=np.int32),
        best=np.full(m, NONE, dtype=np.int32),
        score=np.zeros(m),
        leads=np.zeros(rule.n_nearest),
        lead_weight=np.full(1, rule.lead_weight if rule.n_nearest > 1 else 0.0),
        lead_until=rule.lead_until,
        one_sided=rule.one_sided,
        update=UPDATES.index(rule.update),
        tree=np.full(2 * leaves, NONE, dtype=np.int32),
        row=np.zeros(m),
        column=np.zeros(m),
        node_of=np.full(m, NONE, dtype=np.int32),
    )
    _collect_lists(state)
    return state


def state_bytes(n_images: int, k: int) -> int:
    """Bytes that a state, and building it, takes at most."""
    return n_images * (210 * k + 208)


@numba.njit(cache=True)
def _collect_lists(s: State) -> None:
    for image in range(len(s.slot)):
        own = s.slot[image]
        if s.last_member[own] != image:
            s.next_member[s.last_member[own]] = image
            s.last_member[own] = image
    given, taken = np.zeros(len(s.slot)), np.zeros(len(s.slot))
    touched = np.empty(len(s.slot), dtype=np.int32)
    at = 0
    for own in range(len(s.size)):
        count = 0
        image = s.first_member[own]
        while image != NONE:
            for e in range(s.targets.shape[1]):
                other = s.targets[image, e]
                if s.slot[other] != own and s.weights[image, e] > 0:
                    if given[other] == 0 and taken[other] == 0:
                        touched[count] = other
                        count += 1
                    given[other] += s.weights[image, e]
            for e in range(s.in_start[image], s.in_start[image + 1]):
                other = s.in_source[e]
                if s.slot[other] != own and s.in_weight[e] > 0:
                    if given[other] == 0 and taken[other] == 0:
                        touched[count] = other
                        count += 1
                    taken[other] += s.in_weight[e]
            image = s.next_member[image]
        s.list_start[own], s.list_length[own] = at, count
        for other in np.sort(touched[:count]):
            s.list_image[at], s.list_given[at], s.list_taken[at] = other, given[other], taken[other]
            given[other] = taken[other] = 0
            at += 1
    s.used[0] = at


@inner()
def before(s: State, p: int, q: int) -> bool:
    """Whether pair `p` is merged before `q`.

    The larger affinity, then the fewer images together, then the lowest column (the higher name of a pair), then
    the lowest row decides.
    """
    if s.affinity[p] != s.affinity[q]:
        return s.affinity[p] > s.affinity[q]
    a, b, c, d = s.owner[2 * p], s.owner[2 * p + 1], s.owner[2 * q], s.owner[2 * q + 1]
    images, others = s.size[a] + s.size[b], s.size[c] + s.size[d]
    if images != others:
        return images < others
    column, other_column = max(s.name[a], s.name[b]), max(s.name[c], s.name[d])
    if column != other_column:
        return column < other_column
    return min(s.name[a], s.name[b]) < min(s.name[c], s.name[d])


@inner()
def set_affinity(s: State, p: int) -> None:
    """Compute the affinity of pair `p` from its totals, to 41 bits: what sums in another order give must tie."""
    i, j = np.float64(s.size[s.owner[2 * p]]), np.float64(s.size[s.owner[2 * p + 1]])
    exact = s.total[2 * p] / (i * i) + s.total[2 * p + 1] / (j * j)
    large = 4097.0 * exact
    s.affinity[p] = large - (large - exact)


@inner()
def link(s: State, node: int, cluster: int) -> None:
    """Put `node` first in the chain of `cluster`."""
    s.owner[node] = cluster
    s.preceding[node] = NONE
    s.following[node] = s.first_node[cluster]
    if s.first_node[cluster] != NONE:
        s.preceding[s.first_node[cluster]] = node
    s.first_node[cluster] = node


@inner()
def unlink(s: State, node: int) -> None:
    """Take `node` out of its cluster's chain."""
    if s.preceding[node] != NONE:
        s.following[s.preceding[node]] = s.following[node]
    else:
        s.first_node[s.owner[node]] = s.following[node]
    if s.following[node] != NONE:
        s.preceding[s.following[node]] = s.preceding[node]


@inner()
def new_pair(s: State, i: int, j: int, total_i: float, total_j: float) -> int:
    """Make a pair of `i` and `j`, and return the node of `i`."""
    p = s.used[1]
    s.used[1] = s.following[2 * p]
    link(s, 2 * p, i)
    link(s, 2 * p + 1, j)
    s.total[2 * p], s.total[2 * p + 1] = total_i, total_j
    s.wanted[2 * p] = s.wanted[2 * p + 1] = True
    return 2 * p


@inner()
def remove_pair(s: State, p: int) -> None:
    """Take pair `p` out of both chains; whose best it was must look for another."""
    for node in (2 * p, 2 * p + 1):
        if s.best[s.owner[node]] == p:
            s.best[s.owner[node]] = STALE
        unlink(s, node)
    s.following[2 * p] = s.used[1]
    s.used[1] = p
