"""The soft clusters of DEC and IDEC: Student's t assignments, their sharpened target and the loss between them.

Xie, Girshick and Farhadi, "Unsupervised deep embedding for clustering analysis", ICML 2016, equations 1 to 5,
with one degree of freedom (alpha = 1), as there.
"""

import torch
from torch import Tensor


def soft_assignments(embedding: Tensor, centers: Tensor) -> Tensor:
    """Return q (n, k), eq. 1: how much each image belongs to each cluster; rows sum to 1.

    `embedding` is (n, d) and `centers` (k, d): q_ij is proportional to 1 / (1 + |z_i - mu_j|^2). Beside them only
    (n, k) values are held.
    """
    # |z|^2 - 2 z mu + |mu|^2 would be faster but loses the digits that matter where an image meets its centre.
    distances = torch.cdist(embedding, centers, compute_mode="donot_use_mm_for_euclid_dist")
    kernel = 1 / (1 + distances.square())
    return kernel / kernel.sum(dim=1, keepdim=True)


def target_distribution(assignments: Tensor) -> Tensor:
    """Return p (n, k), eq. 3: q squared, divided by the cluster's soft size, rows again summing to 1.

    It must be computed from all the images at once, since the sizes f_j = sum_i q_ij are.
    """
    weight = assignments.square() / assignments.sum(dim=0)
    return weight / weight.sum(dim=1, keepdim=True)


def divergences(target: Tensor, assignments: Tensor) -> Tensor:
    """Return sum_j p_ij log(p_ij / q_ij) of every image, (n): the terms of KL(p || q), eq. 2."""
    return (torch.xlogy(target, target) - torch.xlogy(target, assignments)).sum(dim=1)


def clustering_loss(target: Tensor, assignments: Tensor) -> Tensor:
    """Return KL(p || q), eq. 2, summed over clusters and averaged over the images (n, k).

    The average is that of IDEC's released code; the paper sums. It keeps the balance with the reconstruction,
    which is a mean as well, when the batch changes.
    """
    return divergences(target, assignments).mean()
