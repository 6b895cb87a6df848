"""The layers of every registered network: their sizes, and their values with random weights.

The values are compared with forward passes written out in reference.py, without hooks.
"""

import re
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision

from stages.backbones.card import Tap
from stages.backbones.network import LayerNetwork, load_network
from stages.core.errors import BackboneError
from stages.registry import CATALOGUE, REGISTRY
from tests.backbones import reference

# Channels, rows, columns of each layer: Guerin et al. (2021), Table 2.
TABLE = {
    "vgg16": {"L1": (512, 7, 7), "L2": (4096,), "L3": (4096,)},
    "vgg19": {"L1": (512, 7, 7), "L2": (4096,), "L3": (4096,)},
    "inception_v3": {"L1": (768, 17, 17), "L2": (2048, 8, 8), "L3": (2048,)},
    "xception": {"L1": (1024, 10, 10), "L2": (2048, 10, 10), "L3": (2048,)},
    "resnet50": {"L1": (1024, 14, 14), "L2": (512, 7, 7), "L3": (2048,)},
    # Not in that table, but by its rule.
    "mobilenet_v2": {"L1": (320, 7, 7), "L2": (1280, 7, 7), "L3": (1280,)},
    "efficientnet_lite0": {"L1": (320, 7, 7), "L2": (1280, 7, 7), "L3": (1280,)},
    "efficientnet_lite1": {"L1": (320, 8, 8), "L2": (1280, 8, 8), "L3": (1280,)},
    "efficientnet_lite2": {"L1": (352, 9, 9), "L2": (1280, 9, 9), "L3": (1280,)},
}


def _network(card):
    """The library's own network, with a classifier, in evaluation mode."""
    if card.library == "manyviews":
        return torch.nn.Identity()
    if card.library == "timm":
        return timm.create_model(card.architecture, pretrained=False).eval()
    quick = {"init_weights": False} if card.architecture == "inception_v3" else {}
    return torchvision.models.get_model(card.architecture, weights=None, **quick).eval()


def _random_network(card):
    """`_network` with random weights that neither drown the image in depth nor let normalisations do nothing."""
    generator = torch.Generator().manual_seed(0)
    network = _network(card)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
        elif isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5, generator=generator)
            torch.nn.init.normal_(module.bias, 0, 0.3, generator=generator)
    for name, value in network.named_parameters():
        if name.endswith("gamma"):  # the scale of a residual branch, next to nothing before training
            torch.nn.init.uniform_(value, 0.5, 1, generator=generator)
    return network.requires_grad_(False)


def _pixels(card):
    """Two images of large random squares: fine noise would be averaged away in the first layers."""
    side = card.preprocessing.crop
    squares = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    return squares.repeat(side // 8 + 1, axis=1).repeat(side // 8 + 1, axis=2)[:, :side, :side]


def _ours(monkeypatch, card, tensors, layers):
    """The output for `_pixels`, by layer, of the network loaded from a file with these tensors."""
    monkeypatch.setattr("stages.backbones.network.load_tensors", lambda _: dict(tensors))
    network = LayerNetwork(load_network(card, Path("weights of the test")), layers, card.preprocessing)
    with torch.inference_mode():
        return dict(zip(layers, network(torch.from_numpy(_pixels(card))), strict=True))


def _normalised(card):
    values = torch.from_numpy(_pixels(card)).double().permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(v, dtype=torch.double) for v in (card.preprocessing.mean, card.preprocessing.std))
    return ((values - mean[:, None, None]) / std[:, None, None]).float()


def _assert_close(ours, expected, tolerance=1e-5):
    assert ours.shape == expected.shape
    scale = expected.abs().max()
    assert (expected[0] - expected[1]).abs().max() > 0.01 * scale, "else the images would be all the same to it"
    torch.testing.assert_close(ours / scale, expected / scale, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", CATALOGUE)
def test_sizes(name):
    """On the meta device, which computes shapes and nothing else; the hooks are the test's own."""
    entry, seen = CATALOGUE[name], {}
    with torch.device("meta"):
        network = _network(entry.card)
        if entry.card.library == "timm" and entry.card.weights.match == "name":
            network.reset_classifier(0)
        for layer, tap in entry.card.layers.items():
            module = network.get_submodule(tap.module)

            def keep(_, inputs, output, layer=layer, tap=tap):
                seen[layer] = tuple((inputs[0] if tap.side == "input" else output).shape)

            module.register_forward_hook(keep)
        network(torch.empty(1, 3, entry.card.preprocessing.crop, entry.card.preprocessing.crop))
    assert {layer: int(np.prod(shape)) for layer, shape in seen.items()} == entry.dimensions
    for layer, shape in TABLE.get(name, {}).items():
        assert tuple(side for side in seen[layer][1:] if side > 1) == shape


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_vgg(monkeypatch, name):
    card = REGISTRY[name]
    tensors = _random_network(card).state_dict()
    taps = card.layers | {"before": Tap("classifier.0", "output")}
    ours = _ours(monkeypatch, card, tensors, taps)
    expected = reference.vgg(name, tensors, _normalised(card))
    for layer in taps:
        _assert_close(ours[layer], expected[layer])
    assert (ours["before"] < 0).any(), "torchvision's ReLU, which works in place, has not changed what was kept"
    assert (ours["L2"] >= 0).all()


def test_resnet50(monkeypatch):
    card = REGISTRY["resnet50"]
    tensors = _random_network(card).state_dict()
    taps = card.layers | {"before": Tap("layer4.2.bn1", "output")}
    ours = _ours(monkeypatch, card, tensors, taps)
    expected = reference.resnet50(tensors, _normalised(card))
    for layer in taps:
        _assert_close(ours[layer], expected[layer])
    assert ours["L2"].shape == (2, 512 * 7 * 7), "the inner activation, not the block's output"
    assert (ours["before"] < 0).any()
    torch.testing.assert_close(ours["before"].relu(), ours["L2"])


def test_inception_v3(monkeypatch):
    card = REGISTRY["inception_v3"]
    network = _random_network(card)
    ours = _ours(monkeypatch, card, network.state_dict(), card.layers)
    # The weights are TensorFlow's: the network must turn torchvision's mean and std back into these values.
    plain = torch.from_numpy(_pixels(card)).permute(0, 3, 1, 2) / 127.5 - 1
    expected = reference.inception_v3(network, plain)
    for layer in card.layers:
        _assert_close(ours[layer], expected[layer])


def test_xception(monkeypatch):
    card = REGISTRY["xception"]
    network = _random_network(card)
    ours = _ours(monkeypatch, card, network.state_dict(), card.layers)
    expected = reference.xception(network, _normalised(card))
    for layer in card.layers:
        _assert_close(ours[layer], expected[layer])


LIGHT = {
    "mobilenet_v2": reference.mobilenet_v2,
    "efficientnet_lite0": reference.efficientnet_lite,
    "efficientnet_lite2": reference.efficientnet_lite,
}


@pytest.mark.parametrize(("name", "forward"), LIGHT.items())
def test_light(monkeypatch, name, forward):
    card = REGISTRY[name]
    network = _random_network(card)
    ours = _ours(monkeypatch, card, network.state_dict(), card.layers)
    expected = forward(network, _normalised(card))
    for layer in card.layers:
        _assert_close(ours[layer], expected[layer], tolerance=1e-4)  # ReLU6 lets rounding errors through or not
    assert (ours["L1"] < 0).any(), "the last block ends in a sum or a normalisation, not in an activation"
    assert (ours["L2"] >= 0).all() and (ours["L2"] <= 6).all(), "ReLU6"


LAST = {
    "densenet121": reference.densenet,
    "dinov2_vits14": reference.class_token,
    "clip_vit_b32": reference.class_token,
}
LAST_OF_LARGE = {
    "densenet169": reference.densenet,
    "densenet201": reference.densenet,
    "inception_resnet_v2": reference.pooled,
    "nasnetalarge": reference.pooled,
    "convnext_base": reference.convnext,
    "dinov2_vitl14": reference.class_token,
    "clip_vit_l14": reference.class_token,
}


@pytest.mark.parametrize(
    ("name", "forward"),
    [*LAST.items(), *(pytest.param(*item, marks=pytest.mark.slow) for item in LAST_OF_LARGE.items())],
)
def test_last_layer(monkeypatch, name, forward):
    card = REGISTRY[name]
    network = _random_network(card)
    ours = _ours(monkeypatch, card, network.state_dict(), card.layers)
    _assert_close(ours["L3"], forward(network, _normalised(card))["L3"])


def test_the_published_files_of_densenet_have_dots_within_names(monkeypatch):
    card = REGISTRY["densenet121"]
    tensors = _random_network(card).state_dict()
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", name): value for name, value in tensors.items()}
    assert "features.denseblock4.denselayer16.norm.2.running_mean" in old
    ours = _ours(monkeypatch, card, old, card.layers)
    torch.testing.assert_close(ours, _ours(monkeypatch, card, tensors, card.layers))


def test_clip_is_openais_with_its_own_activation():
    """QuickGELU is x * sigmoid(1.702 x); with GELU the weights give other features."""
    with torch.device("meta"):
        block = _network(REGISTRY["clip_vit_b32"]).blocks[0]
    x = torch.linspace(-3, 3, 50)
    torch.testing.assert_close(block.mlp.act(x), x * torch.sigmoid(1.702 * x))


@pytest.mark.parametrize("name", ["densenet121", "xception"])
@pytest.mark.parametrize("wrong", ["a tensor is missing", "a tensor has another name"])
def test_every_tensor_must_find_its_place(monkeypatch, name, wrong):
    """timm, asked for a network without a classifier, would leave the rest random."""
    card = REGISTRY[name]
    tensors = _network(card).state_dict()
    key = next(key for key in tensors if key.endswith("weight"))
    value = tensors.pop(key)
    if wrong == "a tensor has another name":
        tensors["elsewhere"] = value
    with pytest.raises(
        BackboneError, match=rf"weights of the test does not fit {card.architecture}: .*{key}"
    ) as error:
        _ours(monkeypatch, card, tensors, card.layers)
    assert "\n" not in str(error.value)
