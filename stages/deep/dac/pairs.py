"""Pairs of images that are alike or not for certain: which ones, and what it costs to see them otherwise."""

from typing import NamedTuple

import torch
from torch import Tensor

LOSSES = ("cross_entropy", "squared")
MEETING = 0.5  # of both thresholds, in the end
_LEAST = 1e-7  # a similarity, or one less it, below counts as this: of 0 there is no logarithm


class Thresholds(NamedTuple):
    """Similarities above `upper` are of images that are alike, those below `lower` of images that are not."""

    upper: float
    lower: float


class Pairs(NamedTuple):
    """What is known of all pairs of b images, float32 (b, b).

    alike : 1 where they are in one cluster, else 0.
    known : 1 where that is known, else 0.
    """

    alike: Tensor
    known: Tensor

    def of(self, images: Tensor) -> "Pairs":
        """Return what is known of the pairs of some of the images, numbers int64 (m)."""
        return Pairs(*(values[images][:, images] for values in self))


def thresholds(upper: float, lower: float, share: float) -> Thresholds:
    """Return the thresholds after a `share` of the training (0 to 1), on their way from the first to one half.

    With .95 and .455 they are the paper's, u = .95 - lambda and l = .455 + .1 lambda (Chang et al. 2017, section
    3.3), for lambda from 0 to .45, which is .45 times the `share`.
    """
    return Thresholds(*(first + share * (MEETING - first) for first in (upper, lower)))


def certain_pairs(features: Tensor, bounds: Thresholds) -> Pairs:
    """Return which pairs are known, by the cosines of label features, (b, k) of length 1 (eqs. 3 and 4)."""
    similarities = features @ features.T
    alike = similarities > bounds.upper
    return Pairs(alike.to(features.dtype), (alike | (similarities < bounds.lower)).to(features.dtype))


def pair_loss(features: Tensor, pairs: Pairs, loss: str = "cross_entropy") -> Tensor:
    """Return the mean over all b^2 pairs of what each known one costs; one that is not known costs nothing.

    `features` are label features, (b, k) of length 1; their cosines are how probable it is that both images are
    in one cluster. `loss` is "cross_entropy" (the paper, eq. 2) or "squared", the squared difference (the released
    code for MNIST).
    """
    similarities = features @ features.T
    if loss == "squared":
        costs = (similarities - pairs.alike).square()
    else:
        alike, apart = similarities.clamp(min=_LEAST).log(), (1 - similarities).clamp(min=_LEAST).log()
        costs = -(pairs.alike * alike + (1 - pairs.alike) * apart)
    return (pairs.known * costs).mean()


def shares(pairs: Pairs) -> Tensor:
    """Return the shares of all pairs that are known, and that are known to be alike: (2)."""
    return torch.stack([pairs.known.mean(), (pairs.known * pairs.alike).mean()])
