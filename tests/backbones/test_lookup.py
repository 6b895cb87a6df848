"""From names to cards."""

import pytest

from stages.backbones.card import HubSource, Tap, UrlSource
from stages.backbones.lookup import find_backbone
from stages.backbones.registry import REGISTRY
from stages.errors import BackboneError


def test_registered_names():
    assert find_backbone("efficientnet_lite0") is REGISTRY["efficientnet_lite0"]


@pytest.mark.parametrize(
    ("name", "layer"),
    [("resnet18", "fc"), ("vgg11", "classifier.6"), ("convnext_tiny", "classifier.2"), ("swin_t", "head")],
)
def test_any_torchvision_name_gives_what_enters_its_classifier(name, layer):
    card = find_backbone(name)
    assert card.library == "torchvision"
    assert card.layers == {"L3": Tap(layer, "input")}
    (source,) = card.weights.sources
    assert isinstance(source, UrlSource) and source.url.endswith(card.weights.file)
    assert card.weights.sha256 == ""
    assert card.preprocessing.mean == (0.485, 0.456, 0.406)


def test_any_timm_name():
    card = find_backbone("resnet18.a1_in1k")
    assert (card.library, card.architecture) == ("timm", "resnet18.a1_in1k")
    assert card.weights.sources == (HubSource("timm/resnet18.a1_in1k", "model.safetensors"),)
    assert (card.preprocessing.resize, card.preprocessing.crop) == (235, 224)
    assert card.preprocessing.interpolation == "bicubic"


@pytest.mark.parametrize(
    ("name", "near"),
    [("mobilnet_v2", "mobilenet_v2"), ("efficientnetlite0", "efficientnet_lite0"), ("resnet_50", "resnet50")],
)
def test_an_unknown_name_is_answered_with_near_ones(name, near):
    with pytest.raises(BackboneError, match=rf"no backbone is called '{name}'; did you mean .*{near}"):
        find_backbone(name)


def test_a_name_like_no_other_is_answered_with_the_registered_ones():
    with pytest.raises(BackboneError, match="known are mobilenet_v2, efficientnet_lite0"):
        find_backbone("#?!")
