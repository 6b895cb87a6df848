"""The two training loops: pre-training by reconstruction, then clustering on top of it.

Both are iterators that yield a record after every epoch, so that a caller can draw a curve, show progress or
stop. Batches are drawn on the CPU by a generator of one's own: the order is the same on every device, and the
global random state is neither read nor changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stages.deep.autoencoders import MVautoencoder, reconstruction_loss
from stages.deep.student import clustering_loss, soft_assignments, target_distribution


@dataclass(frozen=True)
class Epoch:
    """One pass over the images.

    Attributes: `phase` "pretrain", "anchor" or "refine"; `reconstruction` and `clustering`, the losses, means
    over the images (`clustering` NaN while pre-training); `changed`, the share of images (0 to 1) whose cluster
    is another than an epoch before (NaN while pre-training).
    """

    phase: str
    reconstruction: float
    clustering: float
    changed: float


def pretrain(
    network: MVautoencoder,
    views: Sequence[Tensor],
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    generator: torch.Generator,
) -> Iterator[Epoch]:
    """Train the autoencoder to reconstruct its views (n, d_j), by Adam; yield the mean loss of every epoch."""
    optimiser = torch.optim.Adam(network.parameters(), lr=learning_rate)
    n_images = len(views[0])
    for _ in range(epochs):
        total = torch.zeros((), device=views[0].device)
        for index in _batches(n_images, batch_size, generator, views[0].device):
            batch = [view[index] for view in views]
            loss = reconstruction_loss(batch, network(batch)[1])
            _step(optimiser, loss)
            total += loss.detach() * len(index)
        yield Epoch("pretrain", total.item() / n_images, float("nan"), float("nan"))


def cluster(
    network: MVautoencoder,
    centers: Tensor,
    views: Sequence[Tensor],
    labels: Tensor,
    *,
    anchor_epochs: int,
    refine_epochs: int,
    batch_size: int,
    learning_rate: float,
    gamma: float,
    tolerance: float,
    generator: torch.Generator,
) -> Iterator[Epoch]:
    """Train network and centers, in place, on reconstruction + `gamma` * clustering loss (IDEC, eq. 5).

    Guo, Gao, Liu and Yin, "Improved deep embedded clustering with local structure preservation", IJCAI 2017.
    `views` are (n, d_j), `centers` (k, width) a leaf tensor, `labels` int64 (n) the clusters at the start.

    During `anchor_epochs` the target distribution is `labels` themselves: the embedding learns them, so that the
    centers stand for them even where they are no spheres in the first embedding. IDEC has no such epochs; with
    K-means on the embedding it needs none. Afterwards the target is made anew from the assignments once an
    epoch, at most `refine_epochs` times, and training ends as soon as such an epoch changes the cluster of a
    share below `tolerance` of the images.
    """
    optimiser = torch.optim.Adam([*network.parameters(), centers.requires_grad_()], lr=learning_rate)
    n_images, device = len(views[0]), views[0].device
    first = torch.nn.functional.one_hot(labels, len(centers)).to(views[0].dtype)
    assignments = assign(embed(network, views, batch_size), centers, batch_size)
    for epoch in range(anchor_epochs + refine_epochs):
        anchored = epoch < anchor_epochs
        target = first if anchored else target_distribution(assignments)
        totals = torch.zeros(2, device=device)
        for index in _batches(n_images, batch_size, generator, device):
            batch = [view[index] for view in views]
            embedding, reconstructed = network(batch)
            reconstruction = reconstruction_loss(batch, reconstructed)
            clustering = clustering_loss(target[index], soft_assignments(embedding, centers))
            _step(optimiser, reconstruction + gamma * clustering)
            totals += torch.stack([reconstruction, clustering]).detach() * len(index)
        assignments = assign(embed(network, views, batch_size), centers, batch_size)
        previous, labels = labels, assignments.argmax(dim=1)
        changed = (labels != previous).double().mean().item()
        means = (totals / n_images).tolist()
        yield Epoch("anchor" if anchored else "refine", means[0], means[1], changed)
        if not anchored and changed < tolerance:
            return


@torch.no_grad()
def embed(network: MVautoencoder, views: Sequence[Tensor], batch_size: int) -> Tensor:
    """Return the embedding (n, width) of the views (n, d_j), computed `batch_size` images at a time."""
    starts = range(0, len(views[0]), batch_size)
    return torch.cat([network.encoder([view[start : start + batch_size] for view in views]) for start in starts])


@torch.no_grad()
def assign(embedding: Tensor, centers: Tensor, batch_size: int) -> Tensor:
    """Return the soft assignments (n, k) of an embedding (n, width), computed `batch_size` images at a time."""
    return torch.cat([soft_assignments(part, centers) for part in embedding.split(batch_size)])


def _batches(n_images: int, batch_size: int, generator: torch.Generator, device: torch.device) -> Sequence[Tensor]:
    """The image numbers in random order, cut into batches; the last one may be smaller."""
    return torch.randperm(n_images, generator=generator).to(device).split(batch_size)


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
