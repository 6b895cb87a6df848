"""What `assign` needs of networks on images: the model, and what it takes of new images."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.core.errors import TableError
from stages.core.memory import require_memory
from stages.core.progress import progress_bar

if TYPE_CHECKING:
    import numpy as np
    import torch

    from stages.datasets import RawImage
    from stages.deep.image_models import ImageModel
    from stages.deep.models import Model

Shape = tuple[int, int, int]


def read_network(
    file: Path, method: str, device: "torch.device", workers: int
) -> "tuple[Model | ImageModel, Callable[[Sequence[RawImage]], Any]]":
    """Return the model that a method on images wrote, and a function from images to what its `predict` takes.

    `workers` are the threads that decode; 0: one per core. DEC's network sees pixels as one view.
    """
    if method == "dec":
        from stages.decoding.pixels import pixel_view
        from stages.deep.models import read_model

        of_view = read_model(file, device)
        shape = _trained_shape(file, of_view)
        return of_view, lambda images: [pixel_view(_pixels(images, shape, workers))]
    from stages.deep.image_models import read_image_model

    model = read_image_model(file, device)
    return model, lambda images: _pixels(images, model.image_shape, workers)


def _trained_shape(file: Path, model: "Model") -> Shape:
    """The shape (c, h, w) of the images that a network on one view of pixels was trained on."""
    try:
        channels, height, width = map(int, model.settings["image_shape"])
    except (KeyError, TypeError, ValueError):
        channels = height = width = 0
    if model.view_widths != (channels * height * width,):
        raise TableError(f"{file} does not say on which images it was trained; run `dvc repro` to make it anew")
    return channels, height, width


def _pixels(images: "Sequence[RawImage]", shape: Shape, workers: int) -> "np.ndarray":
    """The images as uint8 (m, c, h, w), each brought to `shape` as those trained on were."""
    import numpy as np

    from stages.decoding import decode_image
    from stages.decoding.pixels import shaped

    size = f"{shape[2]} x {shape[1]}"
    require_memory(len(images) * prod(shape), f"{len(images)} images of {size} pixels", "assign fewer at once")
    pixels = np.empty((len(images), *shape), dtype=np.uint8)
    with ThreadPoolExecutor(workers or None) as pool, progress_bar("pixels", len(images)) as advance:
        for row, image in enumerate(pool.map(lambda raw: shaped(decode_image(raw.read()), shape), images)):
            pixels[row] = image
            advance(1)
    return pixels
