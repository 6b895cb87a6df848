"""A compiled kernel of dendrograms: imported only where one is built, as numba takes a second to load."""

import numba
import numpy as np


@numba.njit(cache=True)
def named_merges(pairs, n_images):  # type: ignore[no-untyped-def]
    """Name groups as scipy does, and count their images.

    pairs int32 (n - 1, 2): any image of each of the two groups that are joined, in the order of joining. Returns
    (names int64 (n - 1, 2), sizes int64 (n - 1)): an image is named by its number, a joined group by n plus the
    number of its merge.
    """
    parent = np.arange(n_images).astype(np.int32)
    name = np.arange(n_images).astype(np.int64)
    size = np.ones(n_images, dtype=np.int64)
    names = np.empty((len(pairs), 2), dtype=np.int64)
    sizes = np.empty(len(pairs), dtype=np.int64)
    ends = np.empty(2, dtype=np.int32)
    for merge in range(len(pairs)):
        for side in range(2):
            root = pairs[merge, side]
            while parent[root] != root:
                parent[root] = parent[parent[root]]
                root = parent[root]
            ends[side] = root
        a, b = ends[0], ends[1]
        names[merge, 0], names[merge, 1] = min(name[a], name[b]), max(name[a], name[b])
        if size[a] < size[b]:
            a, b = b, a
        parent[b] = a
        size[a] += size[b]
        name[a] = n_images + merge
        sizes[merge] = size[a]
    return names, sizes
