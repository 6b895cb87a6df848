"""The two phases of DEC and IDEC: pre-training by reconstruction, then clustering."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from stages.deep.dec.autoencoders import Autoencoder, reconstruction_errors
from stages.deep.dec.student import divergences, soft_assignments, target_distribution
from stages.deep.resume import take
from stages.deep.training import Descent, Epoch, Phase, assign, autocast, embed

_NONE = float("nan")


class Pretraining(Phase):
    """`limit` passes that learn to reconstruct the views, from inputs of which a share `noise` is set to zero.

    The rest of the inputs grows by 1 / (1 - `noise`). Noise is drawn on the device, from `seed`: a denoising
    autoencoder (Vincent et al. 2010) as in DEC, section 3.3, but of the whole network at once.
    """

    def __init__(
        self,
        network: Autoencoder,
        views: Sequence[Tensor],
        descent: Descent,
        generator: torch.Generator,
        *,
        limit: int,
        noise: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(network, views, list(network.parameters()), descent, generator)
        self.limit, self.noise = limit, noise
        self.masks = torch.Generator(self.device).manual_seed(seed)

    @property
    def finished(self) -> bool:
        """Whether all passes are over."""
        return self.epochs >= self.limit

    def epoch(self) -> Epoch:
        """Pass over the images once."""
        total = torch.zeros((), device=self.device)
        for index, batch in self._batches():
            views = [view[index] for view in self.views]
            with autocast(self.device, self.descent.precision):
                reconstructed = self.network([self._corrupted(view, batch) for view in views])[1]
            errors = reconstruction_errors(views, reconstructed, self.descent.reduction)
            self._step(errors, batch)
            total += errors.detach().sum()
        self.epochs += 1
        return Epoch("pretrain", self.descent.group.sum(total).item() / self.n_images, _NONE, _NONE)

    def state(self) -> dict[str, Tensor]:
        """Return all that the next epoch depends on, besides the network's weights."""
        return {**super().state(), "masks": self.masks.get_state()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state`; raises `ParameterError` where it is one of another training."""
        super().load(state)
        self.masks.set_state(take(state, "masks", self.masks.get_state()))

    def _corrupted(self, view: Tensor, batch: int) -> Tensor:
        """This process's rows with noise; all processes draw that of the whole batch, and so the same."""
        if not self.noise:
            return view
        drawn = torch.rand((batch, view.shape[1]), generator=self.masks, device=self.device)
        return view * (self.descent.group.share(drawn) >= self.noise) / (1 - self.noise)


class Clustering(Phase):
    """Passes that pull the embedding towards centers, and the centers towards it.

    Guo, Gao, Liu and Yin, "Improved deep embedded clustering with local structure preservation", IJCAI 2017,
    eq. 5: reconstruction + `gamma` * clustering loss. Without `reconstruct` it is DEC (Xie et al. 2016, section
    3.1): the clustering loss alone, and no decoder. `centers` (k, width) is a leaf tensor and is trained in place;
    `labels` int64 (n) are the clusters at the start.

    During `anchor_epochs` the target distribution is `labels` themselves: the embedding learns them, so that the
    centers stand for them even where they are no spheres in the first embedding. The papers have no such epochs;
    with K-means on the embedding they need none. Afterwards the target is made anew from the assignments after
    every `update_interval` batches (None: once a pass), in at most `refine_epochs` passes. Training ends as soon
    as a smaller share than `tolerance` of the images is in another cluster than at the last such time.
    """

    def __init__(
        self,
        network: Autoencoder,
        views: Sequence[Tensor],
        descent: Descent,
        generator: torch.Generator,
        *,
        centers: Tensor,
        labels: Tensor,
        anchor_epochs: int,
        refine_epochs: int,
        update_interval: int | None,
        gamma: float,
        tolerance: float,
        reconstruct: bool,
    ) -> None:
        learning = network if reconstruct else network.encoder
        super().__init__(network, views, [*learning.parameters(), centers.requires_grad_()], descent, generator)
        self.centers, self.first, self.labels = centers, labels, labels
        self.anchor_epochs, self.refine_epochs = anchor_epochs, refine_epochs
        self.interval = update_interval or self.n_batches
        self.gamma, self.tolerance, self.reconstruct = gamma, tolerance, reconstruct
        self.steps = 0  # of refinement
        self.converged = False
        self.target: Tensor | None = None

    @property
    def finished(self) -> bool:
        """Whether all passes are over, or the clusters have come to rest."""
        return self.converged or self.epochs >= self.anchor_epochs + self.refine_epochs

    def epoch(self) -> Epoch:
        """Pass over the images once, or less if the clusters come to rest."""
        anchored = self.epochs < self.anchor_epochs
        if anchored:
            target = torch.nn.functional.one_hot(self.first, len(self.centers)).to(self.views[0].dtype)
        else:
            if self.target is None:
                self.target = target_distribution(self._assignments())
            target = self.target
        totals, seen, changed = torch.zeros(2, device=self.device), 0, _NONE
        for index, batch in self._batches():
            totals += self._descend(index, batch, target[index])
            seen += batch
            if not anchored:
                self.steps += 1
                if self.steps % self.interval == 0:
                    changed, target = self._look()
                    if changed < self.tolerance:
                        self.converged = True
                        break
        if anchored:
            changed, _ = self._look()
        self.epochs += 1
        means = (self.descent.group.sum(totals) / seen).tolist()
        return Epoch(
            "anchor" if anchored else "refine",
            means[0] if self.reconstruct else _NONE,
            means[1],
            changed,
            None if math.isnan(changed) else self.labels.to(torch.int32).cpu().numpy(),
        )

    def state(self) -> dict[str, Tensor]:
        """Return all that the next epoch depends on, besides the network's weights."""
        target = {} if self.target is None else {"target": self.target}
        return {
            **super().state(),
            **target,
            "centers": self.centers,
            "labels": self.labels,
            "steps": torch.tensor(self.steps),
            "converged": torch.tensor(self.converged),
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state`; raises `ParameterError` where it is one of another training."""
        super().load(state)
        with torch.no_grad():
            self.centers.copy_(take(state, "centers", self.centers))
        self.labels = take(state, "labels", self.labels)
        self.steps = int(take(state, "steps", torch.tensor(0)))
        self.converged = bool(take(state, "converged", torch.tensor(False)))
        if "target" in state:
            like = self.views[0].new_empty((self.n_images, len(self.centers)))
            self.target = take(state, "target", like)

    def _descend(self, index: Tensor, batch: int, target: Tensor) -> Tensor:
        """Take one step; return the sums over its images of reconstruction and clustering loss."""
        views = [view[index] for view in self.views]
        with autocast(self.device, self.descent.precision):
            embedding = self.network.encoder(views)
            reconstructed = self.network.decode(embedding) if self.reconstruct else []
        clustering = divergences(target, soft_assignments(embedding.to(target.dtype), self.centers))
        if self.reconstruct:
            reconstruction = reconstruction_errors(views, reconstructed, self.descent.reduction)
            self._step(reconstruction + self.gamma * clustering, batch)
        else:
            reconstruction = torch.zeros_like(clustering)
            self._step(self.gamma * clustering, batch)
        return torch.stack([reconstruction, clustering]).detach().sum(dim=1)

    def _look(self) -> tuple[float, Tensor]:
        """Assign all images anew; return the share whose cluster is another than before, and the new target."""
        assignments = self._assignments()
        self.target = target_distribution(assignments)
        before, self.labels = self.labels, assignments.argmax(dim=1)
        return (self.labels != before).double().mean().item(), self.target

    def _assignments(self) -> Tensor:
        descent = self.descent
        embedding = embed(self.network.encoder, self.views, descent.batch_size, descent.precision, descent.group)
        return assign(embedding, self.centers, descent.batch_size)
