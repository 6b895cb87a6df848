"""Which pairs graph degree linkage considers, and which of them is the best of all; compiled.

Each cluster knows its best pair and its score, and a tournament among the clusters the best of these: after a
merge only the matches of the clusters concerned are played again.
"""

import numpy as np

from stages.clustering._degree_state import NONE, STALE, State, before, inner, remove_pair


@inner()
def choose_candidates(s: State, i: int, limit: int) -> None:
    """Let `i` want the `limit` others that it would merge with first."""
    ranked = np.empty(limit, dtype=np.int32)
    count = 0
    node = s.first_node[i]
    while node != NONE:
        s.wanted[node] = False
        if count < limit:
            count += 1
        elif not before(s, node >> 1, ranked[limit - 1] >> 1):
            node = s.following[node]
            continue
        at = count - 1
        while at > 0 and before(s, node >> 1, ranked[at - 1] >> 1):
            ranked[at] = ranked[at - 1]
            at -= 1
        ranked[at] = node
        node = s.following[node]
    for at in range(count):
        s.wanted[ranked[at]] = True


@inner()
def drop_unwanted(s: State, i: int) -> None:
    """Remove the pairs of `i` that neither cluster wants."""
    node = s.first_node[i]
    while node != NONE:
        following = s.following[node]
        if not s.wanted[node] and not s.wanted[node ^ 1]:
            remove_pair(s, node >> 1)
        node = following


@inner()
def find_best(s: State, i: int) -> None:
    """Find the pair of `i` to merge first, and the score of `i`."""
    s.best[i] = NONE
    node = s.first_node[i]
    while node != NONE:
        if _seen(s, node) and (s.best[i] == NONE or before(s, node >> 1, np.int64(s.best[i]))):
            s.best[i] = node >> 1
        node = s.following[node]
    if s.best[i] != NONE:
        s.score[i] = s.affinity[s.best[i]]
        if s.lead_weight[0] > 0:
            s.score[i] += s.lead_weight[0] * _mean_lead(s, i)


@inner()
def _seen(s: State, node: int) -> bool:
    """Whether the node's cluster looks at the other one."""
    return not s.one_sided or s.name[s.owner[node ^ 1]] < s.name[s.owner[node]]


@inner()
def _mean_lead(s: State, i: int) -> float:
    """By how much the largest affinity of `i` exceeds the second to n-th, on average; missing ones are 0."""
    s.leads[:] = 0
    node = s.first_node[i]
    while node != NONE:
        affinity = s.affinity[node >> 1]
        at = len(s.leads) - 1
        if affinity > s.leads[at] and _seen(s, node):
            while at > 0 and affinity > s.leads[at - 1]:
                s.leads[at] = s.leads[at - 1]
                at -= 1
            s.leads[at] = affinity
        node = s.following[node]
    total = 0.0
    for at in range(1, len(s.leads)):
        total += s.leads[0] - s.leads[at]
    return total / (len(s.leads) - 1)


@inner()
def find_all(s: State) -> None:
    """Find the best pair of every cluster, and play all matches."""
    leaves = len(s.tree) // 2
    for i in range(len(s.size)):
        find_best(s, i)
        s.tree[leaves + i] = i if s.size[i] else NONE
    for at in range(leaves - 1, 0, -1):
        s.tree[at] = winner(s, s.tree[2 * at], s.tree[2 * at + 1])


@inner()
def renew_best(s: State, kept: int, gone: int, touched: np.ndarray) -> None:
    """Find the best pairs of `kept` and of all whose pairs were `touched`, and replay their matches."""
    s.tree[len(s.tree) // 2 + gone] = NONE
    s.best[gone] = NONE
    find_best(s, kept)
    all_of_them = s.lead_weight[0] > 0 or s.one_sided  # any affinity that changes may change a score
    node = NONE if all_of_them else s.first_node[kept]
    while node != NONE:
        j = s.owner[node ^ 1]
        if s.best[j] == NONE or (s.best[j] != STALE and before(s, node >> 1, np.int64(s.best[j]))):
            s.best[j] = node >> 1
            s.score[j] = s.affinity[node >> 1]
            _replay(s, j)
        node = s.following[node]
    for j in touched:
        if s.best[j] == STALE or all_of_them:
            find_best(s, np.int64(j))
            _replay(s, j)
    _replay(s, gone)
    _replay(s, kept)


@inner()
def winner(s: State, i: int, j: int) -> int:
    """Which of two slots has the better best pair; NONE where neither has one."""
    if i == NONE or s.best[i] < 0:
        return j if j != NONE and s.best[j] >= 0 else NONE
    if j == NONE or s.best[j] < 0:
        return i
    if s.score[i] != s.score[j]:
        return i if s.score[i] > s.score[j] else j
    if s.best[i] == s.best[j]:
        return i
    return j if before(s, np.int64(s.best[j]), np.int64(s.best[i])) else i


@inner()
def _replay(s: State, i: int) -> None:
    """Replay the matches of slot `i`, up to the first that neither was won by it nor is."""
    at = (len(s.tree) // 2 + i) // 2
    while at:
        won_by = winner(s, s.tree[2 * at], s.tree[2 * at + 1])
        if won_by == s.tree[at] and won_by != i:
            break
        s.tree[at] = won_by
        at //= 2
