"""Problems of known classes, drawn by seed from the features of image sets: few or many, unequal, with odd
images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from stages.clustering import normalise
from stages.tables import read_images, read_vectors

_MOST_CLASSES, _MOST_PER_CLASS, _LEAST_PER_CLASS = 20, 170, 12
_ODD = 0.08  # images of other classes, as a fraction of the others, where there are odd ones


@dataclass(frozen=True)
class Problem:
    """Images of `n_classes` classes: `labels` int (n), -1 an odd image; `views` float32 (n, d_v), rows of length
    1."""

    name: str
    labels: np.ndarray
    views: Sequence[np.ndarray]

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return len(np.unique(self.labels[self.labels >= 0]))


def draw_problems(data: Path, datasets: Sequence[str], number: int, seed: int) -> Iterator[Problem]:
    """Draw `number` problems from each dataset whose features are below `data`, and one of all its images up to
    1,500.

    The number of classes is log-uniform from 2 on, and so is that of images a class, from 12 on. Of four problems,
    one has unequal classes (Dirichlet, 2), one 8 % odd images of other classes, and one both.
    """
    for dataset in datasets:
        labels, views = _read(data, dataset)
        rng = np.random.default_rng([seed, *dataset.encode()])
        whole = np.sort(rng.permutation(len(labels))[:1500])
        yield Problem(dataset, labels[whole], [view[whole] for view in views])
        sizes = np.bincount(labels[labels >= 0])
        for index in range(number):
            n_classes = _log_uniform(rng, 2, min(len(sizes), _MOST_CLASSES))
            classes = rng.permutation(len(sizes))[:n_classes]
            per_class = _log_uniform(rng, min(_LEAST_PER_CLASS, sizes.min()), min(sizes.min(), _MOST_PER_CLASS))
            shares = np.maximum(rng.dirichlet(np.full(n_classes, 2.0)) * n_classes, 0.15) if index % 2 else 1
            wanted = np.maximum(np.round(per_class * np.broadcast_to(shares, n_classes)), 8).astype(int)
            chosen = _rows(rng, labels, classes, wanted, odd=index % 4 >= 2)
            known = np.where(np.isin(labels[chosen], classes), labels[chosen], -1)
            yield Problem(f"{dataset} {index}", known, [view[chosen] for view in views])


def draw_few(data: Path, datasets: Sequence[str], number: int, seed: int) -> Iterator[Problem]:
    """Draw `number` problems of few images from each dataset: 20 to 100 (log-uniform) of two to six classes.

    Of four problems, one has unequal classes (Dirichlet, 2), one 8 % odd images of other classes, and one both.
    """
    for dataset in datasets:
        labels, views = _read(data, dataset)
        rng = np.random.default_rng([seed, 77, *dataset.encode()])
        sizes = np.bincount(labels[labels >= 0])
        for index in range(number):
            n_images, n_classes = _log_uniform(rng, 20, 100), int(rng.integers(2, 7))
            n_classes = min(n_classes, n_images // 5)
            classes = rng.permutation(len(sizes))[:n_classes]
            shares = np.maximum(rng.dirichlet(np.full(n_classes, 2.0)) * n_classes, 0.15) if index % 2 else 1
            wanted = np.round(n_images / n_classes * np.broadcast_to(shares, n_classes))
            rows = _rows(rng, labels, classes, np.maximum(wanted, 4).astype(int), odd=index % 4 >= 2)
            known = np.where(np.isin(labels[rows], classes), labels[rows], -1)
            yield Problem(f"{dataset} t{index}", known, [view[rows] for view in views])


def draw_clouds(seed: int) -> Iterator[Problem]:
    """Draw clouds without groups, Gaussian and rectified ones, of 60 to 1,000 images in 3 to 100 dimensions."""
    sizes = [(n, d) for n in (60, 200, 500, 1000) for d in (3, 10, 30, 100) if d < n / 2]
    for index, ((n_images, width), rectified) in enumerate(product(sizes, (False, True))):
        rng = np.random.default_rng([seed, index])
        hidden = rng.standard_normal((n_images, width))
        views = []
        for _ in range(4):
            noise = 0.5 * rng.standard_normal((n_images, 128))
            view = (hidden @ rng.standard_normal((width, 128)) + noise).astype(np.float32)
            views.append(normalise(np.maximum(view, 0), "sqrt") if rectified else view)
        yield Problem(f"cloud of {n_images} in {width}", np.zeros(n_images, dtype=int), views)


def _read(data: Path, dataset: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """The labels and the views of a dataset, with the pipeline's default normalisation."""
    labels = np.asarray(read_images(data / "images" / f"{dataset}.parquet").labels)
    files = sorted((data / "features" / dataset).glob("*/L3.parquet"))
    return labels, [normalise(read_vectors(file, "features").values, "sqrt") for file in files]


def _rows(
    rng: np.random.Generator, labels: np.ndarray, classes: np.ndarray, wanted: np.ndarray, odd: bool
) -> np.ndarray:
    """Images drawn, ascending: so many as `wanted` of each of the `classes`, and `odd` ones of the others."""
    rows = [rng.permutation(np.flatnonzero(labels == c))[:n] for c, n in zip(classes, wanted, strict=True)]
    rest = np.flatnonzero(~np.isin(labels, classes))
    if odd and len(rest):
        rows.append(rng.permutation(rest)[: max(1, round(_ODD * wanted.sum()))])
    return np.sort(np.concatenate(rows))


def _log_uniform(rng: np.random.Generator, least: int, most: int) -> int:
    return round(float(np.exp(rng.uniform(np.log(least - 0.49), np.log(most + 0.49)))))
