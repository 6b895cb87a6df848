"""The network that recognises rotations."""

from typing import ClassVar

from torch import Tensor, nn

from stages.deep.image_networks import CroppedEncoder


class RotationEncoder(CroppedEncoder):
    """The middle of images, uint8 (b, c, h, w), to features, float32 (b, width), rows of length 1.

    Its output layer recognises rotations, and serves the training alone.
    """

    kind: ClassVar[str] = "rotnet"

    def outputs(self, views: Tensor) -> Tensor:
        return nn.functional.normalize(self.features(views).float())
