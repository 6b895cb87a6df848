"""Layers of a trained network as features of other images."""

import numpy as np
import pytest
import torch
from torch import nn

from stages.core import memory
from stages.core.errors import ParameterError
from stages.deep import image_encoding
from stages.deep.image_models import layer_features
from stages.deep.jule.convolutions import ConvEncoder, initialise_convolutions

SHAPE = (1, 20, 20)


def network(blocks: int = 2) -> ConvEncoder:
    encoder = ConvEncoder(SHAPE, [True] * blocks, width=6)
    initialise_convolutions(encoder, torch.Generator().manual_seed(0))
    return encoder.eval()


def images(count: int = 7) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *SHAPE), dtype=np.uint8)


def test_the_layers_are_the_output_the_last_block_and_the_one_before(
    monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    monkeypatch.setattr(image_encoding, "_IMAGES", 3)
    encoder = network()
    maps = [torch.from_numpy(images()) / 255]
    with torch.no_grad():
        for block in encoder.blocks:
            maps.append(block(maps[-1]))
        top = nn.functional.normalize(encoder.output(maps[2].flatten(1)))
    encoder.to(device)
    for layer, expected in (("top", top), ("top-1", maps[2].flatten(1)), ("top-2", maps[1].flatten(1))):
        found = layer_features(encoder, images(), layer)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected.numpy(), rtol=1e-4, atol=1e-5)
    assert found.shape == (7, 50 * 8 * 8)


def test_a_layer_that_the_network_lacks_is_refused() -> None:
    message = "layer is 'top-2' but those of the network are top, top-1; give one of these"
    with pytest.raises(ParameterError, match=message):
        layer_features(network(1), images(), "top-2")


def test_features_that_memory_would_not_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    with pytest.raises(
        ParameterError, match=r"^layer top-2 of 7 images would take .*; give a layer nearer to the"
    ):
        layer_features(network(), images(), "top-2")
    assert layer_features(network(), images(), "top").shape == (7, 6)
