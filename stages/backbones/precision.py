"""In which precision a network computes, and whether bfloat16 keeps the features of images where they are."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from stages.backbones.extraction import Features, Recipe, ShardExtractor
from stages.core.layer_names import CLASSES
from stages.core.runlog import Timings

LEAST_COSINE = 0.999  # to the float32 features, mean over images
SAMPLE = 32  # images that are compared: a second or two of float32, and a mean that is sure to about 1e-4


def choose_precision(name: str, device: torch.device) -> str:
    """Return "fp32" or "bf16"; "auto" is bf16 where the device multiplies bfloat16 faster, else fp32.

    bf16 may be asked for anywhere; without hardware for it, it is slow.
    """
    if name != "auto":
        return name
    return "bf16" if _has_bf16(device) else "fp32"


def faithful_extractor(
    recipe: Recipe, make: Callable[[Recipe], ShardExtractor], encoded: Sequence[bytes]
) -> tuple[ShardExtractor, float]:
    """Return the extractor of a bf16 recipe, or that of fp32 if bf16 turns features too far; and the mean cosine.

    The cosine is that between both extractors' features of the encoded images, of the view where it is least.
    """
    reduced, exact = make(recipe), make(replace(recipe, precision="fp32", compiler="none"))
    ((_, features),) = reduced([(0, encoded)])
    ((_, expected),) = exact([(0, encoded)])
    cosine = min(value for layer, value in mean_cosines(features, expected).items() if layer != CLASSES)
    chosen = reduced if cosine >= LEAST_COSINE else exact
    chosen.timings = Timings()  # the comparison is not part of the work that they add up
    return chosen, cosine


def mean_cosines(features: Features, expected: Features) -> dict[str, float]:
    """Return for each layer the mean over images of the cosine between its vectors; 1 between two of zeros."""
    means = {}
    for layer in features:
        a, b = features[layer].astype(np.float64), expected[layer].astype(np.float64)
        products, lengths = (a * b).sum(axis=1), np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        both_zero = ~(a.any(axis=1) | b.any(axis=1))
        cosines = np.where(both_zero, 1.0, products / np.where(lengths > 0, lengths, 1))
        means[layer] = float(cosines.mean())
    return means


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # AVX-512 without the bf16 instructions emulates them, at half the speed of float32. A probe that is not
    # in this version of PyTorch, or not for this kind of CPU, counts as absent.
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported")
    return any(getattr(torch.cpu, probe, bool)() for probe in probes)
