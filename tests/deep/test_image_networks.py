"""Networks on crops: bodies for any size, label features, slopes of brightness."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from stages.deep.image_networks import (
    NETWORKS,
    CroppedEncoder,
    LabelEncoder,
    initialise_cropped,
    label_features,
    sobel_slopes,
)
from stages.deep.mmdc.network import MixtureEncoder

WIDTHS = {"vgg": 1024, "resnet18": 512, "resnet34": 512, "allconv": 128}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(("kind", "channels"), [(MixtureEncoder, 1), (MixtureEncoder, 3), (LabelEncoder, 3)])
@pytest.mark.parametrize("size", [16, 24, 64])
def test_networks_take_any_size(network: str, kind: type[CroppedEncoder], channels: int, size: int) -> None:
    before = torch.get_rng_state()
    with torch.device("meta"):
        encoder = kind(network, channels, 5, 20, size)
    encoder = encoder.to_empty(device="cpu")
    initialise_cropped(encoder, torch.Generator().manual_seed(0))
    assert torch.equal(before, torch.get_rng_state())
    views = torch.rand(2, channels, size, size)
    width = WIDTHS.get(network) or 512 * (size // 8) ** 2
    assert encoder.eval().features(views).shape == (2, width)
    torch.testing.assert_close(encoder.outputs(views).norm(dim=1), torch.ones(2))
    again = kind(**encoder.facts).eval()
    again.load_state_dict(encoder.state_dict())
    images = torch.randint(0, 256, (2, channels, 24, 30), dtype=torch.uint8)
    assert torch.equal(again(images), encoder(images))


def test_label_features_are_probabilities_of_length_1_by_hand() -> None:
    found = label_features(torch.tensor([[0.0, 0.0], [0.0, np.log(3)], [1e4, -1e4]]))
    expected = [[2**-0.5, 2**-0.5], [1 / 10**0.5, 3 / 10**0.5], [1.0, 0.0]]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_the_nearest_unit_vector_of_label_features_is_the_most_probable_cluster() -> None:
    logits = 3 * torch.randn((200, 7), generator=torch.Generator().manual_seed(0))
    distances = torch.cdist(label_features(logits), torch.eye(7))
    assert torch.equal(distances.argmin(dim=1), logits.argmax(dim=1))


@pytest.mark.parametrize("channels", [1, 3])
def test_slopes_are_those_of_sobel(channels: int) -> None:
    views = torch.rand((2, channels, 9, 11), generator=torch.Generator().manual_seed(0))
    weights = np.array([0.2989, 0.587, 0.114]) if channels == 3 else np.ones(1)
    greys = (views.double().numpy() * weights[:, None, None]).sum(axis=1)
    slopes = sobel_slopes(views)
    assert slopes.shape == (2, 2, 9, 11)
    for image, grey in zip(slopes.numpy(), greys, strict=True):
        across, down = (-ndimage.sobel(grey, axis, mode="constant") for axis in (1, 0))
        np.testing.assert_allclose(image, [across, down], atol=1e-5)


def test_an_encoder_of_slopes_sees_no_colours() -> None:
    encoder = LabelEncoder("vgg", 3, 4, 12, 16, sobel=True)
    initialise_cropped(encoder, torch.Generator().manual_seed(0))
    images = torch.randint(0, 256, (3, 1, 12, 12), dtype=torch.uint8).expand(-1, 3, -1, -1)
    assert encoder.body[0].in_channels == 2
    assert torch.equal(encoder.eval()(images), encoder(images.flip(1)))
