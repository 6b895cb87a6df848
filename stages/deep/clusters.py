"""Clusters as centers: the means of their images."""

import numpy as np
import torch
from torch import Tensor

_ROWS = 1024  # compared with the centers at once


def cluster_means(embedding: Tensor, labels: Tensor, n_clusters: int) -> Tensor:
    """Return the mean (k, width) of every cluster of an embedding (n, width); without images it is that of all."""
    members = [embedding[labels == label] for label in range(n_clusters)]
    return torch.stack([(rows if len(rows) else embedding).mean(dim=0) for rows in members])


def nearest_centers(embedding: Tensor, centers: Tensor) -> np.ndarray:
    """Return the number of the center (k, width) nearest to each row of an embedding (n, width), int32 (n)."""
    mode = "donot_use_mm_for_euclid_dist"  # from products, images near a center would lose their digits
    found = [torch.cdist(rows, centers, compute_mode=mode).argmin(dim=1) for rows in embedding.split(_ROWS)]
    return torch.cat(found).cpu().numpy().astype(np.int32)
