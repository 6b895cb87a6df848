"""The graph that joins each image to its nearest others in every view.

No label and no clustering takes part in it, so that it can judge all partitions alike. Every view gives each image
the same number of links: a view whose distances are large counts no more than another.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from stages.clustering.neighbours import nearest_neighbours
from stages.clustering.preparation import different_images

N_NEIGHBORS = 10
MOST_STARTS = 5000


def view_links(
    views: Sequence[np.ndarray], n_neighbors: int = N_NEIGHBORS, most_starts: int = MOST_STARTS
) -> np.ndarray:
    """Return the links from images to their nearest others in each view, int32 (m, 2): start and end.

    `views` are features float32 (n, d_v), finite. A start has `n_neighbors` links in every view, or one to each
    other image where there are fewer; two images have a link for each view that joins them. Copies, alike in all
    views, are one image, the first of them: they would only be linked to one another. Above `most_starts` images
    only so many are starts, drawn by the digest of their features, and their neighbours are still looked for among
    all: a graph within a sample would join images that are no neighbours. The order of the images matters for
    equal distances alone.
    """
    images, _ = different_images(views)
    starts = _drawn(views, images, most_starts)
    images = np.concatenate([starts, np.setdiff1d(images, starts)])  # the search takes the first rows as starts
    links = []
    for view in views:
        ends, _ = nearest_neighbours(view[images], n_neighbors, len(starts))
        links.append(np.column_stack([np.repeat(starts, ends.shape[1]), images[ends.reshape(-1)]]))
    return np.concatenate(links).astype(np.int32)


def _drawn(views: Sequence[np.ndarray], images: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of the `images`, int64, ascending: those whose features have the lowest digests."""
    if len(images) <= most:
        return images
    digests = [hashlib.sha256(b"".join(view[image].tobytes() for view in views)).digest() for image in images]
    lowest = sorted(range(len(images)), key=digests.__getitem__)[:most]
    return np.sort(images[lowest])
