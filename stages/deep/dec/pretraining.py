"""Pre-training by reconstruction, with which DEC and IDEC begin: of each layer by itself, then of all at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stages.core.device import autocast
from stages.deep.checkpoint import take
from stages.deep.dec.autoencoders import Mirrored, reconstruction_errors
from stages.deep.dec.parameters import Epoch
from stages.deep.dec.phases import NONE, Phase
from stages.deep.view_encoding import embed


@dataclass(eq=False)
class Denoising(Phase):
    """Passes that learn by Adam to reconstruct what noise was added to (Vincent et al. 2010).

    Noise is drawn on the device, from `noise_seed`.
    """

    noise_seed: int

    def _begin_denoising(self, learning: list[Tensor]) -> None:
        rate = self.plan.pretrain_learning_rate
        self._begin(learning, "adam", self.plan.learning_rate if rate is None else rate)
        self.masks = torch.Generator(self.device).manual_seed(self.noise_seed)

    def state(self) -> dict[str, Tensor]:
        return {**super().state(), "masks": self.masks.get_state()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        super().load(state)
        self.masks.set_state(take(state, "masks", self.masks.get_state()))

    def _pass(
        self, phase: str, views: Sequence[Tensor], reconstruct: Callable[[list[Tensor], int], Sequence[Tensor]]
    ) -> Epoch:
        """A pass that learns to `reconstruct` views (n, d_j).

        It is given this process's rows of a batch, (b, d_j) each, and how many all processes have.
        """
        total = torch.zeros((), device=self.device)
        for index, batch in self._batches():
            rows = [view[index] for view in views]
            with autocast(self.device, self.plan.precision):
                reconstructed = reconstruct(rows, batch)
            errors = reconstruction_errors(rows, reconstructed, self.plan.reduction)
            self._step(errors, batch)
            total += errors.detach().sum()
        self.epochs += 1
        return Epoch(phase, self.group.sum(total).item() / self.n_images, NONE, NONE)

    def _corrupted(self, rows: Tensor, batch: int, noise: float) -> Tensor:
        """This process's `rows` (b, d), a share `noise` of their values set to zero, the others grown by
        1 / (1 - noise).

        All processes draw the noise of the whole batch, and so the same.
        """
        if not noise:
            return rows
        drawn = torch.rand((batch, rows.shape[1]), generator=self.masks, device=self.device)
        return rows * (self.group.share(drawn) >= noise) / (1 - noise)


@dataclass(eq=False)
class LayerPretraining(Denoising):
    """The plan's `layer_epochs` passes for each layer of the encoder, from the views to the embedding.

    Xie, Girshick and Farhadi, "Unsupervised deep embedding for clustering analysis", ICML 2016, section 3.2: x is
    the output of the layers below, which have learnt before and stay as they are; h = g1(W1 dropout(x) + b1) and
    y = g2(W2 dropout(h) + b2), where W1 is the layer and W2 its mirror image in the decoder, minimise |x - y|^2.
    Both g are ReLU, but for the reconstruction of the views and the embedding, which are linear.

    Their released code drops no values of the views and of the embedding. It descends by SGD, as the paper does,
    with steps of 0.1 that shrink to a tenth after every 20,000, from weights of standard deviation 0.01; here Adam
    descends from the first weights of the network.
    """

    def __post_init__(self) -> None:
        self.pairs = [layer for part in self.network.parts() for layer in part.layers()]
        self._begin_denoising(_parameters(self.pairs[0]))
        self._layer = -1  # none has begun
        self._inputs = self.views[0].new_empty((0, 0))

    @property
    def finished(self) -> bool:
        return self.epochs >= self.plan.layer_epochs * len(self.pairs)

    def epoch(self) -> Epoch:
        layer = self.epochs // self.plan.layer_epochs
        if layer != self._layer:
            self._enter(layer)
            self._learn(_parameters(self.pairs[layer]), "adam")
        pair, noise = self.pairs[layer], self.plan.layer_noise

        def reconstruct(rows: list[Tensor], batch: int) -> list[Tensor]:
            outputs = pair.encoder(self._corrupted(rows[0], batch, noise))
            return [pair.decoder(self._corrupted(outputs, batch, noise))]

        return self._pass("layer", [self._inputs], reconstruct)

    def load(self, state: Mapping[str, Tensor]) -> None:
        done = int(take(state, "epochs", torch.tensor(0))) - 1
        layer = min(done // max(self.plan.layer_epochs, 1), len(self.pairs) - 1)
        self._learn(_parameters(self.pairs[layer]), "adam")
        super().load(state)
        if not self.finished:
            self._enter(layer)

    def _enter(self, layer: int) -> None:
        """Compute the inputs (n, d) of a layer, of all images, by the layers below."""
        self._layer = layer
        plan = self.plan
        self._inputs = embed(self.pairs[layer].entry, self.views, plan.batch_size, plan.precision, self.group)


@dataclass(eq=False)
class Pretraining(Denoising):
    """The plan's `pretrain_epochs` passes that teach the whole network at once to reconstruct the views.

    A share of their values, the plan's `pretrain_noise`, is set to zero. DEC does so after `LayerPretraining`, and
    without noise.
    """

    def __post_init__(self) -> None:
        self._begin_denoising(list(self.network.parameters()))

    @property
    def finished(self) -> bool:
        return self.epochs >= self.plan.pretrain_epochs

    def epoch(self) -> Epoch:
        noise = self.plan.pretrain_noise

        def reconstruct(rows: list[Tensor], batch: int) -> Sequence[Tensor]:
            found: Sequence[Tensor] = self.network([self._corrupted(view, batch, noise) for view in rows])[1]
            return found

        return self._pass("pretrain", self.views, reconstruct)


def _parameters(pair: Mirrored) -> list[Tensor]:
    return [*pair.encoder.parameters(), *pair.decoder.parameters()]
