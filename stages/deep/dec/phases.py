"""The phases of DEC and IDEC: what they share, and the clustering; `stages.deep.dec.pretraining` has those before.

Batches are drawn on the CPU by a generator of one's own: the order is the same on every device, and the global
random state is neither read nor changed. Nothing waits for the device within a pass, except where a new target is
due.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stages.core.device import autocast
from stages.deep.checkpoint import load_optimiser, optimiser_state, take
from stages.deep.dec.autoencoders import Autoencoder, reconstruction_errors
from stages.deep.dec.parameters import EmbeddedParameters, Epoch
from stages.deep.distributed import Group
from stages.deep.view_encoding import embed

_ROWS = 1024  # images assigned at once, at least
NONE = float("nan")  # a loss or share that a pass lacks


@dataclass(eq=False)
class Phase(ABC):
    """One phase of a training: call `epoch` until it is `finished`.

    `network` is trained in place on `views` (n, d_j) as the `plan` says. The order of the images is drawn by
    `generator`.
    """

    network: Autoencoder
    views: Sequence[Tensor]
    plan: EmbeddedParameters
    generator: torch.Generator

    def _begin(self, learning: Sequence[Tensor], optimiser: str, rate: float) -> None:
        """Get ready to learn the tensors `learning` by steps of the size `rate`."""
        self.rate = rate
        self.n_images, self.device = len(self.views[0]), self.views[0].device
        self.group = Group.current()
        self.epochs = 0
        self._learn(learning, optimiser)

    def _learn(self, learning: Sequence[Tensor], optimiser: str) -> None:
        """Learn the tensors `learning` from now on, with the moments of a new `optimiser`."""
        self.learning = learning
        self._optimiser = _optimiser(learning, optimiser, self.rate, self.plan.momentum)

    @property
    @abstractmethod
    def finished(self) -> bool:
        """Whether all passes are over, or the clusters have come to rest."""

    @abstractmethod
    def epoch(self) -> Epoch:
        """Pass over the images once, or less if the clusters come to rest, and return the record of it."""

    def state(self) -> dict[str, Tensor]:
        """Return all that the next epoch depends on, besides the network's weights."""
        return {
            "epochs": torch.tensor(self.epochs),
            "generator": self.generator.get_state(),
            **optimiser_state(self._optimiser),
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state`; raises `ParameterError` where it is one of another training."""
        self.epochs = int(take(state, "epochs", torch.tensor(0)))
        self.generator.set_state(take(state, "generator", self.generator.get_state()))
        load_optimiser(self._optimiser, state)

    def _batches(self) -> Iterator[tuple[Tensor, int]]:
        """This process's slice of every batch of image numbers, and the size of the batch; the last is smaller."""
        order = (
            torch.randperm(self.n_images, generator=self.generator)
            if self.plan.shuffle
            else torch.arange(self.n_images)
        )
        for batch in order.to(self.device).split(self.plan.batch_size):
            yield self.group.share(batch), len(batch)

    def _step(self, losses: Tensor, batch: int) -> None:
        """Descend the losses (b) of this process's slice of a batch of `batch` images."""
        self._optimiser.zero_grad(set_to_none=True)
        loss = losses.sum()
        (loss if self.plan.reduction == "sum" else loss / batch).backward()
        self.group.sum_gradients(self.learning)
        self._optimiser.step()


@dataclass(eq=False)
class Clustering(Phase):
    """Passes that pull the embedding towards centres, and the centres towards it.

    Guo, Gao, Liu and Yin, "Improved deep embedded clustering with local structure preservation", IJCAI 2017,
    eq. 5: reconstruction + `gamma` * clustering loss. With None for `gamma` it is DEC (Xie et al. 2016, section
    3.1): the clustering loss alone, and no decoder. `centres` (k, width) is a leaf tensor and is trained in place;
    `labels` int64 (n) are the clusters at the start.

    During the plan's `anchor_epochs` the target distribution is `labels` themselves: the embedding learns them, so
    that the centres stand for them even where they are not spheres in the first embedding. The papers have no such
    epochs; with K-means on the embedding they need none. Afterwards the target is computed again from the
    assignments after every `update_interval` batches (None: once a pass), in at most `refine_epochs` passes.
    Training ends as soon as a smaller share than `tolerance` of the images is in another cluster than at the last
    such time.
    """

    centres: Tensor
    labels: Tensor
    gamma: float | None

    def __post_init__(self) -> None:
        plan, self.first = self.plan, self.labels
        trained = self.network.encoder if self.gamma is None else self.network
        learning = [*trained.parameters(), self.centres.requires_grad_()]
        self._begin(learning, plan.optimiser, plan.learning_rate)
        self.interval = plan.update_interval or -(-self.n_images // plan.batch_size)  # the batches of a pass
        self.steps = 0  # of refinement
        self.converged = False
        self.target: Tensor | None = None

    @property
    def finished(self) -> bool:
        return self.converged or self.epochs >= self.plan.anchor_epochs + self.plan.refine_epochs

    def epoch(self) -> Epoch:
        anchored = self.epochs < self.plan.anchor_epochs
        if anchored:
            target = torch.nn.functional.one_hot(self.first, len(self.centres)).to(self.views[0].dtype)
        else:
            if self.target is None:
                self.target = target_distribution(self._assignments())
            target = self.target
        totals, seen, changed = torch.zeros(2, device=self.device), 0, NONE
        for index, batch in self._batches():
            totals += self._descend(index, batch, target[index])
            seen += batch
            if not anchored:
                self.steps += 1
                if self.steps % self.interval == 0:
                    changed, target = self._look()
                    if changed < self.plan.tolerance:
                        self.converged = True
                        break
        if anchored:
            changed, _ = self._look()
        self.epochs += 1
        means = (self.group.sum(totals) / seen).tolist()
        return Epoch(
            "anchor" if anchored else "refine",
            NONE if self.gamma is None else means[0],
            means[1],
            changed,
            None if math.isnan(changed) else self.labels.to(torch.int32).cpu().numpy(),
        )

    def state(self) -> dict[str, Tensor]:
        target = {} if self.target is None else {"target": self.target}
        return {
            **super().state(),
            **target,
            "centers": self.centres,
            "labels": self.labels,
            "steps": torch.tensor(self.steps),
            "converged": torch.tensor(self.converged),
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        super().load(state)
        with torch.no_grad():
            self.centres.copy_(take(state, "centers", self.centres))
        self.labels = take(state, "labels", self.labels)
        self.steps = int(take(state, "steps", torch.tensor(0)))
        self.converged = bool(take(state, "converged", torch.tensor(False)))
        if "target" in state:
            like = self.views[0].new_empty((self.n_images, len(self.centres)))
            self.target = take(state, "target", like)

    def _descend(self, index: Tensor, batch: int, target: Tensor) -> Tensor:
        """Take one step; return the sums over its images of reconstruction and clustering loss."""
        views = [view[index] for view in self.views]
        with autocast(self.device, self.plan.precision):
            embedding = self.network.encoder(views)
            reconstructed = [] if self.gamma is None else self.network.decode(embedding)
        clustering = divergences(target, soft_assignments(embedding.to(target.dtype), self.centres))
        if self.gamma is None:
            reconstruction = torch.zeros_like(clustering)
            self._step(clustering, batch)
        else:
            reconstruction = reconstruction_errors(views, reconstructed, self.plan.reduction)
            self._step(reconstruction + self.gamma * clustering, batch)
        return torch.stack([reconstruction, clustering]).detach().sum(dim=1)

    def _look(self) -> tuple[float, Tensor]:
        """Assign all images again; return the share whose cluster is another than before, and the new target."""
        assignments = self._assignments()
        self.target = target_distribution(assignments)
        before, self.labels = self.labels, assignments.argmax(dim=1)
        return (self.labels != before).double().mean().item(), self.target

    @torch.no_grad()
    def _assignments(self) -> Tensor:
        plan = self.plan
        embedding = embed(self.network.encoder, self.views, plan.batch_size, plan.precision, self.group)
        parts = embedding.split(max(plan.batch_size, _ROWS))
        return torch.cat([soft_assignments(rows, self.centres) for rows in parts])


# The soft clusters: Student's t with one degree of freedom (alpha = 1), their sharpened target and the loss
# between them, by equations 1 to 5 of Xie, Girshick and Farhadi, "Unsupervised deep embedding for clustering
# analysis", ICML 2016.


def soft_assignments(embedding: Tensor, centres: Tensor) -> Tensor:
    """Return q (n, k), eq. 1: how much each image belongs to each cluster; rows sum to 1.

    `embedding` is (n, d) and `centres` (k, d): q_ij is proportional to 1 / (1 + |z_i - mu_j|^2). Beside them only
    (n, k) values are held.
    """
    # |z|^2 - 2 z mu + |mu|^2 would be faster but loses the digits that matter where an image meets its centre.
    distances = torch.cdist(embedding, centres, compute_mode="donot_use_mm_for_euclid_dist")
    kernel = 1 / (1 + distances.square())
    return kernel / kernel.sum(dim=1, keepdim=True)


def target_distribution(assignments: Tensor) -> Tensor:
    """Return p (n, k), eq. 3: q squared, divided by the cluster's soft size, rows again summing to 1.

    It must be computed from all the images at once, since the sizes f_j = sum_i q_ij are.
    """
    weight = assignments.square() / assignments.sum(dim=0)
    return weight / weight.sum(dim=1, keepdim=True)


def divergences(target: Tensor, assignments: Tensor) -> Tensor:
    """Return sum_j p_ij log(p_ij / q_ij) of every image, (n): the terms of KL(p || q), eq. 2.

    Their average is the loss of IDEC's released code; the papers sum. It keeps the balance with the
    reconstruction, which is a mean as well, when the batch changes.
    """
    return (torch.xlogy(target, target) - torch.xlogy(target, assignments)).sum(dim=1)


def _optimiser(learning: Sequence[Tensor], name: str, rate: float, momentum: float) -> torch.optim.Optimizer:
    """The optimiser; one fused kernel a step reads and writes each value once, not once for every operation."""
    fused = learning[0].device.type in ("cpu", "cuda")
    if name == "sgd":
        return torch.optim.SGD(learning, lr=rate, momentum=momentum, fused=fused)
    return torch.optim.Adam(learning, lr=rate, fused=fused)
