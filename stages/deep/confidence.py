"""New images in clusters, and how sure that is."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor


def confident_clusters(embeddings: Iterable[Tensor], centers: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the clusters, int32 (m), of embeddings, and how sure they are, float64 (m) in [0, 1].

    Each row of the embeddings, float32 (., width), belongs to the nearest of the centers (k, width), Euclidean.
    Its confidence is 1 - d1/d2, where d1 is the distance to that center and d2 that to the next: 0 half-way
    between both, 1 on the center, and 1 where there is no other.
    """
    clusters, confidences = [], []
    for embedding in embeddings:
        # Differences, as while training: |z|^2 - 2 z mu + |mu|^2 loses the digits that part near centers.
        distances = torch.cdist(embedding, centers, compute_mode="donot_use_mm_for_euclid_dist")
        found = distances.cpu().numpy()
        clusters.append(found.argmin(axis=1).astype(np.int32))
        confidences.append(_confidence(found.astype(np.float64)))
    return np.concatenate(clusters), np.concatenate(confidences)


def _confidence(distances: np.ndarray) -> np.ndarray:
    """1 - d1/d2 of every row (m, k): 0 where two centers are the same and the image is on them."""
    if distances.shape[1] == 1:
        return np.ones(len(distances))
    nearest, second = np.partition(distances, 1, axis=1)[:, :2].T
    return 1 - np.divide(nearest, second, out=np.ones_like(second), where=second > 0)
