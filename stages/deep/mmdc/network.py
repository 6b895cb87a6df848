"""The network of multi-modal deep clustering."""

from typing import ClassVar

from torch import Tensor, nn

from stages.deep.image_networks import CroppedEncoder


class MixtureEncoder(CroppedEncoder):
    """The middle of images, uint8 (b, c, h, w), to points on the unit sphere, float32 (b, k)."""

    kind: ClassVar[str] = "mmdc"

    def outputs(self, views: Tensor) -> Tensor:
        return nn.functional.normalize(self.output(self.features(views)).float())
