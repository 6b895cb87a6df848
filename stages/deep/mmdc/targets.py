"""The targets of multi-modal deep clustering: points of a Gaussian mixture, one for each image.

Shiran and Weinshall, "Multi-modal deep clustering: unsupervised partitioning of images" (arXiv 1912.02678): the
points are drawn once; what changes while a network is trained is only which image has which.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from stages.core.errors import ParameterError

MEANS = ("one_hot", "random")


class Targets(NamedTuple):
    """Points on the unit sphere.

    means : float32 (k, k), of the components.
    components : int64 (n), the component of every point.
    points : float32 (n, k), rows of length 1.
    """

    means: Tensor
    components: Tensor
    points: Tensor

    def move(self, images: Tensor, others: Tensor) -> None:
        """Give the `images`, int64 (b), the targets of `others`, the same images in another order."""
        self.components[images] = self.components[others]
        self.points[images] = self.points[others]


def draw_targets(n: int, k: int, means: str, sigma: float, generator: torch.Generator) -> Targets:
    """Draw n points of a mixture of k components of the standard deviation `sigma` in each of k dimensions.

    Means are the unit vectors ("one_hot"), or drawn from (-.1, .1) in each dimension ("random"). Every point's
    component is drawn by itself, so that their sizes are equal only nearly; points are divided by their length.
    Raises `ParameterError` for a `sigma` whose points are not finite as float32.
    """
    centers = torch.eye(k) if means == "one_hot" else torch.rand((k, k), generator=generator) * 0.2 - 0.1
    components = torch.randint(k, (n,), generator=generator)
    points = centers[components] + sigma * torch.randn((n, k), generator=generator)
    if not points.square().sum(dim=1).isfinite().all():
        raise ParameterError(f"sigma is {sigma}, too large for float32; give one near the means, up to 1")
    return Targets(centers, components, torch.nn.functional.normalize(points))


def assigned(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the order, int64 (b), in which targets (b, k) are nearest to outputs (b, k) altogether.

    Output i gets the target of number order[i]; the sum of the Euclidean distances is the least there is (linear
    assignment, solved exactly). The result is on the device of the targets.
    """
    from scipy.optimize import linear_sum_assignment

    mode = "donot_use_mm_for_euclid_dist"  # from products, distances near 0 would lose their digits
    costs = torch.cdist(outputs, targets, compute_mode=mode).cpu().numpy()
    return torch.from_numpy(linear_sum_assignment(costs)[1]).to(targets.device)


def matched(clusters: np.ndarray, components: np.ndarray, k: int) -> np.ndarray:
    """Return clusters, int (n) in 0..k-1, under the numbers of the components, int (n), that they share most with.

    The matching is one to one and shares the most images altogether: int64 (n).
    """
    from scipy.optimize import linear_sum_assignment

    common = np.zeros((k, k), dtype=np.int64)
    np.add.at(common, (clusters, components), 1)
    number: np.ndarray = linear_sum_assignment(-common)[1]
    return number[clusters]
