"""A backbone of a few thousand weights, images for it, and its features written down independently."""

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from stages.backbones.card import Backbone, Preprocessing, Tap, Weights
from tests.datasets.images import png

ARCHITECTURE = "test_resnet.r160_in1k"  # timm's own test network
SIZE = 32


def tiny_backbone(folder: Path, layers: tuple[str, ...] = ("L3",)) -> tuple[Backbone, Path]:
    """A card and its weight file, of random weights; layer L2 is what leaves the last block."""
    import timm

    torch.manual_seed(0)
    file = folder / "tiny.pth"
    torch.save(timm.create_model(ARCHITECTURE, pretrained=False).state_dict(), file)
    taps = {"L2": Tap("layer4", "output"), "L3": Tap("", "output")}
    preprocessing = Preprocessing(SIZE, SIZE, (0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    return (
        Backbone(
            "tiny", "timm", ARCHITECTURE, Weights("tiny.pth", "", ()), {k: taps[k] for k in layers}, preprocessing
        ),
        file,
    )


def decode(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def tiny_images(count: int) -> list[bytes]:
    """One-coloured images of different sizes, no two alike."""
    return [png((index % 256, 7 * index % 256, 100), (SIZE + index % 5, SIZE)) for index in range(count)]


def expected_features(images: list[bytes], weights: Path) -> np.ndarray:
    """L3 of images, one at a time, by timm's network and torchvision's transforms alone."""
    import timm
    from torchvision.transforms import v2

    network = timm.create_model(ARCHITECTURE, pretrained=False, num_classes=0).eval()
    tensors = torch.load(weights, weights_only=True)
    network.load_state_dict({name: value for name, value in tensors.items() if not name.startswith("fc.")})
    transform = v2.Compose(
        [
            v2.Resize(SIZE),
            v2.CenterCrop(SIZE),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.5, 0.4, 0.3), (0.2, 0.2, 0.2)),
        ]
    )
    with torch.no_grad():
        return np.concatenate([network(transform(decode(data))[None]).numpy() for data in images])
