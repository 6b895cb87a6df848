"""Networks newer than the published comparison, from timm. L3 is what timm gives without a classifier.

convnext_base: global average pool, then layer norm. Trained on ImageNet-22k, then on ImageNet-1k.
dinov2_*: the class token after the last layer norm. The input is 518 x 518 pixels, the whole shorter side, as in
  timm's configuration of these weights; 37 x 37 patches of 14 pixels, as the position embedding has them.
clip_*: the class token after the last layer norm, before the projection into the space shared with texts (768
  and 1024 numbers; projected they would be 512 and 768). OpenAI trained them with QuickGELU, an approximation of
  GELU, so the quickgelu variants of timm are taken. Preprocessing is OpenAI's own, the whole shorter side resized
  to 224; timm's configuration of B/32 would cut off a tenth.
"""

from stages.backbones.card import Preprocessing
from stages.registry.entries import IMAGENET, Registered, hub_weights, last_layer, timm_entry


def _dinov2(name: str, variant: str, size: int) -> Registered:
    tagged = f"{variant}.lvd142m"
    return timm_entry(
        name,
        tagged,
        hub_weights(f"timm/{tagged}"),
        last_layer(size),
        Preprocessing(518, 518, interpolation="bicubic", **IMAGENET),
        origin=f"Meta AI; hub timm/{tagged}",
        licence="Apache-2.0",
    )


def _clip(name: str, variant: str, size: int) -> Registered:
    repository = f"timm/{variant}_clip_224.openai"
    return timm_entry(
        name,
        f"{variant}_clip_quickgelu_224.openai",
        hub_weights(repository),
        last_layer(size),
        Preprocessing(
            224,
            224,
            mean=(0.48145466, 0.4578275, 0.40821073),
            std=(0.26862954, 0.26130258, 0.27577711),
            interpolation="bicubic",
        ),
        origin=f"OpenAI; hub {repository}",
        licence="MIT (OpenAI); Apache-2.0 as timm states",
    )


MODERN = (
    timm_entry(
        "convnext_base",
        "convnext_base.fb_in22k_ft_in1k",
        hub_weights("timm/convnext_base.fb_in22k_ft_in1k"),
        last_layer(1024),
        Preprocessing(256, 224, interpolation="bicubic", **IMAGENET),
        origin="Meta AI; hub timm/convnext_base.fb_in22k_ft_in1k",
    ),
    _dinov2("dinov2_vits14", "vit_small_patch14_dinov2", 384),
    _dinov2("dinov2_vitl14", "vit_large_patch14_dinov2", 1024),
    _clip("clip_vit_b32", "vit_base_patch32", 768),
    _clip("clip_vit_l14", "vit_large_patch14", 1024),
)
