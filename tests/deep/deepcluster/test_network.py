"""Features after PCA and whitening: against numpy, and where they vary on few axes or on none."""

import numpy as np
import pytest
import torch

from stages.deep.deepcluster.network import WhitenedEncoder
from stages.deep.image_networks import initialise_cropped


def encoder(dimensions: int = 8) -> WhitenedEncoder:
    network = WhitenedEncoder("vgg", 1, 30, crop=10, size=16, dimensions=dimensions).eval()
    initialise_cropped(network, torch.Generator().manual_seed(0))
    return network


def features(count: int, rank: int = 1024) -> torch.Tensor:
    """Rows of 1,024 numbers whose variances on `rank` axes differ."""
    random = np.random.default_rng(1)
    rows = random.normal(size=(count, rank)) * np.linspace(3, 1, rank)
    return torch.from_numpy(rows @ np.linalg.qr(random.normal(size=(1024, rank)))[0].T + 5).float()


def test_whitening_is_that_of_numpy() -> None:
    network, rows = encoder(), features(300, rank=12)
    network.whiten(rows)
    values = rows.double().numpy()
    centred = values - values.mean(axis=0)
    scores = np.linalg.svd(centred, full_matrices=False)[0][:, :8] * np.sqrt(
        len(values)
    )  # variance 1 on each axis
    expected = scores / np.linalg.norm(scores, axis=1, keepdims=True)
    found = network.whitened(rows).double().numpy()
    found *= np.sign((found * expected).sum(axis=0))  # an axis may point either way
    np.testing.assert_allclose(found, expected, atol=1e-4)
    before_length = (rows - network.mean) @ network.axes.T
    torch.testing.assert_close(before_length.T @ before_length / 300, torch.eye(8), atol=1e-3, rtol=0)


def test_axes_beyond_the_images_are_zero() -> None:
    network, rows = encoder(), features(4)
    network.whiten(rows)
    assert [bool(axis.any()) for axis in network.axes] == [True] * 3 + [False] * 5
    torch.testing.assert_close(network.whitened(rows).norm(dim=1), torch.ones(4))


@pytest.mark.parametrize("count", [1, 5])
def test_features_that_are_all_alike_become_zeros(count: int) -> None:
    network = encoder()
    rows = features(1).repeat(count, 1)
    network.whiten(rows)
    assert not network.axes.any()
    assert torch.equal(network.whitened(rows), torch.zeros(count, 8))


@pytest.mark.parametrize(("dimensions", "width"), [(8, 8), (5000, 1024)])
def test_facts_make_the_same_network_with_its_axes(dimensions: int, width: int) -> None:
    network = encoder(dimensions)
    network.whiten(features(40))
    again = WhitenedEncoder(**network.facts).eval()
    again.load_state_dict(network.state_dict())
    images = torch.randint(0, 256, (3, 1, 12, 12), dtype=torch.uint8)
    assert torch.equal(again(images), network(images)) and again(images).shape == (3, width)
