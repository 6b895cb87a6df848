"""Near-duplicates: copies that were saved again, resized or slightly cropped, and the photos of a burst."""

from collections.abc import Sequence

import numpy as np

from stages.clustering.preparation import different_images

SIDE = 32  # images are squashed to so many pixels each way for their hashes
_ALIKE = 2  # of 64 bits: hashes that differ in no more are of pictures that look the same when shrunk
_LOOKS = 2  # times the threshold, for those: fine marks of compression change features more than they show
_LOW = 8  # frequencies each way that a hash keeps
_MOST_ALIKE = 100  # later images that look the same, with which an image is compared: blank ones can be many
_BLOCK = 1024  # images compared with all others together
_PAIRS = 4096  # pairs whose distances are computed together


def perceptual_hashes(pixels: np.ndarray) -> np.ndarray:
    """Return a hash of each image, bool (n, 64), from its grey `pixels`, uint8 (n, 32, 32).

    A bit says whether one of the 64 lowest frequencies of the cosine transform is above their median (pHash:
    Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010, section 3.2).
    """
    from scipy.fft import dctn

    low = dctn(pixels.astype(np.float32), axes=(1, 2))[:, :_LOW, :_LOW].reshape(len(pixels), _LOW * _LOW)
    above: np.ndarray = low > np.median(low, axis=1, keepdims=True)
    return above


def near_duplicates(
    views: Sequence[np.ndarray], links: np.ndarray, hashes: np.ndarray, threshold: float
) -> np.ndarray:
    """Return for each image the one that stands for it, int64 (n): itself, unless it is a near-duplicate.

    `views` are features float32 (n, d_v), `links` int (m, 2) those of `view_links`, `hashes` bool (n, 64). Linked
    images are near-duplicates when they are at most `threshold` times as far apart as linked images usually are,
    which is the median, in the mean of the views; the median of those that look different where most links join
    images that look the same, as in a set of copies. Images whose hashes differ in at most 2 bits are when they
    are at most twice that far apart, linked or not. One image stands for all its near-duplicates that none stands
    for yet, first the image with the most of them (ties: the first), so that a group is no chain of small steps.
    Copies, alike in all views, always belong together.
    """
    first, equal = different_images(views)
    linked, same = np.unique(np.sort(links, axis=1), axis=0), _looking_alike(hashes, first)
    usual_links = _of_different_looks(links, hashes)
    usual = [np.median(_distances(view, usual_links)) if len(links) else 1.0 for view in views]

    def near(pairs: np.ndarray, most: float) -> np.ndarray:
        apart = sum(_distances(view, pairs) / max(scale, 1e-30) for view, scale in zip(views, usual, strict=True))
        close: np.ndarray = pairs[apart <= most * len(views)]
        return close

    pairs = np.unique(np.concatenate([near(linked, threshold), near(same, _LOOKS * threshold)]), axis=0)
    stands_for: np.ndarray = _leaders(pairs, len(hashes))[first][equal]
    return stands_for


def _looking_alike(hashes: np.ndarray, images: np.ndarray) -> np.ndarray:
    """The pairs of `images` whose hashes differ in at most 2 bits, int64 (p, 2), the first one first."""
    signs = np.where(hashes[images], np.float32(1), np.float32(-1))
    found = [np.empty((0, 2), dtype=np.int64)]
    for start in range(0, len(images), _BLOCK):
        equal = signs[start : start + _BLOCK] @ signs[start:].T  # bits that agree less those that differ
        one, other = np.nonzero(equal >= signs.shape[1] - 2 * _ALIKE)
        later = one < other
        later[later] = np.arange(later.sum()) - np.searchsorted(one[later], one[later]) < _MOST_ALIKE
        found.append(np.column_stack([images[start + one[later]], images[start + other[later]]]))
    return np.concatenate(found)


def _of_different_looks(links: np.ndarray, hashes: np.ndarray) -> np.ndarray:
    """The `links`; where more than half of them join images whose hashes differ in at most 2 bits, the others."""
    different = (hashes[links[:, 0]] != hashes[links[:, 1]]).sum(axis=1) > _ALIKE
    return links[different] if different.any() and different.mean() < 0.5 else links


def _distances(view: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """The Euclidean distance of each pair, float64 (p)."""
    found = np.empty(len(pairs))
    for start in range(0, len(pairs), _PAIRS):
        one, other = pairs[start : start + _PAIRS].T
        found[start : start + _PAIRS] = np.linalg.norm(view[one] - view[other], axis=1)
    return found


def _leaders(pairs: np.ndarray, n_images: int) -> np.ndarray:
    """The image that stands for each, int64 (n), where `pairs` int (p, 2) are near-duplicates."""
    from scipy.sparse import coo_matrix

    ends = np.concatenate([pairs, pairs[:, ::-1]])
    near = coo_matrix((np.ones(len(ends), dtype=bool), (ends[:, 0], ends[:, 1])), (n_images, n_images)).tocsr()
    stands_for = np.full(n_images, -1, dtype=np.int64)
    for image in np.argsort(-np.diff(near.indptr), kind="stable"):
        if stands_for[image] < 0:
            stands_for[image] = image
            own = near.indices[near.indptr[image] : near.indptr[image + 1]]
            stands_for[own[stands_for[own] < 0]] = image
    return stands_for
