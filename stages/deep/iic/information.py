"""The mutual information of the clusters of two views: the objective of invariant information clustering."""

import torch
from torch import Tensor

_LEAST = torch.finfo(torch.float64).eps  # a probability below counts as this, as in the released code


def joint_probabilities(ours: Tensor, theirs: Tensor) -> Tensor:
    """Return how probable it is that the two views of an image are in clusters i and j: (..., k, k), symmetric.

    `ours` and `theirs`, (b, ..., k), are the probabilities of the clusters of each view. The joint probability is
    the mean over the images of their outer products, made symmetric, because which view comes first means nothing
    (Ji et al. 2019, eq. 3 and below).
    """
    joint = torch.einsum("b...i,b...j->...ij", ours, theirs)
    joint = (joint + joint.mT) / 2
    return joint / joint.sum(dim=(-2, -1), keepdim=True)


def mutual_information(ours: Tensor, theirs: Tensor) -> Tensor:
    """Return the mutual information, in nats, of the clusters of two views (Ji et al. 2019, eq. 3): (...).

    `ours` and `theirs` as in `joint_probabilities`. It is largest, log k, where both views are in the same cluster
    for certain and all clusters are equally large; 0 where one view says nothing about the other.
    """
    joint = joint_probabilities(ours, theirs)
    first, second = (joint.sum(dim=dim, keepdim=True).clamp(min=_LEAST) for dim in (-1, -2))
    joint = joint.clamp(min=_LEAST)
    return (joint * (joint.log() - first.log() - second.log())).sum(dim=(-2, -1))
