"""The methods that train a network on the images' pixels, without any pretrained one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from stages.core.errors import ParameterError
from stages.decoding.pixels import pixel_view
from stages.tables.methods import ImageMethod, MethodName
from stages.training.hyperparameters import MACHINE
from stages.training.job import Inputs, Job

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, kw_only=True)
class ImageJob(Job):
    """A method on `pixels`, uint8 (n, c, h, w), as large as `image_size` asks for."""

    SCRIPT = "stages.train_images"
    RESULTS: ClassVar[Mapping[str, str]]  # the columns of the table of clusters

    pixels: np.ndarray
    image_size: str

    @property
    def columns(self) -> Mapping[str, str]:
        return self.RESULTS

    def source(self) -> dict[str, Any]:
        return {"image_size": self.image_size, "image_shape": list(self.pixels.shape[1:])}

    def inputs(self, device: "torch.device") -> Inputs:
        return Inputs(self.pixels, [self.pixels])

    def write_model(self, file: Path, model: Any, settings: Mapping[str, Any]) -> None:
        from stages.deep.image_models import write_image_model

        write_image_model(file, model, settings)


class DecOnImages(ImageJob):
    """DEC, whose network sees the pixels as one view; it has a stack of layers, no other width.

    A first result is that of K-means on the embedding of the pre-trained autoencoder.
    """

    ESTIMATOR = "stages.deep.dec.estimators:DEC"
    NOT_THEIRS = (*MACHINE, "width", "init")
    EXTRA: ClassVar[Mapping[str, Any]] = {"network": list[int]}
    RESULTS: ClassVar[Mapping[str, str]] = {"autoencoder": "initial_labels_", "dec": "labels_"}

    @classmethod
    def chosen_parameters(cls, name: MethodName, given: Mapping[str, Any]) -> dict[str, Any]:
        chosen = super().chosen_parameters(name, given)
        widths = chosen.get("network")
        if widths is not None and (not widths or min(widths) < 1):
            way_out = "give layer widths such as [500, 500, 2000, 10]"
            raise ParameterError(f"{name.section}.network is {widths}; {way_out}")
        return chosen

    @property
    def encoder_layers(self) -> int:
        return len(self.parameters["network"])

    def inputs(self, device: "torch.device") -> Inputs:
        return Inputs([pixel_view(self.pixels)], [self.pixels])

    def write_model(self, file: Path, model: Any, settings: Mapping[str, Any]) -> None:
        """Write the network, which sees a view."""
        Job.write_model(self, file, model, settings)


class JuleOnImages(ImageJob):
    """JULE: convolutions, trained on clusters that merge, in one pass (sf) and with one more at the end (rc)."""

    ESTIMATOR = "stages.deep.jule.on_images:ImageJULE"
    RESULTS: ClassVar[Mapping[str, str]] = {"jule-sf": "forward_labels_", "jule-rc": "labels_"}


class EpochsOnImages(ImageJob):
    """A method whose training makes a record an epoch, and whose one result has its name."""

    @property
    def columns(self) -> Mapping[str, str]:
        return {self.name.method: "labels_"}

    @property
    def records(self) -> int | None:
        return self.parameters.get("epochs")


class MmdcOnImages(EpochsOnImages):
    """MMDC: convolutions that map images onto the points of a mixture of Gaussians."""

    ESTIMATOR = "stages.deep.mmdc.mmdc:MMDC"


class IicOnImages(EpochsOnImages):
    """IIC: convolutions whose clusters of two views of an image share most information."""

    ESTIMATOR = "stages.deep.iic.iic:IIC"


class DacOnImages(EpochsOnImages):
    """DAC: convolutions that learn from the pairs of images that they are certain of."""

    ESTIMATOR = "stages.deep.dac.dac:DAC"


class RotnetOnImages(EpochsOnImages):
    """RotNet and K-means: convolutions that recognise rotations, whose features are clustered."""

    ESTIMATOR = "stages.deep.rotnet.rotnet:RotNet"


class DeepClusterOnImages(EpochsOnImages):
    """DeepCluster: convolutions that recognise the clusters of their own features, which are clustered."""

    ESTIMATOR = "stages.deep.deepcluster.deepcluster:DeepCluster"


class NatOnImages(EpochsOnImages):
    """NAT and K-means: convolutions that map images onto fixed random points, whose features are clustered."""

    ESTIMATOR = "stages.deep.nat.nat:NAT"


IMAGE_JOBS: Mapping[str, type[ImageJob]] = {
    ImageMethod.DEC: DecOnImages,
    ImageMethod.JULE: JuleOnImages,
    ImageMethod.MMDC: MmdcOnImages,
    ImageMethod.IIC: IicOnImages,
    ImageMethod.DAC: DacOnImages,
    ImageMethod.ROTNET: RotnetOnImages,
    ImageMethod.DEEPCLUSTER: DeepClusterOnImages,
    ImageMethod.NAT: NatOnImages,
}
