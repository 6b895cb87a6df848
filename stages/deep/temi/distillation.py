"""Self-distillation: heads that learn to give an image the cluster that their averaged teacher gives a neighbour.

Adaloglou, Michels, Kalisch and Kollmann, BMVC 2023 (arXiv 2303.17896), as in the authors' code. Batches and pairs
are drawn on the CPU by a generator of one's own, so that every device sees the same.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Protocol

import torch
from torch import Tensor

from stages.core.device import autocast
from stages.deep.checkpoint import load_optimiser, load_weights, named, optimiser_state, part, take
from stages.deep.temi.heads import Heads
from stages.deep.temi.pairs import pair_losses, pair_weights


class Plan(Protocol):
    """The parameters of the training, see `stages.deep.temi.estimators.TEMI`."""

    beta: float
    iterations: int
    batch_size: int
    learning_rate: float
    warm_up: float
    weight_decay: float
    teacher_momentum: float
    size_momentum: float
    precision: str


class Distillation:
    """The training of the `student`, in place, on the `spaces` (n, .) with the `neighbours` (n, K) of every image.

    `teacher` is the moving average of its weights, and `sizes` (n_heads, k) the mean shares of the clusters to it:
    of all images where a batch holds all of them, else a moving average over the batches.
    """

    def __init__(
        self, student: Heads, spaces: Sequence[Tensor], neighbours: Tensor, plan: Plan, generator: torch.Generator
    ) -> None:
        self.student, self.plan, self.generator = student, plan, generator
        self.teacher = deepcopy(student).requires_grad_(False)
        half = plan.precision == "bfloat16"  # the products' own type, so that no step converts all features again
        self.spaces = [space.bfloat16() if half else space for space in spaces]
        self.neighbours, self.device = neighbours, neighbours.device
        groups = [
            {"params": student.decayed(), "weight_decay": plan.weight_decay},
            {"params": student.kept(), "weight_decay": 0.0},
        ]
        fused = self.device.type in ("cpu", "cuda")  # one kernel a step, which reads and writes each value once
        self._learn = torch.optim.AdamW(groups, lr=plan.learning_rate, fused=fused)
        heads_and_clusters = student.decayed()[-1].shape[:2]
        self.sizes = spaces[0].new_full(heads_and_clusters, 1 / heads_and_clusters[1])
        self.iterations = 0

    def step(self) -> Tensor:
        """Take one step, of the teacher, too; return the losses of the heads before it, (n_heads)."""
        images, partners = self._pairs()
        if len(images) == len(self.neighbours):
            spaces, one, other = self.spaces, images, partners
        else:
            rows, places = torch.cat([images, partners]).unique(return_inverse=True)
            spaces, (one, other) = [space[rows] for space in self.spaces], places.chunk(2)
        with torch.no_grad(), autocast(self.device, self.plan.precision):
            teacher = self.teacher.log_shares(spaces)
        self._follow_sizes(teacher[:, one])
        with autocast(self.device, self.plan.precision):
            student = self.student.log_shares(spaces)
        weights = pair_weights(teacher, one, other)
        losses = pair_losses(student, teacher, one, other, self.sizes, weights, self.plan.beta)
        self._learn.zero_grad(set_to_none=True)
        losses.mean().backward()
        for group in self._learn.param_groups:
            group["lr"] = self._rate()
        self._learn.step()
        with torch.no_grad():
            ours: list[Tensor] = list(self.teacher.parameters())
            theirs: list[Tensor] = list(self.student.parameters())
            torch._foreach_lerp_(ours, theirs, 1 - self.plan.teacher_momentum)
        self.iterations += 1
        return losses.detach()

    def state(self) -> dict[str, Tensor]:
        """Return all that the next step depends on."""
        return {
            "iterations": torch.tensor(self.iterations),
            "generator": self.generator.get_state(),
            "sizes": self.sizes,
            **named(self.student.state_dict(), "student"),
            **named(self.teacher.state_dict(), "teacher"),
            **optimiser_state(self._learn),
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a `state`; raises `ParameterError` where it is one of another training."""
        self.iterations = int(take(state, "iterations", torch.tensor(0)))
        self.generator.set_state(take(state, "generator", self.generator.get_state()))
        self.sizes = take(state, "sizes", self.sizes)
        load_weights(self.student, part(state, "student"))
        load_weights(self.teacher, part(state, "teacher"))
        load_optimiser(self._learn, state)

    def _pairs(self) -> tuple[Tensor, Tensor]:
        """The images of a batch, all of them in order where it holds all, and a neighbour of each (b)."""
        n_images, columns = self.neighbours.shape
        if self.plan.batch_size >= n_images:
            images = torch.arange(n_images)
        else:
            images = torch.randperm(n_images, generator=self.generator)[: self.plan.batch_size]
        drawn = torch.randint(columns, (len(images),), generator=self.generator)
        images, drawn = images.to(self.device), drawn.to(self.device)
        return images, self.neighbours[images, drawn]

    def _follow_sizes(self, teacher: Tensor) -> None:
        """Take in the shares of a batch, whose logarithms are (n_heads, b, k)."""
        sizes = teacher.exp().mean(dim=1)
        if self.plan.batch_size >= len(self.neighbours):
            self.sizes = sizes
        else:
            self.sizes = self.sizes.lerp(sizes, 1 - self.plan.size_momentum)

    def _rate(self) -> float:
        """The size of the next step: it grows linearly during the warm-up."""
        first_steps = self.plan.warm_up * self.plan.iterations
        return self.plan.learning_rate * min(1.0, (self.iterations + 1) / max(first_steps, 1.0))
