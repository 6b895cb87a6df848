"""The choice of a head without labels: by its loss on all images, and by the clusters that it leaves empty."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from stages.deep.temi.pairs import pair_losses, pair_weights

_ROWS = 1024  # images looked at at once
_PAIRS = 16384  # looked at, at least one of every image

LogShares = Callable[[Sequence[Tensor]], Tensor]


def look(
    log_shares: LogShares, spaces: Sequence[Tensor], neighbours: Tensor, beta: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return the loss of every head on all images, (n_heads), and its clusters, int64 (n_heads, n).

    Teacher and student are one: `log_shares` of rows of the spaces (n, .) gives (n_heads, b, k). The sizes of the
    clusters are those of all images. Every image has some of its `neighbours` (n, K), drawn on the CPU: as many as
    make 16,384 pairs, at most K.
    """
    n_images, columns = neighbours.shape
    drawn = torch.randint(columns, (n_images, max(1, min(columns, _PAIRS // n_images))), generator=generator)
    partners = neighbours.gather(1, drawn.to(neighbours.device))
    with torch.no_grad():
        sums, clusters = [], []
        for rows in torch.arange(n_images, device=neighbours.device).split(_ROWS):
            shares = log_shares([space[rows] for space in spaces])
            sums.append(shares.exp().sum(dim=1))
            clusters.append(shares.argmax(dim=2))
        sizes = torch.stack(sums).sum(dim=0) / n_images
        total = torch.zeros(len(sizes), dtype=sizes.dtype, device=sizes.device)
        for rows in torch.arange(n_images, device=neighbours.device).split(_ROWS):
            first = rows.repeat_interleave(partners.shape[1])
            seen, places = torch.cat([first, partners[rows].reshape(-1)]).unique(return_inverse=True)
            shares = log_shares([space[seen] for space in spaces])
            one, other = places.chunk(2)
            weights = pair_weights(shares, one, other)
            total += pair_losses(shares, shares, one, other, sizes, weights, beta) * len(rows)
    return total / n_images, torch.cat(clusters, dim=1)


def best_head(losses: Tensor, clusters: Tensor, n_clusters: int) -> int:
    """Return the number of the head with the fewest empty clusters and, of several, the lowest loss.

    `losses` are means over some looks (n_heads): a head that has just lost a cluster may have the lowest loss of a
    single one. `clusters`, int64 (n_heads, n), are those of the last look.
    """
    empty = [int((row.bincount(minlength=n_clusters) == 0).sum()) for row in clusters]
    return min(range(len(losses)), key=lambda head: (empty[head], float(losses[head])))
