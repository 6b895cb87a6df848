"""The head of a CLIP model as a view: texts instead of learnt weights (Radford et al. 2021, section 3.1)."""

import base64

import numpy as np
import torch
from torch import nn

from stages.backbones.card import ZeroShotClassifier


class ZeroShotHead(nn.Module):
    """From an image's features, float (n, w), to its scores of the classes before softmax, float32 (n, classes).

    They are the cosines of the projected image with the texts, times the learnt scale. Autocast is switched off:
    in bfloat16 a cosine of a quarter is known to a thousandth, which the scale makes a tenth.
    """

    texts: torch.Tensor

    def __init__(self, projection: nn.Linear, classifier: ZeroShotClassifier) -> None:
        super().__init__()
        self.projection = projection
        self.scale = classifier.scale
        texts = torch.from_numpy(decode_embeddings(classifier.embeddings, projection.out_features))
        self.register_buffer("texts", nn.functional.normalize(texts, dim=1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        with torch.autocast(features.device.type, enabled=False):
            images = nn.functional.normalize(self.projection(features.float()), dim=1)
            scores: torch.Tensor = self.scale * images @ self.texts.T
        return scores


def encode_embeddings(embeddings: np.ndarray) -> str:
    """Embeddings, float (classes, d), as a card holds them.

    Float16 costs a cosine less than 1e-4. It also hides the last bits of float64, in which processors differ: the
    card is the same everywhere.
    """
    return base64.b64encode(embeddings.astype("<f2").tobytes()).decode("ascii")


def decode_embeddings(text: str, dimension: int) -> np.ndarray:
    """The embeddings that a card holds, float32 (classes, dimension)."""
    return np.frombuffer(base64.b64decode(text), "<f2").reshape(-1, dimension).astype(np.float32)
