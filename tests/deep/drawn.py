"""Drawn images for the tests of networks on images: three classes that pixels alone tell apart."""

from typing import Any

import numpy as np
import torch

from stages.deep.image_estimator import CroppedClustering, Start


def bars(size: int = 12, each: int = 20, channels: int = 1, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Return noisy images of an upright bar, a lying bar and a frame, `each` of one: uint8 (n, c, size, size).

    The second array has their classes, int64 (n). Images of a class differ in brightness and noise.
    """
    random = np.random.RandomState(seed)
    classes = np.repeat(np.arange(3), each)
    images = random.randint(0, 20, size=(len(classes), channels, size, size))
    for image, kind in zip(images, classes, strict=True):
        middle = slice(size // 3, 2 * size // 3)
        bright = random.randint(150, 220)
        if kind == 0:
            image[:, :, middle] += bright
        elif kind == 1:
            image[:, middle, :] += bright
        else:
            image[:, [0, 1, -2, -1], :] += bright
            image[:, 2:-2, [0, 1, -2, -1]] += bright
    return images.astype(np.uint8), classes


def started(plan: CroppedClustering[Any], images: np.ndarray) -> Any:
    """Return the training of a plan before its first epoch, on images, uint8 (n, c, h, w), by fixed seeds."""
    plan.image_shape_ = images.shape[1:]
    augmentation = plan._augmentation(images.shape[2:])
    first, order, chance = (torch.Generator().manual_seed(seed) for seed in range(3))
    plan.encoder_ = plan._drawn(lambda: plan._encoder(augmentation), first)
    return plan._training(Start(torch.from_numpy(images), augmentation, first, order, chance))
