"""The precision that is chosen, and whether its features are taken, by the neighbours that they keep."""

import numpy as np
import pytest
import torch

from stages.backbones import precision
from stages.backbones.extraction import Recipe, ShardExtractor
from stages.backbones.precision import faithful_extractor, neighbours_kept, precisions_to_try, sample_rows
from stages.core.layer_names import CLASSES
from tests.backbones.tiny import decode, tiny_backbone, tiny_images

CPU = torch.device("cpu")


def _on_arc(*degrees):
    angles = np.radians(degrees)
    return np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)


def test_neighbours_kept_by_hand():
    # Of four images on an arc each has two neighbours that count. The third one moves from 30 to 80 degrees: now
    # the last one is nearer to it than the first; the others keep their two.
    before, after = _on_arc(0, 10, 30, 90), _on_arc(0, 10, 80, 90)
    assert neighbours_kept({"L3": before}, {"L3": before}) == {"L3": 1}
    assert neighbours_kept({"L3": after}, {"L3": before}) == {"L3": (2 + 2 + 1 + 2) / 8}


def test_lengths_and_likes_are_of_no_account():
    rows = np.random.default_rng(0).random((30, 8), dtype=np.float32)
    rows[5], rows[7] = rows[6], 0
    lengths = np.linspace(0.5, 3, 30, dtype=np.float32)[:, None]
    assert neighbours_kept({"L3": rows * lengths}, {"L3": rows}) == {"L3": 1}
    # A change without a system keeps as many as chance does: ten of the 29 others.
    other = np.random.default_rng(1).random((30, 8), dtype=np.float32)
    assert neighbours_kept({"L3": other}, {"L3": rows})["L3"] == pytest.approx(10 / 29, abs=0.15)
    assert neighbours_kept({"L3": rows[:1]}, {"L3": rows[:1]}) == {"L3": 0}


def _made(tmp_path):
    card, file = tiny_backbone(tmp_path)
    return card, lambda recipe: ShardExtractor(recipe, file, decode, CPU)


@pytest.mark.parametrize(("least", "precision_taken"), [(0.0, "bf16"), (1.1, "fp32")])
def test_bf16_is_taken_where_it_keeps_neighbours(tmp_path, monkeypatch, least, precision_taken):
    monkeypatch.setattr(precision, "LEAST_KEPT", least)
    card, make = _made(tmp_path)
    images = tiny_images(30)
    recipes = [Recipe(card, ("L3",), name, "none") for name in ("bf16", "fp32")]
    extract, shares = faithful_extractor(recipes, make, images)
    assert len(shares) == 1 and 0.5 < shares[0] <= 1
    assert extract.recipe.precision == precision_taken
    assert not extract.timings.seconds()
    ((_, features),) = extract([(0, images)])
    ((_, expected),) = make(Recipe(card, ("L3",), precision_taken, "none"))([(0, images)])
    assert features["L3"].tobytes() == expected["L3"].tobytes()


def test_the_first_that_keeps_enough_is_taken(tmp_path, monkeypatch):
    shares = iter([0.89, 0.9])
    monkeypatch.setattr(precision, "neighbours_kept", lambda *_: {"L3": next(shares)})
    card, make = _made(tmp_path)
    recipes = [Recipe(card, ("L3",), "bf16", "none", size) for size in (2, 4, 8)]
    extract, tried = faithful_extractor(recipes, make, tiny_images(3))
    assert (extract.recipe, tried) == (recipes[1], [0.89, 0.9])


def test_the_scores_of_classes_decide_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "neighbours_kept", lambda *_: {"L3": 0.96, CLASSES: 0.5})
    card, make = _made(tmp_path)
    extract, shares = faithful_extractor([Recipe(card, ("L3",), "bf16", "none")], make, tiny_images(2))
    assert (extract.recipe.precision, shares) == ("bf16", [0.96])


def test_precisions_are_chosen_by_the_number_of_images_and_the_kind_of_device(monkeypatch):
    assert precisions_to_try("fp32", 10**6, CPU) == ["fp32"]
    assert precisions_to_try("bf16", 1, CPU) == ["bf16"]
    for probe in ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported"):
        monkeypatch.setattr(torch.cpu, probe, lambda: False, raising=False)
    assert precisions_to_try("auto", 10**6, CPU) == ["fp32"]
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    assert precisions_to_try("auto", 512, CPU) == ["bf16", "fp32"]
    assert precisions_to_try("auto", 511, CPU) == ["fp32"]


def test_the_sample_is_spread_over_the_set():
    assert sample_rows(5) == [0, 1, 2, 3, 4]
    rows = sample_rows(1000)
    assert (len(rows), rows[0], rows[-1]) == (64, 0, 999)
    assert set(np.diff(rows).tolist()) == {15, 16}
