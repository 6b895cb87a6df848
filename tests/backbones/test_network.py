"""From card and weight file to a network whose layers equal independently written forward passes."""

import pytest
import timm
import torch
import torchvision

from stages.backbones.card import Backbone, Preprocessing, Tap, Weights
from stages.backbones.network import LayerNetwork, load_network
from stages.core.errors import BackboneError
from stages.registry import REGISTRY

PLAIN = Preprocessing(64, 64, (0, 0, 0), (1, 1, 1))


def _pixels(size=64, rows=3):
    return torch.randint(0, 256, (rows, size, size, 3), generator=torch.Generator().manual_seed(0)).byte()


def _saved(tmp_path, tensors):
    torch.save(tensors, tmp_path / "w.pth")
    return tmp_path / "w.pth"


def _batch(pixels):
    """The output of LayerNetwork for pixels under PLAIN."""
    return pixels.permute(0, 3, 1, 2) / 255


def _check_last_layer(card, file, expected):
    features = LayerNetwork(load_network(card, file), {"L3": card.layers["L3"]}, PLAIN)(_pixels())
    torch.testing.assert_close(features[0], expected, rtol=1e-5, atol=1e-6)
    assert features[0].shape == expected.shape


def test_mobilenet(tmp_path):
    network = torchvision.models.mobilenet_v2().eval()
    file = _saved(tmp_path, network.state_dict())
    with torch.no_grad():
        expected = network.features(_batch(_pixels())).mean(dim=(2, 3))
    assert expected.shape == (3, 1280)
    _check_last_layer(REGISTRY["mobilenet_v2"], file, expected)


@pytest.mark.parametrize("variant", [0, 1, 2])
def test_efficientnet_lite_with_renamed_tensors(tmp_path, variant):
    network = timm.create_model(f"tf_efficientnet_lite{variant}", pretrained=False).eval()
    stored = {name: value for name, value in network.state_dict().items() if "num_batches" not in name}
    file = _saved(tmp_path, {f"other.name.{index}": value for index, value in enumerate(stored.values())})
    with torch.no_grad():
        expected = network.forward_features(_batch(_pixels())).mean(dim=(2, 3))
    assert expected.shape == (3, 1280)
    _check_last_layer(REGISTRY[f"efficientnet_lite{variant}"], file, expected)


def test_any_timm_network(tmp_path):
    network = timm.create_model("resnet18", pretrained=False).eval()
    file = _saved(tmp_path, network.state_dict())
    layers = {"L3": Tap("", "output")}
    card = Backbone("resnet18.a1_in1k", "timm", "resnet18.a1_in1k", Weights("w.pth", "", ()), layers, PLAIN)
    with torch.no_grad():
        expected = network.forward_features(_batch(_pixels())).mean(dim=(2, 3))
    _check_last_layer(card, file, expected)


def test_weights_of_another_network_are_refused(tmp_path):
    card = REGISTRY["mobilenet_v2"]
    file = _saved(tmp_path, torchvision.models.resnet18().state_dict())
    with pytest.raises(BackboneError, match=r"w\.pth does not fit mobilenet_v2: ") as error:
        load_network(card, file)
    assert "\n" not in str(error.value)
    with pytest.raises(
        BackboneError, match=r"does not fit tf_efficientnet_lite0: it has 102 tensors, the network 247"
    ):
        load_network(REGISTRY["efficientnet_lite0"], file)
