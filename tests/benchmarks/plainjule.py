"""The steps of JULE as a plain script does them: dense tables, triplets listed one by one in Python."""

import numpy as np


def triplets(embedding, labels):
    """Return the loss of every pair of a cluster with 20 images of others, drawn at random; None without any."""
    pairs, negatives = [], []
    for i in range(len(labels)):
        for j in range(i + 1, len(labels)):
            if labels[i] == labels[j]:
                others = np.flatnonzero(labels != labels[i])
                if len(others):
                    pairs.append((i, j))
                    negatives.append(np.random.choice(others, 20))
    if not pairs:
        return None
    anchors, positives = np.array(pairs).T
    near = (embedding[anchors] - embedding[positives]).square().sum(dim=1, keepdim=True)
    far = (embedding[anchors][:, None] - embedding[np.array(negatives)]).square().sum(dim=2)
    return (near - far + 0.2).clamp(min=0).mean()


def neighbour_weights(embedding, n_neighbors):
    """Return the weights of the neighbour graph as a dense float32 (n, n)."""
    from sklearn.neighbors import NearestNeighbors

    squared, indices = NearestNeighbors(n_neighbors=n_neighbors + 1).fit(embedding).kneighbors(embedding)
    squared = squared[:, 1:] ** 2
    weights = np.zeros((len(embedding), len(embedding)), dtype=np.float32)
    np.put_along_axis(weights, indices[:, 1:], np.exp(-squared / squared.mean()), axis=1)
    return weights


def merge(weights, labels, n_clusters):
    """Graph degree linkage on dense tables; the affinity's lead over the second to fifth counts."""
    count = labels.max() + 1
    member = np.zeros((count, len(labels)), dtype=np.float32)
    member[labels, np.arange(len(labels))] = 1
    given, taken, sizes = member @ weights, member @ weights.T, member.sum(axis=1)
    totals = (given * taken) @ member.T
    np.fill_diagonal(totals, 0)
    while count > n_clusters:
        parts = totals / sizes[:, None] ** 2
        affinity = parts + parts.T
        top = -np.sort(np.partition(-affinity, 4, axis=1)[:, :5], axis=1)
        score = np.where(top[:, 0] > 0, top[:, 0] + (top[:, :1] - top[:, 1:]).mean(axis=1), -1)
        best = int(score.argmax())
        if score[best] <= 0:
            break
        a, b = sorted((best, int(affinity[best].argmax())))
        given[a] += given[b]
        taken[a] += taken[b]
        member[a] += member[b]
        sizes[a] += sizes[b]
        given[b] = taken[b] = member[b] = 0
        totals[:, a] += totals[:, b]
        totals[:, b] = totals[b] = 0
        totals[a] = (given[a] * taken[a]) @ member.T
        totals[a, a] = 0
        count -= 1
    return np.unique(member.argmax(axis=0), return_inverse=True)[1]
