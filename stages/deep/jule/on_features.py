"""JULE on features: perceptrons trained on the clusters that merge in their embedding."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor, nn

from stages.clustering.candidates import KeptCandidates
from stages.clustering.neighbours import Digraph
from stages.core.checks import check_choice, check_flag
from stages.deep.estimator import Presets, read_presets
from stages.deep.jule.parameters import Period
from stages.deep.jule.periods import RecurrentClustering, Trainee
from stages.deep.networks import MLP, MVnet, initialise
from stages.deep.view_encoding import ViewClustering, embed

Network = TypeVar("Network", MLP, MVnet)

STARTS = ("projection", "xavier")
_SAMPLE = 10_000  # rows that principal directions are found from, at most: more change them little


@dataclass(frozen=True)
class ViewTrainee(Trainee):
    """Features and the network they are trained through, of which `module` has the parameters.

    inputs : tensors (n, d_j), all on one device.
    forward : a batch of each input, (b, d_j), to the embedding (b, w).
    graphs : returns the graphs of single views; called in every period, as the views' codes may change, too.
    kept : the candidates that these graphs choose from, if the codes change.
    """

    module: nn.Module
    inputs: Sequence[Tensor]
    forward: Callable[[Sequence[Tensor]], Tensor]
    graphs: Callable[[], Sequence[Digraph]] = tuple
    kept: Sequence[KeptCandidates] = ()

    def rows(self, images: Tensor) -> Tensor:
        return self.forward([view[images] for view in self.inputs])

    def features(self, batch_size: int, steps: int, merged: bool = False) -> np.ndarray:
        return embed(self.forward, self.inputs, batch_size).cpu().numpy()

    def view_graphs(self) -> Sequence[Digraph]:
        return self.graphs()


@dataclass(eq=False, repr=False, kw_only=True)
class RecurrentPerceptrons(RecurrentClustering, ViewClustering[Period]):
    """Base of `JULE` and `DMVC`. Of a parameter that both its bases have, the default of the first counts.

    Parameters and attributes are also those of `stages.deep.jule.parameters.RecurrentParameters`,
    `stages.deep.view_encoding.ViewClustering` and `stages.deep.estimator.NetworkClustering`.

    Parameters
    ----------
    start : first weights: "projection" onto principal directions, see `start_as_projection`, or "xavier".
    view_graphs : whether, with a code per view (`DMVC`), the graph of the clusters is the mean of the embedding's
        and of the codes' own, instead of the embedding's alone.
    """

    PRESETS: ClassVar[Presets] = read_presets(__file__, "on_features")

    start: str = "projection"
    view_graphs: bool = True

    def check_parameters(self) -> None:
        super().check_parameters()
        check_choice("start", self.start, STARTS)
        check_flag("view_graphs", self.view_graphs)

    def _built(self, kind: type[Network]) -> Network:
        """A network over the views, with its weights still to be set."""
        with torch.device("meta"):  # no random numbers: the global state is not ours
            network = kind(self.n_features_in_, self.width, unit_length=True)
        return network.to_empty(device=self.device)

    def _begin(self, perceptron: nn.Module, rows: Tensor, seed: int) -> None:
        """Give a perceptron its first weights; `rows`, float (n, d), are its inputs."""
        generator = torch.Generator().manual_seed(seed)
        drawn = copy.deepcopy(perceptron).cpu()
        initialise(drawn, generator)  # on the CPU, so that every device starts from the same weights
        if self.start == "projection":
            start_as_projection(drawn, rows, generator)
        perceptron.load_state_dict(drawn.state_dict())

    def _conclude(self, views: Sequence[Tensor]) -> None:
        self._conclude_with(embed(self.encoder_, views, self.batch_size))


class JULE(RecurrentPerceptrons):
    """Joint unsupervised learning of a representation and of clusters, from features.

    Yang, Parikh and Batra, CVPR 2016, with the perceptron d-160-160 of Guerin et al. (2021) for a network. All
    views go through it side by side: with one view this is the row of a single network in the comparison of
    Guerin et al., with several the row "CC". `PRESETS` has the settings of paper and released code. Parameters and
    attributes are those of `RecurrentPerceptrons` and its bases.
    """

    def fit(self, X: Sequence[np.ndarray], y: None = None) -> "JULE":
        """Train on the views `X`, a list of real arrays (n, d_j) whose rows are the same images.

        Raises `ParameterError` for a parameter, view or checkpoint that cannot be used. Warns (`UserWarning`) when
        one cluster holds over half of the images. Processes that `torch.distributed` has joined train together.
        """
        views = self._tensors(self._prepared(X))
        weights, order = check_random_state(self.random_state).randint(2**31 - 1, size=2)
        self.encoder_ = self._built(MLP)
        saved = self._restored(len(views[0]))
        if not saved:
            self._begin(self.encoder_.output, torch.cat(views, dim=1), int(weights))
        self._run(ViewTrainee(self.encoder_, views, self.encoder_), int(order), 0, saved)
        self._conclude(views)
        return self


def start_as_projection(perceptron: nn.Module, rows: Tensor, generator: torch.Generator) -> None:
    """Set the weights, in place, so that the output is the projection of its input onto principal directions.

    `perceptron` is linear (d to h), ReLU, linear (h to w), its biases 0; `rows` float (n, d) are its inputs. The
    directions are the first r = min(h / 2, w, d, n) right singular vectors of the rows, not centred, so that
    lengths and angles of the rows are kept as well as r numbers can. A ReLU lets half a line through, so each
    direction takes two hidden units, one for each sign. Hidden units without a direction keep their weights, but
    contribute nothing at first. From more than 10,000 rows a sample is drawn.

    Drawn at random, a d-160-160 perceptron shuffles the neighbours of its input, and the first graph built on its
    output is worse than that of the features. This start loses next to nothing, and leaves everything to learn.
    """
    from sklearn.utils.extmath import randomized_svd

    first, second = (layer for layer in perceptron.modules() if isinstance(layer, nn.Linear))
    if len(rows) > _SAMPLE:
        chosen = torch.randperm(len(rows), generator=generator)[:_SAMPLE].sort().values
        rows = rows[chosen.to(rows.device)]
    count = min(first.out_features // 2, second.out_features, *rows.shape)
    seed = int(torch.randint(2**31 - 1, (), generator=generator))
    with np.errstate(all="ignore"):  # rows of zeros have no directions; any will do
        directions = randomized_svd(rows.cpu().numpy(), count, n_iter=7, random_state=seed)[2]
    directions = torch.from_numpy(np.ascontiguousarray(directions)).to(first.weight)
    with torch.no_grad():
        first.weight[:count] = directions
        first.weight[count : 2 * count] = -directions
        second.weight.zero_()
        units = torch.arange(count, device=second.weight.device)
        second.weight[units, units] = 1
        second.weight[units, count + units] = -1
