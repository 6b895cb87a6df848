"""Cards survive JSON; the registry's entries are complete."""

import json

import pytest

from stages.backbones.card import Backbone, HubSource, Preprocessing, Tap, UrlSource, Weights, WheelSource
from stages.backbones.registry import REGISTRY

EVERY_SOURCE = Backbone(
    name="b",
    library="timm",
    architecture="a",
    weights=Weights(
        "w.pth",
        "",
        (WheelSource("p==1", "0" * 64, "*.pth"), UrlSource("file:///w.pth"), HubSource("o/r", "f")),
        "order",
    ),
    layers={"L1": Tap("features", "output"), "L3": Tap("", "output")},
    preprocessing=Preprocessing(8, 7, (0.1, 0.2, 0.3), (1.0, 1.0, 1.0), "nearest", "squash"),
)


@pytest.mark.parametrize("backbone", [*REGISTRY.values(), EVERY_SOURCE], ids=lambda backbone: backbone.name)
def test_json_round_trip(backbone):
    assert Backbone.from_json(backbone.to_json()) == backbone


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"name": "x"}', EVERY_SOURCE.to_json().replace("url", "ftp")])
def test_anything_else_is_refused(text):
    with pytest.raises((ValueError, KeyError, TypeError)):
        Backbone.from_json(text)


def test_the_digest_is_filled_in_and_nothing_else_changes():
    before, after = json.loads(EVERY_SOURCE.to_json()), json.loads(EVERY_SOURCE.with_digest("ab").to_json())
    assert after["weights"].pop("sha256") == "ab"
    assert before["weights"].pop("sha256") == ""
    assert before == after


@pytest.mark.parametrize("backbone", REGISTRY.values(), ids=lambda backbone: backbone.name)
def test_registered_weights_are_pinned_by_digest(backbone):
    assert len(backbone.weights.sha256) == 64
    # The file names carry the first digits of their digests; so does no other file.
    assert backbone.weights.sha256[:8] in backbone.weights.file
    assert isinstance(backbone.weights.sources[0], WheelSource)
