"""Whether new images fit the clusters they come nearest to: by distances in an embedding, without labels."""

import numpy as np

QUANTILE = 0.99  # of the distances between the images of a cluster, see `fits`


def fits(embedding: np.ndarray, clusters: np.ndarray, known: np.ndarray, known_clusters: np.ndarray) -> np.ndarray:
    """Return which images, float32 (m, width), fit their `clusters`, int (m), whose images are `known`: bool (m).

    `known` is float32 (n, width), `known_clusters` int (n). An image fits if it is no farther from the nearest
    image of its cluster than 99 in 100 images there are from the nearest other one. Into a cluster of fewer than
    two images everything fits: it has no spread to compare with.
    """
    from sklearn.neighbors import NearestNeighbors

    fit = np.ones(len(embedding), dtype=bool)
    for cluster in np.unique(clusters):
        members, new = known[known_clusters == cluster], clusters == cluster
        if len(members) < 2:
            continue
        nearest = NearestNeighbors(n_neighbors=1).fit(members)
        reach = np.quantile(nearest.kneighbors()[0], QUANTILE)
        fit[new] = nearest.kneighbors(embedding[new])[0][:, 0] <= reach
    return fit
