"""JULE's alternation of merging clusters and training on them, and the base of the estimators that run it.

Yang, Parikh and Batra, "Joint unsupervised learning of deep representations and image clusters", CVPR 2016: from
many small clusters on, each period trains the network on the clusters there are, then merges some of them on the
graph of the network's embedding. Training lowers a triplet loss: an image should be nearer to its own
cluster than to others.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from stages.clustering.candidates import KeptCandidates
from stages.clustering.merge_rule import Rule
from stages.clustering.neighbours import Digraph, numbered
from stages.core.device import autocast, full_precision
from stages.core.errors import ParameterError
from stages.deep.checkpoint import history_state, load_optimiser, load_weights, named, optimiser_state, part, take
from stages.deep.clusters import cluster_means, share_changed, warn_of_sizes
from stages.deep.distributed import Group
from stages.deep.jule.agglomeration import Agglomeration, nearest_clusters
from stages.deep.jule.parameters import Period, RecurrentParameters


class Trainee(ABC):
    """A network and the images that it is trained on.

    `module` has the parameters; `inputs` are tensors on its device, whose rows are the images; `kept` are the
    candidates for neighbours in the graphs of single views that change with the network.
    """

    module: nn.Module
    inputs: Sequence[Tensor]
    kept: Sequence[KeptCandidates] = ()

    @property
    def n_images(self) -> int:
        return len(self.inputs[0])

    @property
    def device(self) -> torch.device:
        return self.inputs[0].device

    @abstractmethod
    def rows(self, images: Tensor) -> Tensor:
        """Return the embedding (b, w) of the images of these numbers, int64 (b), to be trained on."""

    @abstractmethod
    def features(self, batch_size: int, steps: int, merged: bool = False) -> np.ndarray:
        """Return the features that the graph of all images is built on, float32 (n, w), after so many `steps`.

        `merged` says whether the clusters have once been as many as asked for.
        """

    def view_graphs(self) -> Sequence[Digraph]:
        """Return the graphs of single views that the graph of the features is joined with."""
        return ()


@dataclass(eq=False)
class Recurrence:
    """The periods of one training, one after the other; the weights of the trainee change in place.

    `representatives` int32 (n) are the clusters to start from, each as its lowest image; `kept` the candidates for
    neighbours in the embedding. `save` is called after every pass over the images.
    """

    trainee: Trainee
    agglomeration: Agglomeration
    plan: RecurrentParameters
    representatives: np.ndarray
    generator: torch.Generator
    kept: KeptCandidates
    save: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.group = Group.current()
        self.forward: np.ndarray | None = None  # the clusters when they first were as many as asked for
        self.again = 0
        self._steps = self._all_steps = 0
        self._total = torch.zeros((), dtype=torch.float64, device=self.trainee.device)
        self._optimiser: torch.optim.Optimizer | None = None
        self._nearest: Tensor | None = None  # to each cluster, by the graph that it was last merged on

    def begin_on(self, graph: Digraph) -> None:
        """Find the clusters that are nearest to each on the graph that the first clusters were found on."""
        self._nearest = self._nearest_on(graph)

    @property
    def finished(self) -> bool:
        return self.forward is not None and self.again == self.plan.reruns

    def period(self) -> Period:
        """Run the next period and return its record."""
        merging = self.forward is None
        before = self.representatives
        if merging or self.plan.train_again:
            self._train()
        loss = self._total.item() / self._steps if self._steps else math.nan
        features, graph = self._graph(loss)
        wanted = self.plan.n_clusters
        if merging:
            count = len(np.unique(before))
            left = count - math.ceil(self.plan.eta * count)
            if left > wanted:
                self.representatives = self.agglomeration.merge(graph, features, before, left)
            else:
                self.representatives = self.agglomeration.merge(graph, features, before, wanted, last=True)
                self.forward = self.representatives
        else:
            start = self.agglomeration.start(graph, wanted)
            self.representatives = self.agglomeration.merge(graph, features, start, wanted, last=True)
            self.again += 1
        self.representatives = self.group.first(self.representatives)
        labels = numbered(self.representatives)
        self._nearest = self._nearest_on(graph)
        steps = self._steps
        self._steps, self._optimiser = 0, None
        self._total.zero_()
        changed = math.nan if merging else share_changed(numbered(before), labels)
        return Period("merge" if merging else "again", steps, loss, int(labels.max()) + 1, changed, labels)

    def _graph(self, loss: float) -> tuple[np.ndarray, Digraph]:
        """The features of all images, and the graph on them; `loss` is that of the training before, if any."""
        merged = self.forward is not None
        features = self.trainee.features(self.plan.batch_size, self._all_steps, merged)
        if (self._steps and not math.isfinite(loss)) or not np.isfinite(features).all():
            rate = self.plan.learning_rate
            raise ParameterError(f"training ran away to a loss of {loss}; lower learning_rate, which is {rate}")
        return features, self.agglomeration.graph(features, self.trainee.view_graphs(), self.kept)

    def _nearest_on(self, graph: Digraph) -> Tensor | None:
        """The clusters nearest to each, int64 (c, k), where the loss asks for them."""
        if self.plan.negatives != "nearest":
            return None
        found = nearest_clusters(graph, numbered(self.representatives), self.plan.n_nearest)
        return torch.from_numpy(found).to(self.trainee.device)

    def _train(self) -> None:
        plan, trainee = self.plan, self.trainee
        n_images, device = trainee.n_images, trainee.device
        labels = numbered(self.representatives)
        targets = torch.from_numpy(labels.astype(np.int64)).to(device)
        whole = max(n_images // plan.batch_size, 1)  # what does not fill a batch waits for another shuffle
        steps = plan.steps if plan.epochs is None else plan.epochs * whole
        if self._optimiser is None:
            self._optimiser = self._new_optimiser()
        parameters = list(self.trainee.module.parameters())
        while self._steps < steps:
            order = torch.randperm(n_images, generator=self.generator).to(device)
            for batch in order.split(plan.batch_size)[: min(whole, steps - self._steps)]:
                self._set_rate()
                with autocast(device, plan.precision):
                    rows = trainee.rows(self.group.share(batch))
                loss = triplet_loss(
                    self.group.gather(full_precision(rows), len(batch)),
                    targets[batch],
                    gamma=plan.gamma,
                    margin=plan.margin,
                    nearest=self._nearest,
                    anchors_only=plan.anchors_only,
                )
                self._optimiser.zero_grad(set_to_none=True)
                loss.backward()
                self.group.sum_gradients(parameters)
                self._optimiser.step()
                self._total += loss.detach()
                self._steps += 1
                self._all_steps += 1
            self.save()

    def _new_optimiser(self) -> torch.optim.Optimizer:
        plan, parameters = self.plan, self.trainee.module.parameters()
        if plan.optimiser == "adam":
            return torch.optim.Adam(parameters, lr=plan.learning_rate, weight_decay=plan.weight_decay)
        decay, dampening = plan.weight_decay, plan.dampening
        return torch.optim.SGD(
            parameters, lr=plan.learning_rate, momentum=0.9, dampening=dampening, weight_decay=decay
        )

    def _set_rate(self) -> None:
        """SGD slows down over the whole training: by (1 + .0001 t)^-.75, as in JULE's released code."""
        if self.plan.optimiser == "sgd" and self._optimiser is not None:
            rate = self.plan.learning_rate * (1 + 1e-4 * self._all_steps) ** -0.75
            for group in self._optimiser.param_groups:
                group["lr"] = rate

    def state(self) -> dict[str, Tensor]:
        """Return all that `load` needs, by name, on the CPU; the weights are the caller's to keep."""
        counters = [self._steps, self._all_steps, self.again, int(self.forward is not None)]
        state = {
            "representatives": torch.from_numpy(self.representatives),
            "counters": torch.tensor(counters),
            "generator": self.generator.get_state(),
            "total": self._total.detach().cpu(),
        }
        if self.forward is not None:
            state["forward"] = torch.from_numpy(self.forward)
        if self._nearest is not None:
            state["nearest"] = self._nearest.cpu()
        for number, kept in enumerate((self.kept, *self.trainee.kept)):
            if kept.candidates is not None:
                state[f"candidates.{number}"] = torch.from_numpy(kept.candidates)
        if self._optimiser is not None:
            state |= named(optimiser_state(self._optimiser), "training")
        return state

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state`; raises `ParameterError` if it is that of another training. Weights are not in it."""
        like = torch.from_numpy(self.representatives)
        self.representatives = take(state, "representatives", like).numpy()
        counters = take(state, "counters", torch.zeros(4, dtype=torch.int64)).tolist()
        self._steps, self._all_steps, self.again, forward = counters
        self.forward = take(state, "forward", like).numpy() if forward else None
        self.generator.set_state(take(state, "generator", self.generator.get_state()))
        self._total.copy_(take(state, "total", self._total))
        if "nearest" in state:
            shape = (int(numbered(self.representatives).max()) + 1, self.plan.n_nearest)
            like = torch.empty(shape, dtype=torch.int64, device=self.trainee.device)
            self._nearest = take(state, "nearest", like)
        for number, kept in enumerate((self.kept, *self.trainee.kept)):
            if (name := f"candidates.{number}") in state:
                like = torch.empty((len(self.representatives), *state[name].shape[1:]), dtype=torch.int32)
                kept.candidates = take(state, name, like).numpy()
        if self._steps:
            self._optimiser = self._new_optimiser()
            load_optimiser(self._optimiser, part(state, "training"))


class RecurrentClustering(RecurrentParameters):
    """A network that JULE trains; a derived class makes it, and runs one training or more."""

    initial_labels_: np.ndarray
    forward_labels_: np.ndarray

    @property
    def _agglomeration(self) -> Agglomeration:
        rule = Rule(self.n_nearest, self.lead_weight, self.lead_until, self.one_sided, self.update)
        return Agglomeration(self.n_neighbors, self.a, rule, self.min_cluster_fraction)

    def _run(self, trainee: Trainee, seed: int, stage: int, saved: Mapping[str, Tensor]) -> None:
        """Run one training to its end, or what a checkpoint left of it; `stage` numbers the trainings of a fit."""
        agglomeration, group, kept = self._agglomeration, Group.current(), KeptCandidates()
        if saved:
            representatives = np.empty(trainee.n_images, dtype=np.int32)
        else:
            features = trainee.features(self.batch_size, 0)
            graph = agglomeration.graph(features, trainee.view_graphs(), kept)
            representatives = group.first(agglomeration.start(graph, self.n_clusters))
            self.initial_labels_ = numbered(representatives)
        generator = torch.Generator().manual_seed(seed)
        training = Recurrence(trainee, agglomeration, self, representatives, generator, kept)
        if saved:
            training.load(part(saved, "training"))
        else:
            training.begin_on(graph)

        def save() -> None:
            if group.rank == 0:
                self._save(lambda: self._state_of(training, stage))

        training.save = save
        while not training.finished:
            period = training.period()
            self.history_.append(period)
            save()
            self._report(period)
        assert training.forward is not None
        self.forward_labels_ = numbered(training.forward)
        self.labels_ = numbered(training.representatives)

    def _conclude_with(self, embedding: Tensor) -> None:
        """Set what follows from the embedding (n, width) of the trained network."""
        self.embedding_ = embedding.cpu().numpy()
        labels = torch.from_numpy(self.labels_).to(embedding.device)
        self.cluster_centers_ = cluster_means(embedding, labels, self.n_clusters).cpu().numpy()
        warn_of_sizes(self.labels_, self.n_clusters, "ask for fewer clusters")

    def _state_of(self, training: Recurrence, stage: int) -> dict[str, Tensor]:
        """The state of the fit after some periods."""
        return {
            "stage": torch.tensor(stage),
            "initial": torch.from_numpy(self.initial_labels_),
            **history_state(self.history_, Period),
            **named(self.encoder_.state_dict(), "encoder"),
            **named(training.state(), "training"),
        }

    def _restored(self, n_images: int) -> dict[str, Tensor]:
        """The state of a checkpoint, or an empty one; weights and history are put back."""
        saved = self._saved()
        if saved:
            load_weights(self.encoder_, part(saved, "encoder"))
            self.initial_labels_ = take(saved, "initial", torch.empty(n_images, dtype=torch.int32)).numpy()
        self._restore_history(saved, Period, n_images)
        return saved


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

    Per anchor, the negatives are sorted once; how many of them are within the reach of a pair, and the sum of
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
