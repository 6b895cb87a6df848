"""Images drawn so that each pseudo-label comes as often as any other."""

import torch
from torch import Tensor


def uniform_sample(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Return the numbers of n images of labels int (n), int64 (n), in random order, nearly as many of each label.

    Of a label with many images some are drawn, each at most once; of one with few, all are drawn with replacement.
    Without this, large clusters would decide what is learnt (Caron et al. 2018, section 3.3).
    """
    members = labels.argsort(stable=True).split(torch.bincount(labels).tolist())
    members = tuple(images for images in members if len(images))
    each = len(labels) // len(members) + 1
    drawn = [images[_places(len(images), each, generator)] for images in members]
    sample = torch.cat(drawn)
    return sample[torch.randperm(len(sample), generator=generator)[: len(labels)]]


def _places(count: int, wanted: int, generator: torch.Generator) -> Tensor:
    """`wanted` numbers below `count`, each at most once if there are enough."""
    if count > wanted:
        return torch.randperm(count, generator=generator)[:wanted]
    return torch.randint(count, (wanted,), generator=generator)
