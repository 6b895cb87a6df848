"""Compiled kernel of the linkages: imported only where images are merged, as numba takes a second to load."""

import numba
import numpy as np

WARD, AVERAGE, COMPLETE, SINGLE = range(4)


@numba.njit(cache=True)
def chain_merges(distances, size, linkage):  # type: ignore[no-untyped-def]
    """Merge all images along chains of nearest neighbours (Benzecri 1982; Murtagh 1983), in place.

    distances float64 (n (n - 1) / 2), condensed, overwritten: squared for WARD. size float64 (n), overwritten: how
    many images each stands for, 1 for an image itself. Returns (pairs int32 (n - 1, 2),
    heights float64 (n - 1), squared for WARD): the merges in the order in which they were found, a group's own
    before those it takes part in; a group is named by one of its images. Ties: the group with the lowest name.
    """
    n_images = len(size)
    pairs = np.empty((n_images - 1, 2), dtype=np.int32)
    heights = np.empty(n_images - 1, dtype=np.float64)
    live = np.arange(n_images)  # names of the groups that are left, ascending
    n_live = n_images
    made_at = np.zeros(n_images, dtype=np.float64)
    row_start = np.empty(n_images, dtype=np.int64)  # the place of (i, j) with i < j is row_start[i] + j
    for i in range(n_images):
        row_start[i] = i * (2 * n_images - i - 1) // 2 - i - 1
    chain = np.empty(n_images, dtype=np.int64)
    depth = 0
    for merge in range(n_images - 1):
        if depth == 0:
            chain[0], depth = live[0], 1
        while True:
            tip = chain[depth - 1]
            nearest, best = -1, np.inf
            if depth > 1:  # the one before wins ties, else the chain could run in a circle
                nearest = chain[depth - 2]
                best = distances[row_start[min(tip, nearest)] + max(tip, nearest)]
            index = 0
            while live[index] < tip:
                distance = distances[row_start[live[index]] + tip]
                if distance < best:
                    nearest, best = live[index], distance
                index += 1
            start = row_start[tip]
            for later in range(index + 1, n_live):
                distance = distances[start + live[later]]
                if distance < best:
                    nearest, best = live[later], distance
            if depth > 1 and nearest == chain[depth - 2]:
                break
            chain[depth] = nearest
            depth += 1
        depth -= 2
        gone, kept = min(tip, nearest), max(tip, nearest)
        # These linkages have no inversions; rounding must not make one.
        height = max(best, made_at[gone], made_at[kept])
        pairs[merge, 0], pairs[merge, 1], heights[merge] = gone, kept, height
        place = 0
        for index in range(n_live):
            other = live[index]
            if other == gone:
                continue
            live[place] = other
            place += 1
            if other == kept:
                continue
            from_gone = distances[row_start[min(gone, other)] + max(gone, other)]
            at = row_start[min(kept, other)] + max(kept, other)
            if linkage == WARD:
                third = size[other]
                total = size[gone] + size[kept] + third
                sum_of_both = (size[gone] + third) * from_gone + (size[kept] + third) * distances[at]
                distances[at] = (sum_of_both - third * best) / total
            elif linkage == AVERAGE:
                both = size[gone] + size[kept]
                distances[at] = (size[gone] * from_gone + size[kept] * distances[at]) / both
            elif linkage == COMPLETE:
                distances[at] = max(from_gone, distances[at])
            else:
                distances[at] = min(from_gone, distances[at])
        n_live = place
        size[kept] += size[gone]
        made_at[kept] = height
    return pairs, heights
