"""The merging of graph degree linkage, compiled: always the best pair of all that are candidates."""

import numba
import numpy as np

from stages.clustering._degree_state import (
    NONE,
    STALE,
    State,
    inner,
    link,
    new_pair,
    remove_pair,
    set_affinity,
    unlink,
)
from stages.clustering._degree_tournament import choose_candidates, drop_unwanted, find_all, renew_best


@numba.njit(cache=True)
def merge_best(s: State, n_clusters: int, limit: int, merges: np.ndarray) -> int:
    """Merge until `n_clusters` are left or no pair has an affinity above 0; return how many merges were made.

    `limit` is the number of candidates that a cluster keeps, 0 for all. They are sought again when there are none
    left; once there are not more than 1.2 times as many clusters as candidates, all pairs count. `merges` (r, 3)
    takes the names of the two clusters, the lower first, and their affinity.
    """
    count, done = len(s.size), 0
    touched = np.empty(count, dtype=np.int32)
    fresh = True
    _find_pairs(s, limit, touched)
    while count > n_clusters:
        if limit and count <= 1.2 * limit:
            limit = np.int64(0)  # type: ignore[assignment]  # a plain 0 would compile all that takes it twice
            _find_pairs(s, limit, touched)
        if s.lead_weight[0] > 0 and count <= s.lead_until:
            s.lead_weight[0] = 0
            find_all(s)
        if s.tree[1] == NONE:
            if fresh or not limit:
                break
            _find_pairs(s, limit, touched)
            fresh = True
            continue
        p = s.best[s.tree[1]]
        i, j = s.name[s.owner[2 * p]], s.name[s.owner[2 * p + 1]]
        merges[done, 0], merges[done, 1], merges[done, 2] = min(i, j), max(i, j), s.affinity[p]
        _merge(s, p, limit, touched)
        done, count, fresh = done + 1, count - 1, False
    return done


@inner()
def _find_pairs(s: State, limit: int, touched: np.ndarray) -> None:
    """Build the pairs of all clusters from their lists."""
    s.first_node[:] = NONE
    s.used[1] = 0
    for p in range(len(s.affinity)):
        s.following[2 * p] = p + 1
    for i in range(len(s.size)):
        if s.size[i]:
            count = _sum_row(s, i, touched)
            _mark_nodes(s, i)
            for t in range(count):
                j = touched[t]
                if s.node_of[j] == NONE:
                    new_pair(s, i, j, s.row[j], 0.0)
                else:
                    s.total[s.node_of[j]] = s.row[j]
                s.row[j] = 0
            _unmark_nodes(s, i)
    for i in range(len(s.size)):
        node = s.first_node[i]
        while node != NONE:
            set_affinity(s, node >> 1)
            node = s.following[node]
    if limit:
        for i in range(len(s.size)):
            choose_candidates(s, i, limit)
        for i in range(len(s.size)):
            drop_unwanted(s, i)
    find_all(s)


@inner()
def _merge(s: State, pair: int, limit: int, touched: np.ndarray) -> None:
    """Merge the two clusters of `pair` into the slot of the larger one, and see to all that this changes."""
    kept, gone = np.int64(s.owner[2 * pair]), np.int64(s.owner[2 * pair + 1])
    if s.size[kept] + s.list_length[kept] < s.size[gone] + s.list_length[gone]:
        kept, gone = gone, kept
    remove_pair(s, pair)
    if s.update == 0:
        _sum_column(s, gone)
    count = _join_chains(s, kept, gone, touched)
    if s.update == 0:
        _clear_column(s, gone)
    _join_lists(s, kept, gone)
    _join_members(s, kept, gone)
    _mark_nodes(s, kept)
    seen = np.empty(s.list_length[kept], dtype=np.int32)
    open_to_all = not limit or count == 0  # a cluster without candidates looks around
    for t in range(_sum_row(s, kept, seen) if s.update == 0 else 0):
        j = seen[t]
        if s.node_of[j] != NONE:
            s.total[s.node_of[j]] = s.row[j]
        elif open_to_all:
            new_pair(s, kept, j, s.row[j], _total(s, j, kept))
            touched[count] = j
            count += 1
        s.row[j] = 0
    _unmark_nodes(s, kept)
    node = s.first_node[kept]
    while node != NONE:
        set_affinity(s, node >> 1)
        node = s.following[node]
    if limit:
        choose_candidates(s, kept, limit)
        drop_unwanted(s, kept)
    renew_best(s, kept, gone, touched[:count])


@inner()
def _sum_row(s: State, i: int, touched: np.ndarray) -> int:
    """Sum the totals of `i` over all others into `row`, and who they are into `touched`; return how many."""
    count = 0
    for at in range(s.list_start[i], s.list_start[i] + s.list_length[i]):
        product = s.list_given[at] * s.list_taken[at]
        if product > 0:
            j = s.slot[s.list_image[at]]
            if s.row[j] == 0:
                touched[count] = j
                count += 1
            s.row[j] += product
    return count


@inner()
def _total(s: State, i: int, j: int) -> float:
    """The total of `i` over `j`."""
    total = 0.0
    for at in range(s.list_start[i], s.list_start[i] + s.list_length[i]):
        if s.slot[s.list_image[at]] == j:
            total += s.list_given[at] * s.list_taken[at]
    return total


@inner()
def _sum_column(s: State, j: int) -> None:
    """Add the totals of all clusters over `j` to `column`, from the edges of the members of `j`."""
    given = s.row  # scratch as well
    image = s.first_member[j]
    while image != NONE:
        for e in range(s.in_start[image], s.in_start[image + 1]):
            given[s.slot[s.in_source[e]]] += s.in_weight[e]
        for e in range(s.targets.shape[1]):
            i = s.slot[s.targets[image, e]]
            s.column[i] += given[i] * s.weights[image, e]
        for e in range(s.in_start[image], s.in_start[image + 1]):
            given[s.slot[s.in_source[e]]] = 0
        image = s.next_member[image]


@inner()
def _clear_column(s: State, j: int) -> None:
    image = s.first_member[j]
    while image != NONE:
        for e in range(s.targets.shape[1]):
            s.column[s.slot[s.targets[image, e]]] = 0
        image = s.next_member[image]


@inner()
def _join_chains(s: State, kept: int, gone: int, touched: np.ndarray) -> int:
    """Give the pairs of `gone` to `kept`, with the totals over both; `touched` takes the others, of the count.

    Totals of `kept` are exact only after the row is summed again; those of others are at once, by the column.
    Where the rule's update is not exact, all come from the totals of before.
    """
    count = 0
    images = np.float64(s.size[kept] + s.size[gone])
    scale_kept = images / s.size[kept] if s.update == 1 else 1.0
    scale_gone = images / s.size[gone] if s.update == 1 else 1.0
    node = s.first_node[kept]
    while node != NONE:
        j = s.owner[node ^ 1]
        s.node_of[j] = node
        s.total[node] *= scale_kept
        if s.update == 0:
            s.total[node ^ 1] += s.column[j]
        if s.best[j] == node >> 1:
            s.best[j] = STALE
        touched[count] = j
        count += 1
        node = s.following[node]
    while s.first_node[gone] != NONE:
        node = s.first_node[gone]
        j = s.owner[node ^ 1]
        same = s.node_of[j]
        if same != NONE:
            s.wanted[same ^ 1] |= s.wanted[node ^ 1]
            s.total[same] += s.total[node] * scale_gone
            if s.update:
                s.total[same ^ 1] += s.total[node ^ 1]
            remove_pair(s, node >> 1)
            continue
        if s.best[j] == node >> 1:
            s.best[j] = STALE
        if s.update == 0:
            s.total[node ^ 1] = _total(s, j, kept) + s.column[j]
        s.total[node] *= scale_gone
        unlink(s, node)
        link(s, node, kept)
        s.node_of[j] = node
        touched[count] = j
        count += 1
    _unmark_nodes(s, kept)
    return count


@inner()
def _join_lists(s: State, kept: int, gone: int) -> None:
    """Add the lists of both up behind all lists, without the images that are now inside."""
    if s.used[0] + s.list_length[kept] + s.list_length[gone] > len(s.list_image):
        _close_gaps(s)
    a, b, at = s.list_start[kept], s.list_start[gone], s.used[0]
    end_a, end_b = a + s.list_length[kept], b + s.list_length[gone]
    s.list_start[kept] = at
    while a < end_a or b < end_b:
        take_a = b == end_b or (a < end_a and s.list_image[a] <= s.list_image[b])
        take_b = a == end_a or (b < end_b and s.list_image[b] <= s.list_image[a])
        image = s.list_image[a] if take_a else s.list_image[b]
        given = taken = 0.0
        if take_a:
            given, taken = s.list_given[a], s.list_taken[a]
            a += 1
        if take_b:
            given, taken = given + s.list_given[b], taken + s.list_taken[b]
            b += 1
        if s.slot[image] != kept and s.slot[image] != gone:
            s.list_image[at], s.list_given[at], s.list_taken[at] = image, given, taken
            at += 1
    s.list_length[kept], s.list_length[gone] = at - s.list_start[kept], 0
    s.used[0] = at


@inner()
def _close_gaps(s: State) -> None:
    at = 0
    for i in np.argsort(s.list_start):
        start = s.list_start[i]
        if s.list_length[i]:
            s.list_start[i] = at
        for entry in range(start, start + s.list_length[i]):
            s.list_image[at] = s.list_image[entry]
            s.list_given[at], s.list_taken[at] = s.list_given[entry], s.list_taken[entry]
            at += 1
    s.used[0] = at


@inner()
def _join_members(s: State, kept: int, gone: int) -> None:
    image = s.first_member[gone]
    while image != NONE:
        s.slot[image] = kept
        image = s.next_member[image]
    s.next_member[s.last_member[kept]] = s.first_member[gone]
    s.last_member[kept] = s.last_member[gone]
    s.size[kept] += s.size[gone]
    s.size[gone] = 0
    s.name[kept] = min(s.name[kept], s.name[gone])


@inner()
def _mark_nodes(s: State, i: int) -> None:
    """Fill `node_of`: the nodes of `i` by their other cluster."""
    node = s.first_node[i]
    while node != NONE:
        s.node_of[s.owner[node ^ 1]] = node
        node = s.following[node]


@inner()
def _unmark_nodes(s: State, i: int) -> None:
    node = s.first_node[i]
    while node != NONE:
        s.node_of[s.owner[node ^ 1]] = NONE
        node = s.following[node]
