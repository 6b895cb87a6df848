"""Clusters as centers: the means of their images."""

import torch
from torch import Tensor


def cluster_means(embedding: Tensor, labels: Tensor, n_clusters: int) -> Tensor:
    """Return the mean (k, width) of every cluster of an embedding (n, width); without images it is that of all."""
    members = [embedding[labels == label] for label in range(n_clusters)]
    return torch.stack([(rows if len(rows) else embedding).mean(dim=0) for rows in members])
