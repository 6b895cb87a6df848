"""The start of K-means: centres that are images far from each other.

Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding" (2007), with the greedy choice among
several candidates of its section 6.
"""

import numpy as np

from stages.clustering._lloyd import Points


def seed_centers(points: Points, n_clusters: int, chance: np.random.RandomState) -> np.ndarray:
    """Return `n_clusters` of the images as centres, float64 (k, d).

    Each candidate is drawn with a chance in proportion to its squared distance from the centres so far; of
    2 + log k candidates the one is taken that lowers the sum of these distances most.
    """
    n_images = len(points.features)
    n_candidates = 2 + int(np.log(n_clusters))
    chosen = np.empty(n_clusters, dtype=np.int64)
    chosen[0] = chance.randint(n_images)
    nearest = points.squared_distances(slice(None), points.offsets(chosen[:1])).min(axis=1)
    nearest[chosen[0]] = 0
    for index in range(1, n_clusters):
        reach = np.cumsum(nearest, dtype=np.float64)
        drawn = np.searchsorted(reach, chance.uniform(size=n_candidates) * reach[-1], side="right")
        candidates = np.minimum(drawn, n_images - 1)
        lowered = points.squared_distances(slice(None), points.offsets(candidates))
        np.minimum(lowered, nearest[:, None], out=lowered)
        best = int(np.argmin(lowered.sum(axis=0, dtype=np.float64)))
        chosen[index] = candidates[best]
        nearest = lowered[:, best].copy()
        nearest[chosen[index]] = 0
    return points.features[chosen].astype(np.float64)
