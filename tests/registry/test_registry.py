"""Every registered backbone is complete, agrees with the libraries, and stays what it was."""

import hashlib
import json
import warnings
from dataclasses import asdict

import pytest
import timm
import torch
import torchvision

from stages.backbones.card import Backbone, HubSource, UrlSource, WheelSource
from stages.backbones.network import class_words
from stages.core.errors import BackboneError
from stages.core.layer_names import CLASSES
from stages.core.seal import unsealed_json
from stages.registry import CATALOGUE, REGISTRY
from stages.registry.entries import read_entries

OF_TORCHVISION = [name for name, card in REGISTRY.items() if card.library == "torchvision"]
OF_TIMM = [name for name, card in REGISTRY.items() if card.library == "timm" and card.weights.match == "name"]


def test_the_backbones_of_the_published_experiments_and_the_modern_ones_are_there():
    def views(name):
        return [layer for layer in REGISTRY[name].layers if layer != CLASSES]

    three_layers = {"vgg16", "vgg19", "inception_v3", "xception", "resnet50"}
    three_layers |= {"mobilenet_v2", "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"}
    one_layer = {"densenet121", "densenet169", "densenet201", "inception_resnet_v2", "nasnetalarge"}
    assert views("pixels") == ["L1", "L2", "L3"]
    modern = {"convnext_base", "dinov2_vits14", "dinov2_vitl14", "clip_vit_b32", "clip_vit_l14"}
    for name in three_layers:
        assert views(name) == ["L1", "L2", "L3"]
    for name in one_layer | modern:
        assert views(name) == ["L3"]


@pytest.mark.parametrize("name", CATALOGUE)
def test_entries_are_complete(name):
    entry = CATALOGUE[name]
    assert entry.card.name == name
    assert Backbone.from_json(entry.card.to_json()) == entry.card
    assert entry.dimensions.keys() == entry.card.layers.keys()
    assert entry.licence and entry.origin
    assert not {"licence", "origin", "dimensions"} & asdict(entry.card).keys(), "facts that decide no feature"


@pytest.mark.parametrize("name", CATALOGUE)
def test_weights_are_pinned_as_far_as_their_digests_are_known(name):
    weights = REGISTRY[name].weights
    if isinstance(weights.sources[0], HubSource):
        assert weights.sha256 == ""
        assert weights.file == f"{weights.sources[0].repository.replace('/', '--')}--model.safetensors"
    else:
        # The file names carry the first digits of their digests; so does no other file.
        assert weights.sha256[:8] in weights.file
        assert all(s.url.endswith(f"/{weights.file}") for s in weights.sources if isinstance(s, UrlSource))
    assert len({card.weights.file for card in REGISTRY.values()}) == len(REGISTRY)


@pytest.mark.parametrize("name", OF_TORCHVISION)
def test_torchvision_names_the_same_files(name):
    weights = torchvision.models.get_model_weights(REGISTRY[name].architecture).IMAGENET1K_V1
    assert weights.url in [s.url for s in REGISTRY[name].weights.sources if isinstance(s, UrlSource)]


@pytest.mark.parametrize("name", OF_TIMM)
def test_timm_names_the_same_files_and_licences(name):
    entry = CATALOGUE[name]
    config = timm.get_pretrained_cfg(entry.card.architecture, allow_unregistered=False).to_dict()
    (source,) = entry.card.weights.sources
    assert (
        source.repository == config["hf_hub_id"] if isinstance(source, HubSource) else source.url == config["url"]
    )
    assert not config.get("hf_hub_filename"), "then the hub's file is called otherwise"
    if config.get("license"):  # timm began to say so in 1.0.16
        assert config["license"].lower() in entry.licence.lower()


def test_cards_of_the_first_backbones_have_not_changed_by_a_byte():
    """Or everybody's features would be computed again. Digests of the JSON, with L1 to L3 and the class scores."""
    first = {
        "mobilenet_v2": "7beb6eb885148714e43271af46c322c12a01d50097d88c10561b5ffc45728731",
        "efficientnet_lite0": "3e490bed383cba0d8413d4231fed4f9b916d9820ad1e2438f6eb9053c5f26421",
        "efficientnet_lite1": "18e9c4e74aae88c0e52c0cf177d7da8228d414d5970791448eafca32c54a873d",
        "efficientnet_lite2": "718239bdb1fbe0808f92bbd0a9dec70d5671f8b3a1df7caeaf92d2307341c40b",
    }
    found = {name: json.dumps(unsealed_json(REGISTRY[name].to_json()), indent=2) + "\n" for name in first}
    assert {name: hashlib.sha256(text.encode()).hexdigest() for name, text in found.items()} == first
    assert all(isinstance(REGISTRY[name].weights.sources[0], WheelSource) for name in first)


def test_the_scores_of_classes_are_what_leaves_a_head_of_the_thousand_classes():
    """Of networks whose head is built and loaded: torchvision's, and timm's whose weights are matched by order."""
    with_head = {
        n for n, card in REGISTRY.items() if card.library == "torchvision" or card.weights.match == "order"
    }
    assert {name for name, card in REGISTRY.items() if CLASSES in card.layers} == with_head
    for name in sorted(with_head):
        with torch.device("meta"), warnings.catch_warnings(action="ignore"):
            library = torchvision.models.get_model if name in OF_TORCHVISION else timm.create_model
            network = library(REGISTRY[name].architecture)
        head = network.get_submodule(REGISTRY[name].layers[CLASSES].module)
        (*_, last) = [module for module in head.modules() if isinstance(module, torch.nn.Linear)]
        assert last.out_features == CATALOGUE[name].dimensions[CLASSES] == len(class_words()) == 1000
        assert [*network.modules()][-1] is last, "nothing follows the head"


ENTRY = """
backbones:
  tiny:
    library: timm
    weights: {hub: timm/tiny}
    layers: {L3: ["", output, 8]}
    preprocessing: {resize: 8, crop: 8, mean: [0, 0, 0], std: [1, 1, 1]}
    licence: none
    origin: nobody
"""


def test_an_entry_needs_no_architecture_of_another_name(tmp_path):
    file = tmp_path / "backbones.yaml"
    file.write_text(ENTRY, encoding="utf-8")
    (entry,) = read_entries(file).values()
    assert entry.card.name == entry.card.architecture == "tiny"
    assert entry.dimensions == {"L3": 8}


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        ("output", "outptu", "side is 'outptu', not one of input, output"),
        ("timm\n", "keras\n", "library is 'keras', not one of torchvision, timm, manyviews"),
        ("licence: none", "license: none", "unexpected keyword argument 'license'"),
        ("hub: timm/tiny", "file: tiny.pth", "'sources'"),
        (", 8]}", "]}", "not enough values"),
    ],
)
def test_an_entry_that_makes_no_card_is_refused(tmp_path, right, wrong, reason):
    file = tmp_path / "backbones.yaml"
    file.write_text(ENTRY.replace(right, wrong), encoding="utf-8")
    with pytest.raises(BackboneError, match=rf"^backbones.yaml: the entry tiny is no backbone's \(.*{reason}"):
        read_entries(file)
