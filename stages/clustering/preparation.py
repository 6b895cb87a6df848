"""Features made ready for clustering: rows scaled, dimensions reduced or drawn, copies counted as one."""

import hashlib
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np

from stages.clustering.distances import centred, centred_squares, mean_of, row_blocks
from stages.core.checks import check_choice
from stages.core.errors import ParameterError
from stages.core.memory import require_memory

Normalisation = Literal["sqrt", "l2", "none"]
NORMALISATIONS = get_args(Normalisation)
Scaling = Literal["sqrt", "l2", "global", "none"]  # of views for a network
ROTATED = 2000  # images from which on `principal_axes` turns them
_COLUMNS = 4096  # features that are multiplied at once
_SPREAD = 16384  # images that the principal axes are taken from
_VARIED = 2048  # images that the variances of the columns are taken from
_DRAWN = 1 << 26  # values of a subspace that are brought to length 1 at once
_ROWS = 4096  # checked at a time: a mask of a wide layer would be as large as a copy


def check_finite(
    features: np.ndarray, name: str = "features", way_out: str = "leave that image out, or mend it"
) -> None:
    """Raise `ParameterError`, naming the first of them, for values of features (n, d) that are not finite."""
    for start in range(0, len(features), _ROWS):
        block = features[start : start + _ROWS]
        if not np.isfinite(block).all():
            row, column = np.argwhere(~np.isfinite(block))[0]
            value = "NaN" if np.isnan(block[row, column]) else "inf"
            raise ParameterError(f"{name} hold {value} in row {start + row}, column {column}; {way_out}")


def normalise(features: np.ndarray, how: str) -> np.ndarray:
    """Return features float32 (n, d) with rows of length 1 ("l2", "sqrt"), or unchanged ("none").

    "sqrt" takes the signed square root of each feature before: it tames the few strong channels that dominate
    the distances between pooled CNN features (Perronnin, Sanchez and Mensink 2010; for features that are not
    negative it is the map of the Hellinger kernel). A row of zeros stays as it is. Raises `ParameterError` for
    another name.
    """
    check_choice("normalise", how, NORMALISATIONS)
    if how == "none":
        return features
    normalised = np.empty_like(features)
    for rows in row_blocks(*features.shape):  # so that no other copies of the whole are made
        block = features[rows]
        if how == "sqrt":
            block = np.sign(block) * np.sqrt(np.abs(block))
        # Dividing by the largest value first keeps the squares of huge and of tiny features within float32.
        peaks = np.abs(block).max(axis=1, keepdims=True)
        normalised[rows] = unit_rows(block / np.where(peaks > 0, peaks, 1))
    return normalised


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (n, k) with rows of length 1; rows of zeros stay as they are."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    rows: np.ndarray = vectors / np.where(lengths > 0, lengths, 1)
    return rows


def isometric(features: np.ndarray) -> np.ndarray:
    """Return features (n, min(n, d)) of the same dtype whose Euclidean distances are those of `features` (n, d).

    It is classical scaling (Torgerson 1952; Gower 1966): n images span a space of n - 1 dimensions about their
    mean, and the coordinates there follow from the eigenvectors of their inner products. Clusterers that know only
    Euclidean distances and means (Ward, the linkages, K-means) find the same partitions, in n / d of the time.
    Distances change by rounding only: by about 1e-8 of the largest for float64, 1e-7 for float32.

    `features` is float32 or float64, finite, and returned as it is where d <= n. The products are summed in
    float64 over blocks of columns, so that beside `features` only n^2 values are kept. Raises `ParameterError`
    for features whose squares overflow or whose products would not fit in memory.
    """
    n_images, width = features.shape
    if width <= n_images:
        return features
    require_memory(
        8 * (4 * n_images**2 + 2 * n_images * _COLUMNS) + 16 * width,
        f"reducing {n_images} images of {width} features",
        "reduce fewer images at once",
    )
    mean = mean_of(features)
    products = np.zeros((n_images, n_images))
    for start in range(0, width, _COLUMNS):
        block = centred(features, mean, slice(None), slice(start, start + _COLUMNS))
        with np.errstate(over="ignore", invalid="ignore"):
            products += block @ block.T
    if not np.isfinite(products).all():
        check_finite(features)
        centred_squares(features, mean)  # says which row is too large
    values, vectors = np.linalg.eigh(products)
    vectors *= np.sqrt(np.maximum(values, 0))
    # The widest spread first; eigenvalues come in ascending order.
    return np.ascontiguousarray(vectors[:, ::-1], dtype=features.dtype)


def principal_axes(features: np.ndarray) -> np.ndarray:
    """Return features (n, min(n, d)) of the same dtype and distances, about their mean, the widest spread first.

    It is `isometric` where there are fewer images than features, and else a rotation to the principal axes of at
    most 16,384 of the images, evenly spread by their distances from the mean: any rotation leaves the distances.
    The leading columns are then the best ones to begin with, see `stages.clustering.kmeans`. Sets of less than
    `ROTATED` images are too small for that to pay, and are returned as `isometric` returns them. Distances change
    by rounding only. One thread does the work, so that the cores decide nothing. Memory: one copy of the features,
    a sample in float64, and three values for each pair of features. Raises `ParameterError` for features whose
    squares overflow or whose axes would not fit in memory.
    """
    n_images, width = features.shape
    if width > n_images or n_images < ROTATED:
        return isometric(features)
    from threadpoolctl import threadpool_limits

    sample = 8 * width * min(n_images, _SPREAD)
    require_memory(
        features.nbytes + sample + 24 * width**2, f"the axes of {n_images} images", "cluster fewer images at once"
    )
    mean = mean_of(features)
    order = np.argsort(centred_squares(features, mean, features.dtype.type), kind="stable")
    with threadpool_limits(1, "blas"):
        some = features[order[:: -(-n_images // _SPREAD)]] - mean
        axes = np.linalg.eigh(some.T @ some)[1][:, ::-1].astype(features.dtype)
        rotated = np.empty_like(features)
        for rows in row_blocks(n_images, width):
            np.matmul(features[rows] - mean.astype(features.dtype), axes, out=rotated[rows])
    return rotated


def leading_columns(features: np.ndarray, share: float, images: np.ndarray | None = None) -> int:
    """Return how many of the first columns of features (n, d) hold a `share`, 0 to 1, of their variance.

    The variances are those of at most 2,048 of the `images`, int, evenly spread; of all images by default.
    """
    if images is None:
        images = np.arange(len(features))
    some = features[images[:: -(-len(images) // _VARIED)]]
    spread = np.cumsum(some.var(axis=0, dtype=np.float64))
    return min(int(np.searchsorted(spread, share * spread[-1])) + 1, len(spread))


def random_subspace(features: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return a random `share`, above 0 and at most 1, of the columns of features (n, d), in their order.

    It varies what would always come out the same (Ho, "The random subspace method for constructing decision
    forests", 1998): a consensus gains from partitions that differ in their errors, and algorithms without chance,
    such as graph degree linkage, give only one. Rows that all had length 1 have it again, unless they are zero:
    what `normalise` made comparable stays so. Raises `ParameterError` for another share.
    """
    check_subspace(share)
    width = features.shape[1]
    drawn = np.random.default_rng(seed).permutation(width)[: max(1, round(share * width))]
    columns = np.sort(drawn)
    squares = np.einsum("ij,ij->i", features, features)
    unit = np.allclose(squares[squares > 0], 1, atol=1e-4)
    part = np.empty((len(features), len(columns)), dtype=features.dtype)
    # In blocks, so that of large sets no other copy of the whole is made.
    for rows in row_blocks(len(part), len(columns), _DRAWN):
        some = features[rows][:, columns]
        part[rows] = unit_rows(some) if unit else some
    return part


def check_subspace(share: Any) -> None:
    """Raise `ParameterError` unless `share` is a number above 0 and at most 1."""
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise ParameterError(f"subspace is {share!r}; give a share of the features, above 0 and at most 1")


def different_images(views: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the first of the images that differ in at least one of the views (n, d_j), and which each one equals.

    The former is int64 (u), ascending, the latter int64 (n), the place of each image's equal among them.
    """
    places: dict[bytes, int] = {}
    first: list[int] = []
    equal: list[int] = []
    for number, rows in enumerate(zip(*views, strict=True)):
        digest = hashlib.sha256(b"".join(row.tobytes() for row in rows)).digest()
        place = places.setdefault(digest, len(places))
        if place == len(first):
            first.append(number)
        equal.append(place)
    return np.array(first, dtype=np.int64), np.array(equal, dtype=np.int64)


def count_different(views: Sequence[np.ndarray]) -> int:
    """Return how many images differ from one another in at least one of the views (n, d_j)."""
    return len(different_images(views)[0])
