"""The fit that JULE on features, DMVC and JULE on images share: their trainings, and the state of these."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from stages.clustering.merge_rule import Rule
from stages.clustering.neighbours import numbered
from stages.deep.checkpoint import history_state, load_weights, named, part, take
from stages.deep.clusters import cluster_means, warn_of_sizes
from stages.deep.distributed import Group
from stages.deep.jule.agglomeration import Agglomeration
from stages.deep.jule.parameters import Period, RecurrentParameters
from stages.deep.jule.periods import Recurrence, Trainee


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
        agglomeration, group = self._agglomeration, Group.current()
        if saved:
            representatives = np.empty(trainee.n_images, dtype=np.int32)
        else:
            features = trainee.features(self.batch_size, 0)
            graph = agglomeration.graph(features, trainee.view_graphs())
            representatives = group.first(agglomeration.start(graph, self.n_clusters))
            self.initial_labels_ = numbered(representatives)
        generator = torch.Generator().manual_seed(seed)
        training = Recurrence(trainee, agglomeration, self, representatives, generator)
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
