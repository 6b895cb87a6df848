"""A small CLIP model of random weights, written by OpenCLIP itself, and its image tower as timm keeps it."""

import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from stages.backbones.card import Backbone, HubSource, Preprocessing, Tap, TextTower

TOWER, TIMM = "tiny-clip", "vit_xsmall_patch16_clip_224"  # OpenCLIP's name of the model, timm's of its image tower
TEMPLATES = ("a photo of the {}.", "{}!")
LOG_SCALE = 4.25
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
CONFIGURATION = {
    "embed_dim": 512,
    "vision_cfg": {"image_size": 224, "layers": 10, "width": 256, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2},
}


def write_clip(folder: Path) -> tuple[Backbone, TextTower, Any]:
    """Write both files into folder/data/weights, as two repositories of the hub; return card, tower and model.

    The model is OpenCLIP's, in float64.
    """
    import open_clip
    import timm
    from timm.models.vision_transformer import checkpoint_filter_fn

    torch.manual_seed(0)
    (folder / f"{TOWER}.json").write_text(json.dumps(CONFIGURATION), encoding="utf-8")
    open_clip.add_model_config(folder / f"{TOWER}.json")
    model = open_clip.CLIP(**CONFIGURATION)
    with torch.no_grad():
        model.token_embedding.weight *= 50  # or all texts would be nearly one; that is also why they end in zeros
        model.token_embedding.weight[-1] = 0
        model.logit_scale.fill_(LOG_SCALE)
    images, texts = HubSource("timm/tiny"), HubSource("someone/tiny", "open_clip_model.safetensors")
    whole = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    _save(whole, folder / "data/weights/someone/tiny/open_clip_model.safetensors")
    of_timm = timm.create_model(TIMM, num_classes=512)
    of_timm.load_state_dict(checkpoint_filter_fn(whole, of_timm))
    _save(of_timm.state_dict(), folder / "data/weights/timm/tiny/model.safetensors")
    card = Backbone(
        name="clip",
        library="timm",
        architecture=f"{TIMM}.tinyclip_yfcc15m",
        weights=images.weights(),
        layers={"L3": Tap("", "output")},
        preprocessing=Preprocessing(224, 224, MEAN, STD, "bicubic"),
    )
    return card, TextTower(TOWER, texts.weights(), TEMPLATES), model.eval().double()


def _save(tensors: dict[str, torch.Tensor], file: Path) -> None:
    file.parent.mkdir(parents=True)
    safetensors.torch.save_file(tensors, file)
