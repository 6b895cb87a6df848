"""The bilevel search: labels that linear classifiers, learnt from nothing in every step, predict in all spaces.

Gadetsky, Jiang and Brbic, "Let go of your labels with unsupervised transfer", ICML 2024 (arXiv 2406.07236), eq. 9
and 12, as in the authors' code. Batches and first weights are drawn on the CPU by a generator of one's own, so
that every device sees the same.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from stages.core.device import autocast
from stages.deep.checkpoint import load_optimiser, load_weights, named, optimiser_state, part, take
from stages.deep.turtle.labeller import Labeller, draw_uniform


class Plan(Protocol):
    """The parameters of a search, see `stages.deep.turtle.estimators.TURTLE`."""

    gamma: float
    learning_rate: float
    inner_steps: int
    inner_learning_rate: float
    warm_start: bool
    batch_size: int
    precision: str


def outer_terms(labels: Sequence[Tensor], predicted: Sequence[Tensor]) -> Tensor:
    """Return the two sums over the spaces that the labels are to make small and large, (2).

    `labels` are the soft labels (b, k) of every space, `predicted` the classifiers' logits (b, k), constants here.
    The first is the cross entropy of the predictions with the mean of the labels, the second the entropy of a
    space's mean label: without it one cluster would hold all images. The loss is the first minus gamma times the
    second (eq. 12).
    """
    target = torch.stack(list(labels)).mean(dim=0)
    errors = [cross_entropy(logits.detach(), target) for logits in predicted]
    entropies = [torch.special.entr(label.mean(dim=0)).sum() for label in labels]
    return torch.stack([torch.stack(errors).sum(), torch.stack(entropies).sum()])


class Search:
    """The search for the weights of a `labeller`, trained in place on the `spaces` (n, .) as the `plan` says."""

    def __init__(
        self, labeller: Labeller, spaces: Sequence[Tensor], plan: Plan, generator: torch.Generator
    ) -> None:
        self.labeller, self.plan, self.generator = labeller, plan, generator
        half = plan.precision == "bfloat16"  # the products' own type, so that no step converts all features again
        self.spaces = [space.bfloat16() if half else space for space in spaces]
        self.n_images, self.device = len(spaces[0]), spaces[0].device
        widths, clusters = [space.shape[1] for space in spaces], labeller.layers[0].out_features
        self.classifiers = Labeller(widths, clusters).to(self.device, spaces[0].dtype)
        self._learn = _adam(labeller, plan.learning_rate)
        self._begin()
        self.iterations = 0

    def step(self) -> Tensor:
        """Take one step of the labeller; return its terms (2) before that, without gradient."""
        terms = self.terms()
        self._learn.zero_grad(set_to_none=True)
        (terms[0] - self.plan.gamma * terms[1]).backward()
        self._learn.step()
        self.iterations += 1
        return terms.detach()

    def terms(self) -> Tensor:
        """Let classifiers learn the labels of a batch, and return the labels' terms (2)."""
        spaces = self._batch()
        with autocast(self.device, self.plan.precision):
            labels = self.labeller.labels(spaces)
        if not self.plan.warm_start:
            self._begin()
        target = torch.stack(labels).mean(dim=0).detach()
        for _ in range(self.plan.inner_steps):
            self._learn_labels.zero_grad(set_to_none=True)
            with autocast(self.device, self.plan.precision):
                predicted = self.classifiers.logits(spaces)
            torch.stack([cross_entropy(logits, target) for logits in predicted]).sum().backward()
            self._learn_labels.step()
        with torch.no_grad(), autocast(self.device, self.plan.precision):
            predicted = self.classifiers.logits(spaces)
        return outer_terms(labels, predicted)

    def state(self) -> dict[str, Tensor]:
        """Return all that the next step depends on, besides the labeller's weights."""
        state = {
            "iterations": torch.tensor(self.iterations),
            "generator": self.generator.get_state(),
            **optimiser_state(self._learn),
        }
        if self.plan.warm_start:  # else the next step begins with others
            state |= named(self.classifiers.state_dict(), "classifiers")
            state |= named(optimiser_state(self._learn_labels), "inner")
        return state

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state`; raises `ParameterError` where it is one of another training."""
        self.iterations = int(take(state, "iterations", torch.tensor(0)))
        self.generator.set_state(take(state, "generator", self.generator.get_state()))
        load_optimiser(self._learn, state)
        if self.plan.warm_start:
            load_weights(self.classifiers, part(state, "classifiers"))
            load_optimiser(self._learn_labels, part(state, "inner"))

    def _batch(self) -> list[Tensor]:
        """The spaces of a batch drawn without replacement; all of them where it holds every image."""
        if self.plan.batch_size >= self.n_images:
            return list(self.spaces)
        drawn = torch.randperm(self.n_images, generator=self.generator)[: self.plan.batch_size].to(self.device)
        return [space[drawn] for space in self.spaces]

    def _begin(self) -> None:
        """Let the classifiers know nothing."""
        draw_uniform(self.classifiers, self.generator)
        self._learn_labels = _adam(self.classifiers, self.plan.inner_learning_rate)


def _adam(network: torch.nn.Module, rate: float) -> torch.optim.Adam:
    """Adam by one fused kernel a step, which reads and writes each value once."""
    learning = list(network.parameters())
    return torch.optim.Adam(learning, lr=rate, fused=learning[0].device.type in ("cpu", "cuda"))
