"""The compiled part of the neighbour search: who may be near by rough distances, and who is by exact ones."""

import numba
import numpy as np

_CHUNK = 64  # rough distances looked at together; most chunks hold nothing near


@numba.njit(cache=True)
def _replace_largest(heap: np.ndarray, value: float) -> None:
    """Put `value` in the place of the largest one, which a binary heap has at its root."""
    at, count = 0, len(heap)
    while True:
        child = 2 * at + 1
        if child >= count:
            break
        if child + 1 < count and heap[child + 1] > heap[child]:
            child += 1
        if heap[child] <= value:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = value


@numba.njit(cache=True)
def _bound(products: np.ndarray, high: np.ndarray, image: int, heap: np.ndarray) -> float:
    """The k-th smallest of the distances when all are as large as rounding allows."""
    heap[:] = np.inf
    for start in range(0, len(products), _CHUNK):
        chunk, lengths = products[start : start + _CHUNK], high[start : start + _CHUNK]
        nearest = heap[0]
        hits = np.int32(0)
        for j in range(len(chunk)):  # without a branch, so that the compiler makes vectors of it
            hits += np.int32(lengths[j] - chunk[j] < nearest)
        if hits:
            for j in range(len(chunk)):
                value = lengths[j] - chunk[j]
                if value < heap[0] and start + j != image:
                    _replace_largest(heap, value)
    return heap[0]


@numba.njit(cache=True)
def _candidates(products: np.ndarray, low: np.ndarray, image: int, bound: float, found: np.ndarray) -> int:
    """Who is as near as `bound` when all distances are as small as rounding allows, in order; returns how many."""
    n_found = 0
    for start in range(0, len(products), _CHUNK):
        chunk, lengths = products[start : start + _CHUNK], low[start : start + _CHUNK]
        hits = np.int32(0)
        for j in range(len(chunk)):
            hits += np.int32(lengths[j] - chunk[j] <= bound)
        if hits:
            for j in range(len(chunk)):
                if lengths[j] - chunk[j] <= bound and start + j != image:
                    found[n_found] = start + j
                    n_found += 1
    return n_found


@numba.njit(cache=True)
def _squared_distance(features: np.ndarray, i: int, j: int) -> float:
    total = 0.0
    for column in range(features.shape[1]):
        difference = np.float64(features[i, column]) - np.float64(features[j, column])
        total += difference * difference
    return total


@numba.njit(cache=True)
def select_nearest(
    products: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    slack: np.ndarray,
    features: np.ndarray,
    first: int,
    indices: np.ndarray,
    distances: np.ndarray,
) -> None:
    """Fill the rows from `first` on of `indices` and `distances` with the k nearest images of each.

    `products` (b, n) are twice the inner products of the images from `first` on with all; `low` and `high` (n)
    the squared lengths as small and as large as rounding may have made the distances, `slack` (b) what the image
    itself adds to that.
    """
    n_images, k = len(features), indices.shape[1]
    heap = np.empty(k, dtype=np.float32)
    found = np.empty(n_images, dtype=np.int32)
    exact = np.empty(n_images)
    for row in range(len(products)):
        image = first + row
        bound = _bound(products[row], high, image, heap) + slack[row]
        n_found = _candidates(products[row], low, image, bound, found)
        zeros = 0
        for c in range(n_found):
            exact[c] = _squared_distance(features, image, found[c])
            zeros += exact[c] == 0
            if zeros == k:  # nobody is nearer than a copy, and the later ones lose the tie
                n_found = c + 1
                break
        order = np.argsort(exact[:n_found], kind="mergesort")[:k]  # stable: ties stay in order
        for c in range(k):
            indices[image, c] = found[order[c]]
            distances[image, c] = exact[order[c]]


@numba.njit(cache=True, fastmath={"reassoc", "contract"})  # a sum in any order, so that it is one of vectors
def _rough_distance(features: np.ndarray, i: int, j: int) -> float:
    total = features[i, 0] * 0
    for column in range(features.shape[1]):
        difference = features[i, column] - features[j, column]
        total += difference * difference
    return total


@numba.njit(cache=True)
def choose_nearest(
    features: np.ndarray, images: np.ndarray, candidates: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return the k nearest of the candidates (m, c) of the images (m), int32 (m, k), and their squared distances.

    An image itself, and a candidate that stands there a second time, do not count; the third says if all had k.
    Rough distances leave twice k + 4 candidates, of which exact ones say the order (ties: of index).
    """
    indices = np.empty((len(images), k), dtype=np.int32)
    distances = np.empty((len(images), k))
    kept = min(candidates.shape[1], 2 * k + 4)
    rough = np.empty(candidates.shape[1])
    exact = np.empty(kept)
    complete = True
    for row in range(len(images)):
        image, own = images[row], np.sort(candidates[row])
        for c in range(len(own)):
            counts = own[c] != image and (c == 0 or own[c] != own[c - 1])
            rough[c] = _rough_distance(features, image, own[c]) if counts else np.inf
        near = np.sort(np.argsort(rough, kind="mergesort")[:kept])
        for c in range(kept):
            finite = rough[near[c]] < np.inf
            exact[c] = _squared_distance(features, image, own[near[c]]) if finite else np.inf
        order = np.argsort(exact, kind="mergesort")[:k]
        for c in range(k):
            complete &= exact[order[c]] < np.inf
            indices[row, c] = own[near[order[c]]]
            distances[row, c] = exact[order[c]]
    return indices, distances, complete
