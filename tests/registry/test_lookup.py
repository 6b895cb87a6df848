"""From names to cards."""

import pytest
import timm

from stages.backbones.card import HubSource, Tap, UrlSource
from stages.core.errors import BackboneError
from stages.core.layer_names import CLASSES
from stages.registry import REGISTRY
from stages.registry.lookup import find_backbone


def test_registered_names():
    assert find_backbone("efficientnet_lite0") is REGISTRY["efficientnet_lite0"]


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("resnet18", "fc"),
        ("vgg11", "classifier.6"),
        ("swin_t", "head"),
        ("convnext_tiny", "classifier.2"),
        ("googlenet", "fc"),
    ],
)
def test_any_torchvision_name_gives_what_enters_its_classifier_and_what_leaves_it(name, layer):
    card = find_backbone(name)
    assert card.library == "torchvision"
    assert card.layers == {"L3": Tap(layer, "input"), CLASSES: Tap(layer, "output")}
    (source,) = card.weights.sources
    assert isinstance(source, UrlSource) and source.url.endswith(card.weights.file)
    assert len(card.weights.sha256) == 8 and card.weights.file.endswith(f"-{card.weights.sha256}.pth")
    assert card.preprocessing.mean == (0.485, 0.456, 0.406)


def test_a_torchvision_network_without_a_linear_classifier():
    with pytest.raises(BackboneError, match=r"^backbone 'squeezenet1_0' does not end in a linear classifier"):
        find_backbone("squeezenet1_0")


def test_any_timm_name():
    card = find_backbone("resnet18.a1_in1k")
    assert (card.library, card.architecture) == ("timm", "resnet18.a1_in1k")
    assert card.weights.sources == (HubSource("timm/resnet18.a1_in1k", "model.safetensors"),)
    assert (card.preprocessing.resize, card.preprocessing.crop) == (235, 224)
    assert card.preprocessing.interpolation == "bicubic"


def test_a_timm_name_whose_weights_are_not_on_the_hub():
    card = find_backbone("legacy_seresnet18")
    assert card.weights.sources == (UrlSource(timm.get_pretrained_cfg("legacy_seresnet18").url),)
    assert card.weights.file == "seresnet18-4bb0ce65.pth"
    assert card.weights.sha256 == "", "timm's addresses promise no digest"


def test_a_hub_file_that_is_called_otherwise_keeps_its_suffix(monkeypatch):
    config = timm.get_pretrained_cfg("resnet18.a1_in1k")
    monkeypatch.setattr(config, "hf_hub_filename", "pytorch_model.bin")
    monkeypatch.setattr(timm, "get_pretrained_cfg", lambda *_, **__: config)
    weights = find_backbone("resnet18.a1_in1k").weights
    assert weights.sources == (HubSource("timm/resnet18.a1_in1k", "pytorch_model.bin"),)
    assert weights.file == "timm--resnet18.a1_in1k--pytorch_model.bin"


@pytest.mark.parametrize(
    "change", [{"input_size": (1, 224, 224)}, {"input_size": (3, 64, 32)}, {"crop_mode": "border"}]
)
def test_inputs_that_cannot_be_made_are_refused(monkeypatch, change):
    config = timm.get_pretrained_cfg("resnet18.a1_in1k")
    for key, value in change.items():
        monkeypatch.setattr(config, key, value)
    monkeypatch.setattr(timm, "get_pretrained_cfg", lambda *_, **__: config)
    with pytest.raises(
        BackboneError, match=r"^backbone 'resnet18.a1_in1k' takes . x .* only square colour inputs"
    ):
        find_backbone("resnet18.a1_in1k")


def test_a_timm_network_without_weights():
    name = next(name for name in timm.list_models() if not timm.models.is_model_pretrained(name))
    with pytest.raises(BackboneError, match=f"'{name}'"):
        find_backbone(name)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("mobilnet_v2", "mobilenet_v2"),
        ("efficientnetlite0", "efficientnet_lite0"),
        ("resnet_50", "resnet50"),
        ("vgg61", "vgg16"),
        ("resnet18.a1_in2k", "resnet18.a1_in1k"),
    ],
)
def test_an_unknown_name_is_answered_with_near_ones(name, near):
    with pytest.raises(BackboneError, match=rf"no backbone is called '{name}'; did you mean .*{near}"):
        find_backbone(name)


def test_a_name_like_no_other_is_answered_with_the_registered_ones():
    with pytest.raises(BackboneError, match="known are mobilenet_v2, efficientnet_lite0"):
        find_backbone("#?!")
