"""Every registered backbone is complete, agrees with the libraries, and stays what it was."""

import hashlib
from dataclasses import asdict

import pytest
import timm
import torchvision

from stages.backbones.card import Backbone, HubSource, UrlSource, WheelSource
from stages.core.errors import BackboneError
from stages.registry import CATALOGUE, REGISTRY
from stages.registry.entries import read_entries

OF_TORCHVISION = [name for name, card in REGISTRY.items() if card.library == "torchvision"]
OF_TIMM = [name for name, card in REGISTRY.items() if card.library == "timm" and card.weights.match == "name"]


def test_the_backbones_of_the_published_experiments_and_the_modern_ones_are_there():
    three_layers = {"vgg16", "vgg19", "inception_v3", "xception", "resnet50"}
    three_layers |= {"mobilenet_v2", "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"}
    one_layer = {"densenet121", "densenet169", "densenet201", "inception_resnet_v2", "nasnetalarge"}
    assert list(REGISTRY["pixels"].layers) == ["L1", "L2", "L3"]
    modern = {"convnext_base", "dinov2_vits14", "dinov2_vitl14", "clip_vit_b32", "clip_vit_l14"}
    for name in three_layers:
        assert list(REGISTRY[name].layers) == ["L1", "L2", "L3"]
    for name in one_layer | modern:
        assert list(REGISTRY[name].layers) == ["L3"]


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
    """Or everybody's features would be computed again. Digests of the JSON, with the layers L1 to L3."""
    first = {
        "mobilenet_v2": "20566b6875917c7c821ea8046969bf74f5c312007e29566b845057b4715ec28e",
        "efficientnet_lite0": "05152e92b0ae7b89921ec297d9668a855ad9cae8a17778ef00bf1f7afd47c054",
        "efficientnet_lite1": "4c74bd2a8e352c696fb756e2ecdee072239544f56a0302ca4fb8070df55fdf09",
        "efficientnet_lite2": "d936d868d76be021957928f8c60542476e34b836ef5ab4d118374a94855c8009",
    }
    assert {name: hashlib.sha256(REGISTRY[name].to_json().encode()).hexdigest() for name in first} == first
    assert all(isinstance(REGISTRY[name].weights.sources[0], WheelSource) for name in first)


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
