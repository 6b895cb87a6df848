"""CLIP models as views that have words: from two weight files, by the stages `weights` and `extract`, to names."""

import re
import shutil
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from stages import extract, weights
from stages.backbones.card import UrlSource, Weights, read_card
from stages.backbones.network import class_words
from stages.core.digests import file_digest
from stages.core.layer_names import CLASSES
from stages.naming import cluster_words
from stages.registry import REGISTRY, text_towers
from stages.tables import Image, read_vectors, write_images
from tests.backbones.tiny import decode
from tests.datasets.images import png
from tests.httpserver import serving

open_clip = pytest.importorskip("open_clip", reason="open_clip_torch, the extra clip, is not installed")
from tests.backbones.tiny_clip import LOG_SCALE, MEAN, STD, TEMPLATES, write_clip  # noqa: E402

CARD = Path("data/backbones/clip.json")
TEXTS = Path("data/weights/someone/tiny/open_clip_model.safetensors")
IMAGES = [png((40 * i, 255 - 30 * i, 17 * i), (224, 224)) for i in range(3)]


@pytest.fixture
def clip(workdir, monkeypatch):
    """Both files, a card and a tower that the stages find; returns these and OpenCLIP's model."""
    card, tower, model = write_clip(workdir)
    monkeypatch.setitem(REGISTRY, "clip", card)
    monkeypatch.setattr(text_towers, "read_text_towers", lambda: {"timm/tiny": tower})
    write_images(
        Path("data/images/d.parquet"), [Image(f"{i}", b, None, 224, 224) for i, b in enumerate(IMAGES)], []
    )
    return card, tower, model


@pytest.fixture
def make_card(shell):
    """Run the stage `weights`; return its exit status, stdout and stderr."""
    return partial(shell, weights.app, "--backbone", "clip")


@pytest.fixture
def compute(shell):
    """Run the stage `extract`; return its exit status, stdout and stderr."""
    return partial(shell, extract.app, "--dataset", "d", "--backbone", "clip")


def features(layer):
    return read_vectors(Path(f"data/features/d/clip/{layer}.parquet"), "features")


def test_scores_are_the_scaled_cosines_of_both_towers(clip, make_card, compute):
    """The reference is OpenCLIP's own model and its own zero-shot classifier, in float64, with all 77 tokens."""
    *_, model = clip
    words, every = class_words(), slice(None, None, 10)
    assert make_card()[0] == 0
    assert compute()[1].startswith("d through clip: 3 images, L3 256-d, classes 1000-d, fp32, ")
    found = features(CLASSES)
    assert found.metadata["words"] == words
    pixels = torch.stack([torch.from_numpy(np.array(decode(data))) for data in IMAGES]).permute(0, 3, 1, 2) / 255.0
    pixels = (pixels.double() - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    with torch.no_grad():
        texts = open_clip.build_zero_shot_classifier(model, open_clip.SimpleTokenizer(), words[every], TEMPLATES)
        cosines = model.encode_image(pixels, normalize=True) @ texts
    expected = (np.exp(LOG_SCALE) * cosines).numpy()
    assert expected.std(axis=1).min() > 1, "words differ by far more than the tolerance"
    np.testing.assert_allclose(found.values[:, every], expected, atol=0.02)
    chances = torch.from_numpy(found.values[:, every]).double().softmax(dim=1)
    np.testing.assert_allclose(chances, torch.from_numpy(expected).softmax(dim=1), rtol=0.02)


def test_the_view_is_the_same_with_words_and_without(clip, make_card, compute, monkeypatch):
    with monkeypatch.context() as without:
        without.setattr(text_towers, "read_text_towers", dict)
        assert make_card()[0] == compute()[0] == 0
    before = CARD.read_bytes(), Path("data/features/d/clip/L3.parquet").read_bytes()
    digest = file_digest(Path("data/weights/timm/tiny/model.safetensors"))
    assert before[0].decode() == clip[0].with_digest(digest).to_json(), "as if there were no text towers at all"
    assert b"classifier" not in before[0]
    assert make_card()[0] == compute()[0] == 0
    assert CARD.read_bytes() != before[0]
    assert Path("data/features/d/clip/L3.parquet").read_bytes() == before[1]


def test_the_same_bytes_twice_and_the_text_tower_is_pinned(clip, make_card, compute):
    status, output, _ = make_card()
    assert (status, output.splitlines()[0]) == (0, "tiny-clip: embedding 1,000 words in 2 templates each")
    card, bytes_of_card = read_card(CARD, [CLASSES]), CARD.read_bytes()
    assert card.classifier.tower.weights.sha256 == file_digest(TEXTS)
    assert card.classifier.tower.templates == TEMPLATES
    assert compute()[0] == 0
    scores = Path("data/features/d/clip/classes.parquet").read_bytes()
    whole = TEXTS.read_bytes()
    TEXTS.unlink()
    shutil.rmtree("data/scratch")
    assert compute()[0] == 0, "the card is enough"
    assert Path("data/features/d/clip/classes.parquet").read_bytes() == scores
    TEXTS.write_bytes(whole)
    assert make_card()[0] == 0
    assert CARD.read_bytes() == bytes_of_card


def test_images_that_are_a_word_s_text_get_this_word(clip, make_card):
    make_card()
    from stages.backbones.network import load_network

    card, words = read_card(CARD, [CLASSES]), class_words()
    head = load_network(card, Path("data/weights/timm/tiny/model.safetensors")).get_submodule("head")
    wanted = [words.index(word) for word in ("daisy", "banana", "daisy", "ambulance")]
    # Features, half as many as the space has axes, cannot reach every text; so the projection is left out.
    head.projection = torch.nn.Identity()
    scores = head(3 * head.texts[wanted]).numpy()
    np.testing.assert_allclose(scores[range(4), wanted], np.exp(LOG_SCALE), rtol=1e-6)
    named = cluster_words([[scores]], np.array([0, 1, 0, 2]), np.ones(4), words)
    assert [named[cluster][0] for cluster in range(3)] == ["daisy", "banana", "ambulance"]


def _why_no_words(outcome):
    """What the one line gives as a reason; the card is written all the same, and is a sound one."""
    status, output, errors = outcome
    assert (status, errors) == (0, "")
    *_, line, last = output.splitlines()
    assert last.startswith("clip: timm--tiny--model.safetensors, sha256 ")
    assert read_card(CARD, ["L3"]).classifier is None
    return re.fullmatch("clip: no words for clusters: (.*); then `dvc repro --force weights@clip`", line)[1]


def test_without_the_extra_a_view_has_no_words(clip, make_card, compute, monkeypatch):
    monkeypatch.setitem(sys.modules, "open_clip", None)
    assert _why_no_words(make_card()) == "its text tower needs the extra: pip install 'manyviews[clip]'"
    assert compute()[1].startswith("d through clip: 3 images, L3 256-d, fp32, ")
    asked = compute("--layers", "L3", "--layers", CLASSES)
    assert asked[0] == 1 and asked[2] == "error: backbone 'clip' has no layer 'classes'; it has L3\n"


def test_text_weights_that_cannot_be_used_are_one_line(clip, make_card, monkeypatch):
    _, tower, _ = clip
    whole = TEXTS.read_bytes()
    TEXTS.write_bytes(whole[: len(whole) // 2])
    assert re.fullmatch(
        f"{TEXTS} is not a readable weight file .*; remove it and try again", _why_no_words(make_card())
    )
    TEXTS.write_bytes(Path("data/weights/timm/tiny/model.safetensors").read_bytes())
    assert _why_no_words(make_card()).startswith(f"{TEXTS} does not fit tiny-clip: ")
    other = safetensors.torch.load(whole)
    safetensors.torch.save_file({**other, "visual.proj": other["visual.proj"].roll(1, 0)}, TEXTS)
    line = f"{TEXTS} is of another checkpoint than data/weights/timm/tiny/model.safetensors; remove the wrong one"
    assert _why_no_words(make_card()) == line
    unknown = replace(tower, architecture="none-such")
    monkeypatch.setattr(text_towers, "read_text_towers", lambda: {"timm/tiny": unknown})
    line = f"OpenCLIP {open_clip.__version__} has no model 'none-such'; install a newer one"
    assert _why_no_words(make_card()) == line


def test_text_weights_are_fetched_once_and_cached(clip, make_card, monkeypatch):
    _, tower, _ = clip
    whole = TEXTS.read_bytes()
    TEXTS.unlink()
    with serving() as server:
        address = server.put("texts.safetensors", whole)
        wanted = replace(tower, weights=Weights("texts.safetensors", "", (UrlSource(address),)))
        monkeypatch.setattr(text_towers, "read_text_towers", lambda: {"timm/tiny": wanted})
        assert f"fetching texts.safetensors from {address}\n" in make_card()[1]
        first = CARD.read_bytes()
        assert "fetching" not in make_card()[1]
        assert [path for path, *_ in server.asked] == ["texts.safetensors"]
    assert CARD.read_bytes() == first
    Path("cache/weights/texts.safetensors").unlink()
    assert _why_no_words(make_card()).startswith(f"cannot get texts.safetensors ({address}: ")
