"""Which text tower belongs to which image tower: OpenCLIP and timm agree with the table."""

import pytest
import timm

from stages.backbones.card import HubSource
from stages.backbones.text_tower import HEAD
from stages.registry import REGISTRY
from stages.registry.lookup import find_backbone
from stages.registry.text_towers import find_text_tower, read_text_towers


def test_the_registered_clip_models_have_one_and_other_backbones_do_not():
    with_tower = {name: tower for name, card in REGISTRY.items() if (tower := find_text_tower(card))}
    assert {name: tower.architecture for name, tower in with_tower.items()} == {
        "clip_vit_b32": "ViT-B-32-quickgelu",
        "clip_vit_l14": "ViT-L-14-quickgelu",
    }
    (source,) = with_tower["clip_vit_b32"].weights.sources
    assert source == HubSource("timm/vit_base_patch32_clip_224.openai", "open_clip_model.safetensors")


def test_any_timm_name_of_a_clip_model_has_one():
    tower = find_text_tower(find_backbone("vit_base_patch32_clip_224.laion2b"))
    assert tower.architecture == "ViT-B-32"
    assert tower.weights.sources[0].repository == "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
    assert find_text_tower(find_backbone("vit_base_patch32_clip_224.laion2b_ft_in1k")) is None, "its space is lost"


@pytest.mark.parametrize("repository", read_text_towers())
def test_openclip_knows_the_model_and_timm_its_projection(repository):
    """Each is a model whose text tower sees only what comes before, and has the tokenizer that OpenCLIP ships."""
    open_clip = pytest.importorskip("open_clip", reason="open_clip_torch, the extra clip, is not installed")
    tower = read_text_towers()[repository]
    config = open_clip.get_model_config(tower.architecture)
    assert config["text_cfg"].keys() <= {"context_length", "vocab_size", "width", "heads", "layers"}
    (source,) = tower.weights.sources
    pretrained = open_clip.pretrained._PRETRAINED[tower.architecture].values()
    assert f"{source.repository}/" in [weights["hf_hub"] for weights in pretrained]
    native = [weights for weights in pretrained if weights["hf_hub"] == f"{source.repository}/"]
    assert all(weights.get("quick_gelu", False) == config.get("quick_gelu", False) for weights in native)
    of_timm = timm.get_pretrained_cfg(repository.removeprefix("timm/"))
    assert (of_timm.hf_hub_id, of_timm.classifier) == (repository, HEAD)
    assert of_timm.num_classes == config["embed_dim"]


def test_the_templates_are_those_that_openai_selected():
    open_clip = pytest.importorskip("open_clip", reason="open_clip_torch, the extra clip, is not installed")
    expected = tuple(template("{}") for template in open_clip.SIMPLE_IMAGENET_TEMPLATES)
    assert {tower.templates for tower in read_text_towers().values()} == {expected}
