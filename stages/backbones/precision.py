"""In which precision a network computes, and whether it keeps the images' neighbours where they are."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from stages.backbones.extraction import Features, Recipe, ShardExtractor
from stages.core.layer_names import CLASSES
from stages.core.runlog import Timings
from stages.core.seeds import evenly_spaced

SAMPLE = 64  # images that are compared, evenly drawn from the set: 2 to 4 s of float32 for the packaged networks
NEIGHBOURS = 10  # of each of them, among the others
LEAST_KEPT = 0.9  # the share of these that a faster way must find, too; half of the features find .84
WORTHWHILE = 512  # fewer images do not win back the seconds of the comparison


def precisions_to_try(name: str, n_images: int, device: torch.device) -> list[str]:
    """Return "bf16" and "fp32" in the order in which they are tried; a `name` other than "auto" is asked for.

    "auto" is float32 for few images. It depends on the number of images and the kind of device, never on a
    timing, so the same machine always chooses the same. bf16 may be asked for anywhere; without hardware for it,
    it is slow.
    """
    if name != "auto":
        return [name]
    return ["bf16", "fp32"] if n_images >= WORTHWHILE and has_bf16(device) else ["fp32"]


def sample_rows(n_images: int) -> list[int]:
    """The rows of the images that are compared: evenly spread, as image sets are often sorted by class."""
    rows: list[int] = evenly_spaced(n_images, SAMPLE).tolist()
    return rows


def faithful_extractor(
    recipes: Sequence[Recipe], make: Callable[[Recipe], ShardExtractor], encoded: Sequence[bytes]
) -> tuple[ShardExtractor, list[float]]:
    """Return the extractor of the first recipe that keeps the neighbours of the plain network in float32.

    If none does, that network itself is returned. Beside it are the shares that the recipes kept, as far as they
    were tried: of the encoded images, and of the view where it is least.
    """
    exact = make(replace(recipes[0], precision="fp32", compiler="none"))
    ((_, expected),) = exact([(0, encoded)])
    chosen, shares = exact, []
    for recipe in recipes:
        if recipe == exact.recipe:
            break
        faster = make(recipe)
        ((_, features),) = faster([(0, encoded)])
        shares.append(min(kept for layer, kept in neighbours_kept(features, expected).items() if layer != CLASSES))
        if shares[-1] >= LEAST_KEPT:
            chosen = faster
            break
    chosen.timings = Timings()  # the comparison is not part of the work that they add up
    return chosen, shares


def neighbours_kept(features: Features, expected: Features) -> dict[str, float]:
    """Return for each layer the share of the images' nearest neighbours by cosine that both arrays (n, d) have.

    Of few images it is the nearer half of the others that count. Cosines within 1e-6 are alike, and of neighbours
    alike the first ones are taken.
    """
    shares = {}
    for layer in features:
        a, b = (_nearest(rows[layer]) for rows in (features, expected))
        shares[layer] = float((a & b).sum() / max(1, b.sum()))
    return shares


def _nearest(rows: np.ndarray) -> np.ndarray:
    """For each row the nearest others, as bool (n, n)."""
    rows = rows.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    directions = rows / np.where(lengths > 0, lengths, 1)
    cosines = np.round(directions @ directions.T, 6)
    np.fill_diagonal(cosines, -2)
    count = min(NEIGHBOURS, len(rows) // 2)
    nearest = np.zeros(cosines.shape, dtype=bool)
    np.put_along_axis(nearest, np.argsort(-cosines, axis=1, kind="stable")[:, :count], True, axis=1)
    return nearest


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 faster than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # AVX-512 without the bf16 instructions emulates them, at half the speed of float32. A probe that is not
    # in this version of PyTorch, or not for this kind of CPU, counts as absent.
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported")
    return any(getattr(torch.cpu, probe, bool)() for probe in probes)
