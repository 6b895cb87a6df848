"""From a CLIP model's text tower to a classifier; needs the extra `clip`, OpenCLIP."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from stages.backbones.card import Backbone, Tap, TextTower, ZeroShotClassifier
from stages.backbones.network import load_network, load_tensors
from stages.backbones.zero_shot import encode_embeddings
from stages.core.errors import BackboneError, one_line
from stages.core.layer_names import CLASSES

HEAD = "head"  # the module of timm's vision transformers in which the projection of CLIP is
_AT_ONCE = 256  # texts
# An image tower that is not asked for anything: the smallest that OpenCLIP builds.
_NO_IMAGES = {"layers": 1, "width": 64, "patch_size": 8, "image_size": 8}


def with_classifier(
    card: Backbone,
    image_weights: Path,
    tower: TextTower,
    text_weights: Path,
    words: Sequence[str],
    report: Callable[[str], None],
) -> Backbone:
    """Return the card with a classifier for the `words`, and the layer of its scores.

    Raises `BackboneError` where the two files are not of one checkpoint, or one of them is damaged.
    """
    tensors = load_tensors(text_weights)
    _check_same_projection(load_tensors(image_weights), tensors, image_weights, text_weights)
    model = _text_tower(tower, tensors, text_weights)
    report(f"{tower.architecture}: embedding {len(words):,} words in {len(tower.templates)} templates each")
    embeddings = embed_words(model, _tokenizer(tower), words, tower.templates)
    classifier = ZeroShotClassifier(tower, model.logit_scale.exp().item(), encode_embeddings(embeddings.numpy()))
    layers = {**card.layers, "L3": Tap(HEAD, "input"), CLASSES: Tap(HEAD, "output")}
    card = replace(card, layers=layers, classifier=classifier)
    load_network(card, image_weights)
    return card


def check_installed() -> None:
    """Raises `BackboneError` where OpenCLIP is not installed."""
    try:
        import open_clip  # noqa: F401
    except ImportError:
        raise BackboneError("its text tower needs the extra: pip install 'manyviews[clip]'") from None


def check_text_tower(tower: TextTower, file: Path) -> None:
    """Raises `BackboneError` when the file is damaged or belongs to another model."""
    _text_tower(tower, load_tensors(file), file)


def _text_tower(tower: TextTower, tensors: dict[str, torch.Tensor], file: Path) -> Any:
    """OpenCLIP's model without its image tower, in float64."""
    import open_clip

    config = open_clip.get_model_config(tower.architecture)
    if config is None:
        raise BackboneError(
            f"OpenCLIP {open_clip.__version__} has no model {tower.architecture!r}; install a newer one"
        )
    quick_gelu = config.get("quick_gelu", False)
    model: Any = open_clip.CLIP(config["embed_dim"], _NO_IMAGES, config["text_cfg"], quick_gelu=quick_gelu)
    model.visual = nn.Identity()
    try:
        model.load_state_dict({name: value for name, value in tensors.items() if not name.startswith("visual.")})
    except RuntimeError as error:
        raise BackboneError(f"{file} does not fit {tower.architecture}: {one_line(error)}") from None
    return model.eval().requires_grad_(False).double()


def embed_words(
    model: Any, tokenizer: Callable[[list[str]], torch.Tensor], words: Sequence[str], templates: Sequence[str]
) -> torch.Tensor:
    """The mean embedding of each word in all templates, float64 (words, d), rows of length 1.

    Each text's embedding has length 1 before the mean, and the mean after it (Radford et al. 2021, section 3.1.4).
    Texts are cut where they end, after nine tokens on average instead of 77, which saves most of the time; no
    token sees those after it. `model` is of no use for longer texts afterwards.
    """
    tokens = tokenizer([template.format(word) for word in words for template in templates])
    lengths = tokens.argmax(dim=1) + 1  # the token that ends a text has the highest number
    positions, mask = model.positional_embedding, model.attn_mask
    embeddings = torch.empty(len(tokens), model.text_projection.shape[1], dtype=torch.float64)
    for rows in lengths.argsort(stable=True).split(_AT_ONCE):
        longest = int(lengths[rows].max())
        model.positional_embedding = nn.Parameter(positions[:longest], requires_grad=False)
        model.attn_mask = mask[:longest, :longest]
        embeddings[rows] = model.encode_text(tokens[rows, :longest], normalize=True)
    return nn.functional.normalize(embeddings.unflatten(0, (len(words), -1)).mean(dim=1), dim=1)


def _tokenizer(tower: TextTower) -> Callable[[list[str]], torch.Tensor]:
    import open_clip

    tokenizer: Callable[[list[str]], torch.Tensor] = open_clip.get_tokenizer(tower.architecture)
    return tokenizer


def _check_same_projection(
    images: dict[str, torch.Tensor], both: dict[str, torch.Tensor], image_weights: Path, text_weights: Path
) -> None:
    """Both files have the projection of images into the space of the texts, timm's as `head`, a linear layer."""
    ours, theirs = images.get(f"{HEAD}.weight"), both.get("visual.proj")
    if ours is None or theirs is None:
        file, name = (image_weights, f"{HEAD}.weight") if ours is None else (text_weights, "visual.proj")
        raise BackboneError(f"{file} has no {name}, the projection of images into the space of texts")
    # One of them may have been rounded to half precision.
    if ours.shape != theirs.T.shape or not torch.allclose(ours.float(), theirs.T.float(), rtol=1e-2, atol=1e-4):
        raise BackboneError(f"{text_weights} is of another checkpoint than {image_weights}; remove the wrong one")
