"""JULE on features: a perceptron trained on the clusters that merge in what it makes of the images."""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.utils import check_random_state

from stages.deep.jule.on_views import RecurrentPerceptrons, ViewTrainee
from stages.deep.networks import MLP


class JULE(RecurrentPerceptrons):
    """Joint unsupervised learning of a representation and of clusters, from features.

    Yang, Parikh and Batra, CVPR 2016, with the perceptron d-160-160 of Guerin et al. (2021) for a network. All
    views go through it side by side: with one view this is the row of a single network in the comparison of
    Guerin et al., with several the row "CC". `PRESETS` of `stages.deep.jule.on_views` has the settings of paper
    and released code; the defaults are what was measured best for small image sets, one setting for all.

    Parameters
    ----------
    n_clusters : number of clusters.
    scaling : of the views, see `stages.deep.scaling.scale`.
    width : units of the hidden layer, and of the embedding (160).
    start : first weights: "projection" onto principal directions, see `stages.deep.jule.principal`, or "xavier".
    view_graphs : whether, with a code per view (`DMVC`), the graph of the clusters is the mean of the embedding's
        and of the codes' own, instead of the embedding's alone.
    n_neighbors, a : of the neighbour graph (K_s 20, a 1), see `stages.clustering.neighbours.digraph`.
    n_nearest, lead_weight, lead_until, one_sided, update : which clusters merge, and how (K_c 5, lambda 1), see
        `stages.clustering.merge_rule.Rule`.
    min_cluster_fraction : size from which a cluster counts at the end, see `stages.clustering.outliers` (0).
    eta : share of the clusters that a period merges, above 0 and below 1 (0.9, for faces 0.2).
    steps : gradient steps of a period. Early clusters are small and their neighbours often of the same class, so
        that long training drives classes apart: a few steps are enough.
    epochs : passes over the images in a period, instead of `steps`, if given (20).
    reruns : how often the images are clustered anew, from nearest neighbours on, after the last merge. 0 gives the
        result "SF" of the paper, 1 with `train_again` off "RC".
    train_again : whether the network is trained on the final clusters before each of these.
    batch_size : images in a step (100).
    optimiser : "adam", or "sgd" with momentum 0.9, slowed down as in the released code; a new one in each period.
    learning_rate : its step size (0.01 with "sgd").
    dampening : of the momentum (released code, by Torch's default: 0.9).
    weight_decay : weight of the squared weights (5e-5).
    gamma, margin, anchors_only : of the loss (2, 0.2), see `stages.deep.jule.triplets`.
    negatives : "all" images of other clusters in a batch, or only those of the `n_nearest" clusters (paper).
    precision : of the matrix products while training, "float32" or "bfloat16"; weights, rows of the loss and the
        graphs stay float32.
    device : torch device to compute on, e.g. "cpu" or "cuda".
    random_state : int, RandomState or None, as everywhere in scikit-learn.
    checkpoint : keeps the state, so that a killed fit goes on where it was, see `stages.deep.checkpoint`.
    progress : called with a `Period` after every period, or None.

    Attributes
    ----------
    labels_ : int32 (n), the clusters, 0..n_clusters-1, numbered by their first images.
    forward_labels_ : int32 (n), the clusters when they first were as many ("SF").
    initial_labels_ : int32 (n), the clusters before the first period.
    embedding_ : float32 (n, width), rows of length 1.
    cluster_centers_ : float32 (n_clusters, width), the means of the clusters; `predict` takes the nearest.
    encoder_ : the network, trained.
    history_ : list of `Period`.
    n_features_in_ : list of the views' widths.
    """

    def fit(self, X: Sequence[np.ndarray], y: None = None) -> "JULE":
        """Train on the views `X`, a list of real arrays (n, d_j) whose rows are the same images.

        Raises `ParameterError` for a parameter, view or checkpoint that cannot be used. Warns (`UserWarning`) when
        one cluster holds over half of the images. Processes that `torch.distributed` has joined train together.
        """
        views = self._views(X)
        weights, order = check_random_state(self.random_state).randint(2**31 - 1, size=2)
        self.encoder_ = self._built(MLP)
        saved = self._restored(len(views[0]))
        if not saved:
            self._begin(self.encoder_.output, torch.cat(views, dim=1), int(weights))
        self._run(ViewTrainee(self.encoder_, views, self.encoder_), int(order), 0, saved)
        self._conclude(views)
        return self
