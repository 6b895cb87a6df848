"""Clusters and their centres in an embedding: means, the nearest, how sure that is; matching; suspicious sizes."""

import warnings
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from stages.core.errors import ParameterError

_ROWS = 1024  # compared with the centres at once


def check_image_number(n_clusters: int, n_images: int) -> None:
    """Raise `ParameterError` for more clusters than images."""
    if n_clusters > n_images:
        raise ParameterError(
            f"n_clusters is {n_clusters} but there are {n_images} images; give a number from 1 to {n_images}"
        )


def cluster_means(embedding: Tensor, labels: Tensor, n_clusters: int) -> Tensor:
    """Return the mean (k, width) of every cluster of an embedding (n, width); without images it is that of all."""
    members = [embedding[labels == label] for label in range(n_clusters)]
    return torch.stack([(rows if len(rows) else embedding).mean(dim=0) for rows in members])


def nearest_centres(embedding: Tensor, centres: Tensor) -> np.ndarray:
    """Return the number of the centre (k, width) nearest to each row of an embedding (n, width), int32 (n)."""
    mode = "donot_use_mm_for_euclid_dist"  # from products, images near a centre would lose their digits
    found = [torch.cdist(rows, centres, compute_mode=mode).argmin(dim=1) for rows in embedding.split(_ROWS)]
    return torch.cat(found).cpu().numpy().astype(np.int32)


def confident_clusters(embeddings: Iterable[Tensor], centres: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the clusters, int32 (m), of embeddings, and how sure they are, float64 (m) in [0, 1].

    Each row of the embeddings, float32 (., width), belongs to the nearest of the centres (k, width), Euclidean.
    Its confidence is 1 - d1/d2, where d1 is the distance to that centre and d2 that to the next: 0 half-way
    between both, 1 on the centre, and 1 where there is no other.
    """
    clusters, confidences = [], []
    for embedding in embeddings:
        # Differences, as while training: |z|^2 - 2 z mu + |mu|^2 loses the digits that part near centres.
        distances = torch.cdist(embedding, centres, compute_mode="donot_use_mm_for_euclid_dist")
        found = distances.cpu().numpy()
        clusters.append(found.argmin(axis=1).astype(np.int32))
        confidences.append(_confidence(found.astype(np.float64)))
    return np.concatenate(clusters), np.concatenate(confidences)


def matched(clusters: np.ndarray, others: np.ndarray, k: int) -> np.ndarray:
    """Return clusters, int (n) in 0..k-1, by the numbers of those of `others`, int (n), that they share most with.

    The matching is one to one and shares the most images altogether: int64 (n).
    """
    from scipy.optimize import linear_sum_assignment

    common = np.zeros((k, k), dtype=np.int64)
    np.add.at(common, (clusters, others), 1)
    number: np.ndarray = linear_sum_assignment(-common)[1]
    found: np.ndarray = number[clusters]
    return found


def share_changed(before: np.ndarray, after: np.ndarray) -> float:
    """Return the share of images (0 to 1) whose cluster, int (n), is not the match of the one `before`."""
    kept = matched(before, after, max(before.max(), after.max()) + 1) == after
    return 1 - float(kept.sum()) / len(before)


def warn_of_sizes(labels: np.ndarray, n_clusters: int, remedy: str) -> None:
    """Warn (`UserWarning`) of empty clusters, with a `remedy`, and of one with over half of the images int (n)."""
    sizes = np.bincount(labels, minlength=n_clusters)
    empty, largest = int((sizes == 0).sum()), int(sizes.max())
    if empty:
        warnings.warn(f"{empty} of {n_clusters} clusters are empty; {remedy}", stacklevel=4)
    if n_clusters > 2 and 2 * largest > len(labels):
        warnings.warn(
            f"one cluster holds {largest} of {len(labels)} images, which differ too little", stacklevel=4
        )


def _confidence(distances: np.ndarray) -> np.ndarray:
    """1 - d1/d2 of every row (m, k): 0 where two centres are the same and the image is on them."""
    if distances.shape[1] == 1:
        return np.ones(len(distances))
    nearest, second = np.partition(distances, 1, axis=1)[:, :2].T
    ratios: np.ndarray = np.divide(nearest, second, out=np.ones_like(second), where=second > 0)
    return 1 - ratios
