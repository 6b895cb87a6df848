"""The extractor loop: images in, one array of features per layer out."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np
import torch
from PIL import Image

from stages.backbones.card import Preprocessing
from stages.backbones.network import LayerExtractor
from stages.backbones.preprocessing import resize_and_crop, to_tensor


def extract_features(
    extractor: LayerExtractor,
    encoded: Iterable[bytes],
    decode: Callable[[bytes], Image.Image],
    preprocessing: Preprocessing,
    *,
    device: torch.device,
    batch_size: int,
) -> Iterator[dict[str, np.ndarray]]:
    """Yield {layer: features float32 (rows, d)} for one batch of images after another, in order.

    `decode` turns the bytes of one image into an RGB image. The next batch is decoded while the network works
    on this one; at most two batches of images are in memory.
    """
    extractor.to(device)

    def prepare(group: list[bytes]) -> torch.Tensor:
        return to_tensor([resize_and_crop(decode(data), preprocessing) for data in group], preprocessing)

    with ThreadPoolExecutor(max_workers=1) as decoder:
        stream = iter(encoded)
        ahead: Future[torch.Tensor] | None = None
        while group := list(islice(stream, batch_size)):
            coming = decoder.submit(prepare, group)
            if ahead is not None:
                yield _forward(extractor, ahead.result(), device)
            ahead = coming
        if ahead is not None:
            yield _forward(extractor, ahead.result(), device)


def _forward(extractor: LayerExtractor, batch: torch.Tensor, device: torch.device) -> dict[str, np.ndarray]:
    layers = extractor(batch.to(device, non_blocking=True))
    return {layer: values.float().cpu().numpy() for layer, values in layers.items()}
