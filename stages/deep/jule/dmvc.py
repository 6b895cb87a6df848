"""DMVC: a perceptron a view and one over their codes, trained one by one and then as one network, by JULE."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor

from stages.clustering.candidates import KeptCandidates
from stages.clustering.neighbours import Digraph
from stages.core.errors import ParameterError
from stages.deep.checkpoint import load_weights
from stages.deep.jule.on_features import RecurrentPerceptrons, ViewTrainee
from stages.deep.networks import MVnet
from stages.deep.view_encoding import embed


class DMVC(RecurrentPerceptrons):
    """Deep multi-view clustering: `MVnet` trained by JULE, in the three steps of its authors.

    Guerin, Thiery, Nyiri, Gibaru and Boots, "Combining pretrained CNN feature extractors to enhance clustering of
    complex natural images", Neurocomputing 2021, section 5.2: (1) the perceptron of each view alone; (2) the one
    over their codes, while these stay: `DMVCFix`; (3) all of them together. Each step starts from clusters of
    nearest neighbours, found again.

    Parameters and attributes are those of `RecurrentPerceptrons` and its bases; `initial_labels_` and
    `forward_labels_` belong to the last step, `history_` has the periods of all.
    """

    _joint: ClassVar[bool] = True

    def fit(
        self,
        X: Sequence[np.ndarray],
        y: None = None,
        *,
        perceptrons: Sequence[Mapping[str, Tensor]] | None = None,
        network: Mapping[str, Tensor] | None = None,
    ) -> "DMVC":
        """Train on the views `X`, a list of real arrays (n, d_j) whose rows are the same images.

        `perceptrons` are the weights of the `encoder_` of a `JULE` for each view: step 1 is then done. `network`
        are those of the `encoder_` of a `DMVCFix`: then only step 3 is left. Errors and warnings are those of
        `JULE`.
        """
        views = self._tensors(self._prepared(X))
        n_views = len(views)
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=(n_views + 2, 2))
        self.encoder_: MVnet = self._built(MVnet)
        saved = self._restored(len(views[0]))
        first = int(saved["stage"]) if saved else self._given(n_views, perceptrons, network)
        for step in range(first, n_views + 1 + self._joint):
            trainee = self._trainee(step, views)
            if not saved and step <= n_views:
                self._begin(trainee.module, torch.cat(list(trainee.inputs), dim=1), int(seeds[step, 0]))
            self._run(trainee, int(seeds[step, 1]), step, saved)
            saved = {}
        self._conclude(views)
        return self

    def _given(
        self,
        n_views: int,
        perceptrons: Sequence[Mapping[str, Tensor]] | None,
        network: Mapping[str, Tensor] | None,
    ) -> int:
        """Take over weights that are trained already; return the first step to do."""
        if network is not None:
            load_weights(self.encoder_, network)
            return n_views + 1
        if perceptrons is None:
            return 0
        if len(perceptrons) != n_views:
            raise ParameterError(
                f"there are {len(perceptrons)} perceptrons for {n_views} views; give one for each"
            )
        for own, given in zip(self.encoder_.views, perceptrons, strict=True):
            load_weights(own, {name.removeprefix("output."): tensor for name, tensor in given.items()})
        return n_views

    def _trainee(self, step: int, views: list[Tensor]) -> ViewTrainee:
        """The network that a step trains: the perceptron of a view, then that over their codes, then all."""
        network, kept = self.encoder_, [KeptCandidates() for _ in views]
        if step < len(views):
            return ViewTrainee(network.views[step], [views[step]], partial(_code, network, step))
        if step == len(views):
            codes = self._codes(views)
            graphs = self._view_graphs(codes, kept)  # once: the codes stay as they are
            return ViewTrainee(network.output, codes, network.join, lambda: graphs)
        return ViewTrainee(network, views, network, lambda: self._view_graphs(self._codes(views), kept), kept)

    def _codes(self, views: Sequence[Tensor]) -> list[Tensor]:
        """The codes of all views, each by itself, (n, width)."""
        return [
            embed(partial(_code, self.encoder_, number), [view], self.batch_size)
            for number, view in enumerate(views)
        ]

    def _view_graphs(self, codes: Sequence[Tensor], kept: Sequence[KeptCandidates]) -> list[Digraph]:
        if not self.view_graphs:
            return []
        return self._agglomeration.view_graphs([code.cpu().numpy() for code in codes], kept)


class DMVCFix(DMVC):
    """`DMVC` without its last step: the row "DMVC-fix" or "MVnet-fix" of the comparison of its authors."""

    _joint = False


def _code(network: MVnet, number: int, batch: Sequence[Tensor]) -> Tensor:
    return network.code(number, batch[0])
