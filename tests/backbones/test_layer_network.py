"""Reading layers in one pass: what is kept, in which order, and what twins share."""

import numpy as np
import pytest
import torch

from stages.backbones.card import Preprocessing, Tap
from stages.backbones.network import LayerNetwork
from stages.core.errors import BackboneError

HALVES = Preprocessing(4, 4, (0.5, 0.25, 0.0), (0.5, 0.25, 1.0))


def _pixels(rows=2):
    return torch.randint(0, 256, (rows, 4, 4, 3), generator=torch.Generator().manual_seed(0)).byte()


def test_pixels_are_normalised_and_flattened_channel_by_channel():
    (features,) = LayerNetwork(torch.nn.Identity(), {"L3": Tap("", "output")}, HALVES)(_pixels())
    values = _pixels().numpy() / 255
    expected = np.stack([values[..., 0] * 2 - 1, values[..., 1] * 4 - 1, values[..., 2]], axis=1).reshape(2, 48)
    np.testing.assert_allclose(features.numpy(), expected, atol=1e-6)


def test_a_layer_is_kept_as_it_was_when_a_later_module_works_in_place():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 5), torch.nn.ReLU(inplace=True))
    network.append(torch.nn.Linear(5, 2))
    taps = {"input": Tap("3", "input"), "before": Tap("1", "output"), "after": Tap("2", "output")}
    layers = dict(zip(taps, LayerNetwork(network, taps, HALVES)(_pixels(50)), strict=True))
    assert (layers["before"] < 0).any()
    torch.testing.assert_close(layers["after"], layers["before"].relu())
    torch.testing.assert_close(layers["input"], layers["after"])


def test_of_a_module_that_is_called_twice_the_input_of_the_next_is_exact():
    class Twice(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.act, self.next = torch.nn.ReLU(inplace=True), torch.nn.Identity()

        def forward(self, x):
            return self.act(-self.next(self.act(x - 0.1)))

    inner, last = LayerNetwork(Twice(), {"L2": Tap("next", "input"), "L3": Tap("act", "output")}, HALVES)(
        _pixels()
    )
    assert inner.max() > 0
    assert not last.any()


def test_a_layer_that_is_not_there():
    with pytest.raises(BackboneError, match=r"layer L1 names the module '0\.weight', which is not there"):
        LayerNetwork(torch.nn.Sequential(torch.nn.Linear(3, 3)), {"L1": Tap("0.weight", "output")}, HALVES)


def test_a_twin_shares_the_weights_and_keeps_its_own_layers():
    network = LayerNetwork(torch.nn.Conv2d(3, 2, 3), {"L3": Tap("", "output")}, HALVES)
    twin = network.twin()
    assert twin.network.weight is network.network.weight
    seen = []
    network.network.register_forward_hook(lambda *_: seen.append(1))
    torch.testing.assert_close(twin(_pixels()), network(_pixels()))
    assert seen == [1]
    assert network.dimensions() == {"L3": 8}


class _Narrowing(torch.nn.Module):
    """From 12 pixels to 4 by a convolution of fine input, then one of coarse input."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.fine, self.coarse = torch.nn.Conv2d(3, 16, 3, stride=3), torch.nn.Conv2d(16, 8, 2)

    def forward(self, x):
        return self.coarse(self.fine(x).relu())


def _by_both(network):
    """The features, float32 (2, 72), in float32 and in bfloat16, of images of 12 x 12 pixels."""
    preprocessing = Preprocessing(12, 12, (0.5, 0.25, 0.0), (0.5, 0.25, 1.0))
    pixels = torch.randint(0, 256, (2, 12, 12, 3), generator=torch.Generator().manual_seed(0)).byte()
    taps = {"fine": Tap("fine", "output"), "L3": Tap("", "output")}
    return [
        dict(zip(taps, LayerNetwork(network(), taps, preprocessing, precision).twin()(pixels), strict=True))
        for precision in ("fp32", "bf16")
    ]


def test_bf16_gives_float32_of_nearly_the_same_direction():
    exact, fast = (layers["L3"] for layers in _by_both(_Narrowing))
    assert fast.dtype == torch.float32
    assert not torch.equal(exact, fast)
    assert torch.cosine_similarity(exact, fast).min() > 0.999


def test_bf16_leaves_convolutions_of_an_input_wider_than_a_third_of_the_image_in_float32():
    exact, fast = _by_both(_Narrowing)
    assert torch.equal(exact["fine"], fast["fine"])
    # The input of the second one is exactly a third as wide: its products are those of rounded factors.
    network = _Narrowing()
    rounded = network.coarse.weight.bfloat16().float()
    hidden = exact["fine"].view(2, 16, 4, 4).relu().bfloat16().float()
    expected = torch.nn.functional.conv2d(hidden, rounded, network.coarse.bias)
    torch.testing.assert_close(fast["L3"], expected.flatten(1), rtol=2**-7, atol=2**-9)
