"""The layers of networks with random weights equal independently written forward passes."""

import io

import numpy as np
import pytest
import timm
import torch
import torchvision
from PIL import Image

from stages.backbones.card import Backbone, Preprocessing, Tap, Weights
from stages.backbones.extraction import extract_features
from stages.backbones.network import LayerExtractor, load_network
from stages.backbones.registry import REGISTRY
from stages.errors import BackboneError
from tests.datasets.images import png


def _batch(size=64, rows=3):
    return torch.randn(rows, 3, size, size, generator=torch.Generator().manual_seed(0))


def _saved(tmp_path, tensors):
    torch.save(tensors, tmp_path / "w.pth")
    return tmp_path / "w.pth"


def test_mobilenet(tmp_path):
    network = torchvision.models.mobilenet_v2().eval()
    file = _saved(tmp_path, network.state_dict())
    card = REGISTRY["mobilenet_v2"]
    features = load_network(card, file, card.layers)(_batch())
    with torch.no_grad():
        expected = network.features(_batch()).mean(dim=(2, 3))
    assert features["L3"].shape == (3, 1280)
    torch.testing.assert_close(features["L3"], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("variant", [0, 1, 2])
def test_efficientnet_lite_with_renamed_tensors(tmp_path, variant):
    network = timm.create_model(f"tf_efficientnet_lite{variant}", pretrained=False).eval()
    stored = {name: value for name, value in network.state_dict().items() if "num_batches" not in name}
    file = _saved(tmp_path, {f"other.name.{index}": value for index, value in enumerate(stored.values())})
    card = REGISTRY[f"efficientnet_lite{variant}"]
    features = load_network(card, file, card.layers)(_batch())
    with torch.no_grad():
        expected = network.forward_features(_batch()).mean(dim=(2, 3))
    assert features["L3"].shape == (3, 1280)
    torch.testing.assert_close(features["L3"], expected, rtol=1e-5, atol=1e-6)


def test_any_timm_network(tmp_path):
    network = timm.create_model("resnet18", pretrained=False).eval()
    file = _saved(tmp_path, network.state_dict())
    card = Backbone(
        "resnet18.a1_in1k",
        "timm",
        "resnet18.a1_in1k",
        Weights("w.pth", "", ()),
        {"L3": Tap("", "output")},
        Preprocessing(64, 64, (0, 0, 0), (1, 1, 1)),
    )
    features = load_network(card, file, card.layers)(_batch())
    with torch.no_grad():
        expected = network.forward_features(_batch()).mean(dim=(2, 3))
    torch.testing.assert_close(features["L3"], expected, rtol=1e-5, atol=1e-6)


def test_weights_of_another_network_are_refused(tmp_path):
    card = REGISTRY["mobilenet_v2"]
    file = _saved(tmp_path, torchvision.models.resnet18().state_dict())
    with pytest.raises(BackboneError, match=r"w\.pth does not fit mobilenet_v2: ") as error:
        load_network(card, file, card.layers)
    assert "\n" not in str(error.value)
    lite = REGISTRY["efficientnet_lite0"]
    with pytest.raises(
        BackboneError, match=r"does not fit tf_efficientnet_lite0: it has 102 tensors, the network 247"
    ):
        load_network(lite, file, lite.layers)


def test_a_layer_is_kept_as_it_was_when_a_later_module_works_in_place():
    network = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(inplace=True), torch.nn.Linear(5, 2))
    taps = {"before": Tap("0", "output"), "after": Tap("1", "output"), "input": Tap("2", "input")}
    layers = LayerExtractor(network, taps)(torch.randn(50, 4))
    assert (layers["before"] < 0).any()
    torch.testing.assert_close(layers["after"], layers["before"].relu())
    torch.testing.assert_close(layers["input"], layers["after"])


def test_a_layer_that_is_not_there():
    with pytest.raises(BackboneError, match=r"layer L1 names the module 'features\.99'"):
        LayerExtractor(torchvision.models.mobilenet_v2(), {"L1": Tap("features.99", "output")})


@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_rows_come_in_order_whatever_the_batch(batch_size):
    images = [png((10 * index, 0, 0), (4, 4)) for index in range(11)]
    network = torch.nn.Flatten()
    rows = extract_features(
        LayerExtractor(network, {"L3": Tap("", "output")}),
        images,
        lambda data: Image.open(io.BytesIO(data)).convert("RGB"),
        Preprocessing(2, 2, (0, 0, 0), (1, 1, 1)),
        device=torch.device("cpu"),
        batch_size=batch_size,
    )
    features = np.concatenate([block["L3"] for block in rows])
    assert features.shape == (11, 12)
    np.testing.assert_allclose(features[:, 0] * 255, 10 * np.arange(11), atol=1e-4)
