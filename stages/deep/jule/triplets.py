"""The loss of JULE: an image should lie nearer to its own cluster than to others, in triplets.

Yang, Parikh and Batra, "Joint unsupervised learning of deep representations and image clusters", CVPR 2016: a
weighted triplet loss over anchors, positives of the same cluster and negatives of others.
"""

import torch
from torch import Tensor


def triplet_loss(
    embedding: Tensor,
    labels: Tensor,
    *,
    gamma: float,
    margin: float,
    nearest: Tensor | None = None,
    anchors_only: bool = False,
) -> Tensor:
    """Return the mean over pairs and their negatives of max(0, gamma |a - p|^2 - |a - n|^2 + margin), a scalar.

    `embedding` is float (b, d), `labels` int64 (b). Each ordered pair of one cluster is anchor and positive, and
    is compared with all its negatives, where the released code draws some: this is the mean of such draws.
    Negatives are all images of other clusters, or those of the clusters in the anchor's row of `nearest`, int64
    (c, k), -1 where there are fewer. Without a pair or a negative the loss is 0.

    With `anchors_only` an unordered pair counts once, and only its first image learns: the effect of the released
    code's gradient at gamma = 1, behind outputs of unit length.

    Per anchor, the negatives are sorted once; how many of them lie within the reach of a pair, and the sum of
    their distances, then comes from a search: O(b^2 log b) time and O(b^2) memory for O(b^3) triplets.
    """
    squared = _squared_distances(embedding, embedding.detach() if anchors_only else embedding)
    same = labels[:, None] == labels[None, :]
    negative = ~same if nearest is None else (nearest[labels][:, None, :] == labels[:, None]).any(dim=2)
    positive = same.triu(1) if anchors_only else same.clone().fill_diagonal_(False)

    ordered = squared.masked_fill(~negative, torch.inf).sort(dim=1).values
    reach = gamma * squared + margin
    within = torch.searchsorted(ordered.detach(), reach.detach().contiguous())
    sums = torch.nn.functional.pad(ordered.masked_fill(ordered.isinf(), 0).cumsum(dim=1), (1, 0))
    violations = within * reach - sums.gather(1, within)

    count = negative.sum(dim=1, keepdim=True)
    counted = positive & (count > 0)
    per_pair = torch.where(counted, violations / count.clamp(min=1), 0)
    return per_pair.sum() / counted.sum().clamp(min=1)


def _squared_distances(rows: Tensor, columns: Tensor) -> Tensor:
    """|x_i - y_j|^2, from products: the rounding, some 1e-7 of the squared lengths, is far below any margin."""
    products = rows @ columns.T
    squares = rows.square().sum(dim=1)[:, None] + columns.square().sum(dim=1)[None, :]
    return (squares - 2 * products).clamp(min=0)
