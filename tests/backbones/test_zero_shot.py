"""Heads made of texts: by hand, in half precision, and on cards."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from stages.backbones.card import Backbone, HubSource, TextTower, UrlSource, ZeroShotClassifier
from stages.backbones.zero_shot import ZeroShotHead, decode_embeddings, encode_embeddings
from stages.core.seal import unsealed_json
from tests.backbones.test_card import EVERY_SOURCE

TOWER = TextTower("ViT-B-32", HubSource("o/r", "open_clip_model.safetensors").weights(), ("a {}.", "the {}."))


def classifier(embeddings, scale: float = 10.0) -> ZeroShotClassifier:
    return ZeroShotClassifier(TOWER, scale, encode_embeddings(np.asarray(embeddings, dtype=np.float64)))


def test_scores_by_hand():
    """The features (1, 2, 2) are projected to (3, 4), whose cosines with the texts are .6, .8 and 0."""
    projection = nn.Linear(3, 2, bias=False)
    projection.weight = nn.Parameter(torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]), requires_grad=False)
    head = ZeroShotHead(projection, classifier([[1, 0], [0, 1], [0.8, -0.6]]))
    features = torch.tensor([[1.0, 2.0, 2.0], [-5.0, 0.0, 0.0]])
    expected = torch.tensor([[6.0, 8.0, 0.0], [-10.0, 0.0, -8.0]])
    torch.testing.assert_close(head(features), expected, rtol=0, atol=5e-3)  # the card rounds .6 and .8
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(head(features), head(features.bfloat16()))
        torch.testing.assert_close(head(features), expected, rtol=0, atol=5e-3)


def test_a_card_has_the_same_bytes_where_the_last_bits_differ():
    random = np.random.default_rng(0)
    rows = random.normal(size=(50, 64))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    text = encode_embeddings(rows)
    assert encode_embeddings(rows * (1 + 1e-12 * random.normal(size=rows.shape))) == text
    found = decode_embeddings(text, 64)
    assert (found.shape, found.dtype) == ((50, 64), np.float32)
    np.testing.assert_allclose(found @ rows.T, rows @ rows.T, atol=2e-4)


def test_a_card_with_a_classifier_survives_json():
    card = replace(EVERY_SOURCE, classifier=classifier(np.eye(3)))
    assert Backbone.from_json(card.to_json()) == card
    stored = unsealed_json(card.to_json())
    assert stored["classifier"]["tower"]["weights"]["sources"] == [
        {"repository": "o/r", "file": "open_clip_model.safetensors", "kind": "hub"}
    ]
    without = json.dumps({name: value for name, value in stored.items() if name != "classifier"})
    assert without == json.dumps(unsealed_json(EVERY_SOURCE.to_json())), "and one without has no word of it"


@pytest.mark.parametrize("source", [UrlSource("file:///w.pth"), HubSource("o/r")])
def test_a_text_tower_may_be_anywhere(source):
    tower = replace(TOWER, weights=replace(TOWER.weights, sources=(source,)))
    card = replace(EVERY_SOURCE, classifier=replace(classifier(np.eye(2)), tower=tower))
    assert Backbone.from_json(card.to_json()) == card
