"""The co-association and its agglomeration, written down plainly: dense, slow, for small sets."""

import numpy as np


def coassociation(partitions, weights=None):
    """The matrix, float64 (n, n): the weight of partitions that agree on two images, of all they have."""
    weights = np.ones(partitions.shape[1]) if weights is None else np.asarray(weights, dtype=float)
    agree = np.zeros((len(partitions), len(partitions)))
    for labels, weight in zip(partitions.T, weights, strict=True):
        agree += weight * ((labels[:, None] == labels[None, :]) & (labels >= 0)[:, None])
    seen = (partitions >= 0) @ weights
    return agree / np.sqrt(np.outer(seen, seen))


COMBINE = {"average": np.mean, "single": np.min, "complete": np.max}


def greediness(distances, merges, method):
    """How far a dendrogram, in scipy's form, is from joining the two nearest groups at each step.

    Returns the largest difference between a merge's height, the distance of the two groups it joins, and the least
    distance of any two groups there were.
    """
    between = COMBINE[method]
    groups = {image: [image] for image in range(len(distances))}
    worst = 0.0
    for number, (a, b, height, count) in enumerate(merges, start=len(distances)):
        names = sorted(groups)
        least = min(
            between(distances[np.ix_(groups[x], groups[y])]) for i, x in enumerate(names) for y in names[:i]
        )
        one, other = groups.pop(int(a)), groups.pop(int(b))
        joined = between(distances[np.ix_(one, other)])
        worst = max(worst, abs(joined - least), abs(joined - height))
        groups[number] = one + other
        assert len(groups[number]) == count
    assert len(groups) == 1
    return worst
