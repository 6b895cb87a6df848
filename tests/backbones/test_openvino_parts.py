"""Where a network is cut for OpenVINO, and that both parts together are the whole."""

import numpy as np
import pytest
import torch
from torch import nn

from stages.backbones.openvino_parts import fine_and_coarse

openvino = pytest.importorskip("openvino")

SIDE = 12  # pixels of an image; convolutions of more than 4 are fine


class _Net(nn.Module):
    """A convolution of fine input, then one of coarse input, beside which a copy of its input's source goes on."""

    def __init__(self, beside: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fine, self.coarse, self.beside = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 1), beside
        self.last = nn.Linear(6, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = self.fine(x)
        small = nn.functional.max_pool2d(seen, 3)
        other = nn.functional.avg_pool2d(seen.relu(), 3) if self.beside else small
        return self.last((self.coarse(small) + other).mean((2, 3)))


def _converted(network: nn.Module) -> "openvino.Model":
    images = torch.zeros(2, 3, SIDE, SIDE)
    return openvino.convert_model(network.eval(), example_input=images, input=list(images.shape))


def _run(part: "openvino.Model", *values: np.ndarray) -> list[np.ndarray]:
    outputs = openvino.Core().compile_model(part, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(list(values))
    return [outputs[index] for index in range(len(outputs))]


def _products(part: "openvino.Model") -> list[str]:
    kinds = [node.get_type_name() for node in part.get_ordered_ops()]
    return [kind for kind in kinds if kind in ("Convolution", "MatMul")]


@pytest.mark.filterwarnings("ignore")  # of the tracing that OpenVINO does
@pytest.mark.parametrize(("beside", "between"), [(False, 1), (True, 2)])
def test_both_parts_are_the_whole(beside: bool, between: int) -> None:
    network = _Net(beside)
    (fine, first), (coarse, second) = fine_and_coarse(_converted(network), SIDE / 3)
    assert (first, second) == ("f32", "bf16")
    assert (_products(fine), _products(coarse)) == (["Convolution"], ["Convolution", "MatMul"])
    assert len(fine.outputs) == len(coarse.inputs) == between
    images = np.random.default_rng(0).random((2, 3, SIDE, SIDE), dtype=np.float32)
    (found,) = _run(coarse, *_run(fine, images))
    with torch.no_grad():
        np.testing.assert_allclose(found, network(torch.from_numpy(images)), rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_a_result_before_the_cut_leaves_one_part() -> None:
    ((whole, precision),) = fine_and_coarse(_converted(nn.Conv2d(3, 2, 3)), SIDE / 3)
    assert (_products(whole), precision) == (["Convolution"], "bf16")


@pytest.mark.filterwarnings("ignore")
def test_without_fine_convolutions_all_products_are_in_the_latter_part() -> None:
    (fine, _), (coarse, _) = fine_and_coarse(_converted(_Net(False)), SIDE)
    assert (_products(fine), _products(coarse)) == ([], ["Convolution", "Convolution", "MatMul"])
