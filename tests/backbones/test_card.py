"""Cards survive JSON; weights are told apart by digest; the published preprocessing."""

import json

import pytest

from stages.backbones.card import (
    Backbone,
    EmptySource,
    HubSource,
    Preprocessing,
    Tap,
    UrlSource,
    Weights,
    WheelSource,
)
from stages.core.seal import sealed_json, unsealed_json

EVERY_SOURCE = Backbone(
    name="b",
    library="timm",
    architecture="a",
    weights=Weights(
        "w.pth",
        "",
        (
            WheelSource("p==1", "0" * 64, "*.pth"),
            UrlSource("file:///w.pth"),
            HubSource("o/r", "f"),
            EmptySource(),
        ),
        "order",
    ),
    layers={"L1": Tap("features", "output"), "L3": Tap("", "output")},
    preprocessing=Preprocessing(8, 7, (0.1, 0.2, 0.3), (1.0, 1.0, 1.0), "nearest", "squash"),
)


def test_json_round_trip():
    assert Backbone.from_json(EVERY_SOURCE.to_json()) == EVERY_SOURCE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        sealed_json({}),
        sealed_json({"name": "x"}),
        EVERY_SOURCE.to_json().replace("url", "ftp"),
        sealed_json(json.loads(EVERY_SOURCE.to_json().replace("url", "ftp"))),
        sealed_json(json.loads(EVERY_SOURCE.to_json().replace('"sha256": "",', '"sha256": "no digest",'))),
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises((ValueError, KeyError, TypeError)):
        Backbone.from_json(text)


def test_the_digest_is_filled_in_and_nothing_else_changes():
    whole = "ab" * 32
    before = unsealed_json(EVERY_SOURCE.to_json())
    after = unsealed_json(EVERY_SOURCE.with_digest(whole).to_json())
    assert after["weights"].pop("sha256") == whole
    assert before["weights"].pop("sha256") == ""
    assert before == after


@pytest.mark.parametrize("digits", ["0123456", "0123456789ABCDEF", "0" * 65, "sha256:01234567"])
def test_what_is_no_digest_is_refused(digits):
    with pytest.raises(ValueError, match=f"sha256 is '{digits}'; give nothing, or 8 to 64 lower-case hex digits"):
        Weights("w.pth", digits, ())


def test_published_preprocessing_squashes_to_the_input_size_and_keeps_the_mean():
    preset = Preprocessing(256, 224, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "bicubic", "center")
    assert preset.published() == Preprocessing(224, 224, (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "nearest", "squash")
    assert preset.published().published() == preset.published()
