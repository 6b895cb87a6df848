"""Pairs of neighbours, and what heads lose on them: weighted pointwise mutual information with the teacher.

Adaloglou, Michels, Kalisch and Kollmann, BMVC 2023 (arXiv 2303.17896), as in the authors' code.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from stages.clustering import normalise
from stages.clustering.neighbours import nearest_neighbours

_MOST = 50  # neighbours of an image, as in the paper
_TINY = 1e-30  # the least size of a cluster that a logarithm is taken of


def usual_neighbours(n_images: int, n_clusters: int) -> int:
    """Return the number of neighbours of an image: half a cluster of the mean size, at most the 50 of the paper.

    The paper's sets have hundreds or thousands of images in a class; of 21 images in a class, 50 neighbours would
    mostly be of others.
    """
    return max(1, min(_MOST, n_images // (2 * n_clusters)))


def neighbour_lists(views: Sequence[np.ndarray], count: int, joined: bool) -> Tensor:
    """Return the `count` nearest other images of each by the cosine, int64 (n, at most M count), in every view.

    An image that is near in several views is there as often, and drawn as often. If `joined`, the views (n, d_j),
    rows brought to length 1, are one space side by side. A single image is its own neighbour.
    """
    units = [normalise(view, "l2") for view in views]
    spaces = [np.concatenate(units, axis=1)] if joined else units
    found = np.concatenate([nearest_neighbours(space, count)[0] for space in spaces], axis=1)
    return torch.from_numpy(found.astype(np.int64) if found.size else np.zeros((len(found), 1), np.int64))


def pair_weights(teacher: Tensor, images: Tensor, partners: Tensor) -> Tensor:
    """Return how surely the two images of each pair have one cluster, to the teacher, (m), from 0 to 1.

    It is the sum over the clusters of q(c|x) q(c|x'), in the mean over the heads. `teacher` holds log q,
    (n_heads, b, k); `images` and `partners` are the rows of the pairs, int64 (m).
    """
    return (teacher[:, images] + teacher[:, partners]).exp().sum(dim=2).mean(dim=0)


def pair_losses(
    student: Tensor, teacher: Tensor, images: Tensor, partners: Tensor, sizes: Tensor, weights: Tensor, beta: float
) -> Tensor:
    """Return what every head loses, (n_heads): the mean over the pairs, and over both directions of a pair, of

    - w log sum_c (q_s(c|x) q_t(c|x'))^beta / p(c).

    `student` and `teacher` hold log q_s and log q_t, (n_heads, b, k); `sizes` p, the mean shares of the clusters
    (n_heads, k); `weights` w (m). The gradient flows into the student alone, which the caller sees to.
    """
    log_sizes = sizes.clamp_min(_TINY).log()[:, None]

    def mutual_information(one: Tensor, other: Tensor) -> Tensor:
        joint = _taken(student, one) + teacher[:, other]
        return torch.logsumexp(beta * joint - log_sizes, dim=2)

    both = mutual_information(images, partners) + mutual_information(partners, images)
    return -(weights * both / 2).mean(dim=1)


def _taken(shares: Tensor, rows: Tensor) -> Tensor:
    """The rows of shares (n_heads, b, k), in the way whose gradient the device sums in one order at every run."""
    return shares.index_select(1, rows) if shares.device.type == "cpu" else shares[:, rows]
