"""The precision that is chosen, and whether bf16 features are taken, by their cosine to those of float32."""

import numpy as np
import pytest
import torch

from stages.backbones.extraction import Recipe, ShardExtractor
from stages.backbones.precision import choose_precision, faithful_extractor, mean_cosines
from stages.core.layer_names import CLASSES
from tests.backbones.tiny import decode, tiny_backbone, tiny_images


def test_mean_cosines_by_hand():
    features = {"L3": np.array([[3, 4], [0, 0], [1, 0], [0, 0]], dtype=np.float32)}
    expected = {"L3": np.array([[6, 8], [0, 0], [0, 1], [1, 1]], dtype=np.float32)}
    # The same direction, two vectors of zeros, a right angle, a vector that was lost.
    assert mean_cosines(features, expected)["L3"] == pytest.approx((1 + 1 + 0 + 0) / 4)


@pytest.mark.parametrize(("least", "precision"), [(0.99, "bf16"), (1.1, "fp32")])
def test_bf16_is_taken_where_it_keeps_directions(tmp_path, monkeypatch, least, precision):
    monkeypatch.setattr("stages.backbones.precision.LEAST_COSINE", least)
    card, file = tiny_backbone(tmp_path)
    images = tiny_images(9)

    def make(recipe):
        return ShardExtractor(recipe, file, decode, torch.device("cpu"))

    extract, cosine = faithful_extractor(Recipe(card, ("L3",), "bf16", "none"), make, images)
    assert 0.99 < cosine < 1
    assert extract.recipe.precision == precision
    assert not extract.timings.seconds()
    ((_, features),) = extract([(0, images)])
    ((_, expected),) = make(Recipe(card, ("L3",), precision, "none"))([(0, images)])
    assert features["L3"].tobytes() == expected["L3"].tobytes()


def test_the_scores_of_classes_decide_nothing(tmp_path, monkeypatch):
    cosines = {"L3": 0.9995, CLASSES: 0.5}
    monkeypatch.setattr("stages.backbones.precision.mean_cosines", lambda features, expected: cosines)
    card, file = tiny_backbone(tmp_path)

    def make(recipe):
        return ShardExtractor(recipe, file, decode, torch.device("cpu"))

    extract, cosine = faithful_extractor(Recipe(card, ("L3",), "bf16", "none"), make, tiny_images(2))
    assert (extract.recipe.precision, cosine) == ("bf16", 0.9995)


def test_precision(monkeypatch):
    assert choose_precision("fp32", torch.device("cpu")) == "fp32"
    assert choose_precision("bf16", torch.device("cpu")) == "bf16"
    for probe in ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported"):
        monkeypatch.setattr(torch.cpu, probe, lambda: False, raising=False)
    assert choose_precision("auto", torch.device("cpu")) == "fp32"
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    assert choose_precision("auto", torch.device("cpu")) == "bf16"
