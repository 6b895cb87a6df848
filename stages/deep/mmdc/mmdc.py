"""Multi-modal deep clustering: a network that maps images onto the points of a Gaussian mixture."""

import torch
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from torch import Tensor, nn

from stages.core.checks import check_number
from stages.core.device import exact_convolutions
from stages.core.errors import ParameterError
from stages.deep.checkpoint import history_state, load_weights, named, part
from stages.deep.clusters import nearest_centres, warn_of_sizes
from stages.deep.image_encoding import embed_images
from stages.deep.mmdc.augmentation import Augmentation
from stages.deep.mmdc.network import MixtureEncoder, initialise_mixture
from stages.deep.mmdc.parameters import MixtureEpoch, MixtureParameters
from stages.deep.mmdc.training import MixtureTraining, draw_targets
from stages.deep.networks import first_network


class MMDC(MixtureParameters):
    """Multi-modal deep clustering of images.

    Shiran and Weinshall, "Multi-modal deep clustering: unsupervised partitioning of images" (arXiv 1912.02678),
    and their code. Every image has a target, a point of a mixture of `n_clusters` Gaussians. In each batch the
    targets are permuted among its images so that they are nearest to the network's outputs for these; then a
    step of gradient descent brings an augmented view of each image nearer to its target. Between such passes
    the same network learns which of four rotations an image has. In the end the targets follow clusters
    that K-means finds.

    Parameters and attributes are those of `stages.deep.mmdc.parameters.MixtureParameters` and
    `stages.deep.estimator.NetworkClustering`.
    """

    encoder_: MixtureEncoder

    def fit(self, X: ArrayLike, y: None = None) -> "MMDC":
        """Train on images `X` of one size: uint8 (n, h, w), or (n, c, h, w) with c 1 or 3.

        Raises `ParameterError` for a parameter, image or checkpoint that cannot be used. Warns (`UserWarning`)
        when a cluster ends empty or holds over half of the images.
        """
        images = self._prepared(X)
        augmentation = self._augmentation(images.shape[2:])
        seeds = [int(seed) for seed in check_random_state(self.random_state).randint(2**31 - 1, size=3)]
        first = torch.Generator().manual_seed(seeds[0])
        self.encoder_ = self._built(augmentation, first)
        turns = None
        if self.rotation_task:
            width = self.encoder_.output.in_features
            turns = first_network(lambda: nn.Linear(width, 4), initialise_mixture, first, self.device)
        drawn = draw_targets(len(images), self.n_clusters, self.means, self.sigma, first)
        pixels = torch.from_numpy(images).to(self.device)
        training = MixtureTraining(
            self.encoder_,
            turns,
            pixels,
            type(drawn)(*(tensor.to(self.device) for tensor in drawn)),
            augmentation,
            self,
            torch.Generator().manual_seed(seeds[1]),
            torch.Generator(self.device).manual_seed(seeds[2]),
        )
        self._restore(training)
        while not training.finished:
            with exact_convolutions(self.device):
                self.history_.append(training.epoch())
            self._save(lambda: self._state_of(training))
            self._report(self.history_[-1])
        embedding = embed_images(self.encoder_.eval(), pixels)
        self.embedding_ = embedding.cpu().numpy()
        self.cluster_centers_ = drawn.means.numpy()
        self.labels_ = nearest_centres(embedding, training.targets.means)
        warn_of_sizes(self.labels_, self.n_clusters, "ask for fewer clusters")
        return self

    def _augmentation(self, sides: tuple[int, ...]) -> Augmentation:
        """How views of images of these sides, (h, w), are made."""
        shorter = min(sides)
        crops = (max(round(5 / 8 * shorter), 1),) if self.crops is None else tuple(self.crops)
        if not crops:
            raise ParameterError("crops is empty; give at least one size, or null for a choice by image size")
        for crop in crops:
            check_number("crops", crop, 1, whole=True)
            if crop > shorter:
                raise ParameterError(
                    f"crops holds {crop} but images are {sides[0]} x {sides[1]} pixels; give at most {shorter}"
                )
        size = (32 if max(crops) <= 32 else 64) if self.input_size is None else self.input_size
        return Augmentation(crops, size, float(self.degrees), self.flip, self.jitter)

    def _built(self, augmentation: Augmentation, generator: torch.Generator) -> MixtureEncoder:
        channels, crop, size = self.image_shape_[0], augmentation.crops[0], augmentation.size
        return first_network(
            lambda: MixtureEncoder(self.network, channels, self.n_clusters, crop, size),
            initialise_mixture,
            generator,
            self.device,
        )

    def _state_of(self, training: MixtureTraining) -> dict[str, Tensor]:
        """The state of the fit after an epoch."""
        head = {} if training.turns is None else named(training.turns.state_dict(), "turns")
        return {
            **history_state(self.history_, MixtureEpoch),
            **named(self.encoder_.state_dict(), "encoder"),
            **head,
            **named(training.state(), "training"),
        }

    def _restore(self, training: MixtureTraining) -> None:
        """Go on from a checkpoint, if there is one."""
        saved = self._saved()
        if saved:
            load_weights(self.encoder_, part(saved, "encoder"))
            if training.turns is not None:
                load_weights(training.turns, part(saved, "turns"))
            training.load(part(saved, "training"))
        self._restore_history(saved, MixtureEpoch, len(training.images))
