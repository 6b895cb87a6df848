"""The forward passes of the stage alone: the same workers and batches, over pixels that are already there.

`python -m tests.benchmarks.forward FOLDER BACKBONE` prints images per second.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch

from stages.backbones.card import Backbone
from stages.backbones.compilers import choose_compiler
from stages.backbones.extraction import Recipe, ShardExtractor
from stages.backbones.precision import has_bf16

N_IMAGES = 640


class Forward(ShardExtractor):
    """The extractor without its decoder."""

    def _pixels(self, batch):  # type: ignore[no-untyped-def]
        return self.pixels


def main(folder: Path, backbone: str) -> None:
    """Run as many images as the benchmarks have through the network."""
    device = torch.device("cpu")
    card = Backbone.from_json((folder / f"data/backbones/{backbone}.json").read_text())
    precision = "bf16" if has_bf16(device) else "fp32"
    recipe = Recipe(card, ("L3",), precision, choose_compiler("auto", precision, N_IMAGES, device)[0])
    extract = Forward(recipe, folder / "data/weights/random.pth", None, device)  # type: ignore[arg-type]
    crop = card.preprocessing.crop
    shape = (extract.batch_size, crop, crop, 3)
    extract.pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)  # type: ignore[attr-defined]
    started = time.perf_counter()
    for _ in extract([(0, [b""] * N_IMAGES)]):
        pass
    print(N_IMAGES / (time.perf_counter() - started))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
