"""The parts of K-means: a start with centres far from each other, and Lloyd's iterations.

Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding" (2007), with the greedy choice among
several candidates of its section 6. Lloyd, "Least squares quantization in PCM" (1982). Elkan, "Using the triangle
inequality to accelerate k-means" (2003): bounds leave out images whose centre cannot have changed, and the result
as it is, but for rounding. Ding, Zhao, Shen, Musuvathi and Mytkowicz, "Yinyang k-means" (2015): where bounds of
all centres would take too much memory, those of groups of centres do the same.
"""

from dataclasses import dataclass

import numpy as np

from stages.clustering.distances import centred_squares, mean_of, row_blocks

_ROWS = 2048  # images whose distances to all centres are computed at once
_CELLS = 1 << 22  # as many distances may be computed at once, up to four times the images
_BOUNDS = 1 << 28  # lower bounds at most, 1 GiB in float32; with more, groups of centres share one
_SLACK = 1e-5  # bounds are kept in the precision of the features: this part of them may be rounding


@dataclass
class Points:
    """Images to cluster: features (n, d), their mean (d) and squared distances from it (n), all of one dtype.

    Distances are computed from features . (centre - mean), which keeps the digits that features far from 0 would
    lose, without a centred copy of them.
    """

    features: np.ndarray
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray) -> "Points":
        """Describe features (n, d); raises `ParameterError` where their squares overflow."""
        dtype = features.dtype
        mean = mean_of(features)
        return cls(features, mean.astype(dtype), centred_squares(features, mean, dtype.type).astype(dtype))

    def subset(self, images: np.ndarray) -> "Points":
        return Points(self.features[images], self.mean, self.squares[images])

    def offsets(self, images: np.ndarray) -> np.ndarray:
        """Return some images as centres less the mean (k, d)."""
        offsets: np.ndarray = self.features[images] - self.mean
        return offsets

    def squared_distances(self, images: slice | np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """Return the squared distances (r, k) of some images to centres, `offsets` from the mean (k, d)."""
        distances: np.ndarray = self.features[images] @ offsets.T
        distances *= -2
        distances += np.einsum("ij,ij->i", offsets, offsets) + 2 * (offsets @ self.mean)
        distances += self.squares[images, None]
        np.maximum(distances, 0, out=distances)
        return distances


def seed_centers(points: Points, n_clusters: int, chance: np.random.RandomState) -> np.ndarray:
    """Return `n_clusters` of the images as centres, float64 (k, d).

    Each candidate is drawn with a chance in proportion to its squared distance from the centres so far; of
    2 + log k candidates the one is taken that lowers the sum of these distances most.
    """
    n_images = len(points.features)
    n_candidates = 2 + int(np.log(n_clusters))
    chosen = np.empty(n_clusters, dtype=np.int64)
    chosen[0] = chance.randint(n_images)
    nearest = points.squared_distances(slice(None), points.offsets(chosen[:1])).min(axis=1)
    nearest[chosen[0]] = 0
    for index in range(1, n_clusters):
        reach = np.cumsum(nearest, dtype=np.float64)
        drawn = np.searchsorted(reach, chance.uniform(size=n_candidates) * reach[-1], side="right")
        candidates = np.minimum(drawn, n_images - 1)
        lowered = points.squared_distances(slice(None), points.offsets(candidates))
        np.minimum(lowered, nearest[:, None], out=lowered)
        best = int(np.argmin(lowered.sum(axis=0, dtype=np.float64)))
        chosen[index] = candidates[best]
        nearest = lowered[:, best].copy()
        nearest[chosen[index]] = 0
    return points.features[chosen].astype(np.float64)


class Lloyd:
    """The state of the iterations.

    centers float64 (k, d), labels int32 (n), n_iter the iterations made. Of each image `_upper` (n) is at least
    its distance to its own centre, `_lower` (n, g) at most that to each other centre of a group. Groups are
    consecutive centres from `_groups` int (g) on, each centre by itself if memory allows, see `group_number`.
    """

    def __init__(self, points: Points, centers: np.ndarray) -> None:
        self.points = points
        self.centers = centers
        n_images, dtype = len(points.features), points.features.dtype
        self.labels = np.full(n_images, -1, dtype=np.int32)
        self.n_iter = 0
        self._upper = np.full(n_images, np.inf, dtype=dtype)
        number = group_number(n_images, len(centers))
        self._groups = np.arange(number) * len(centers) // number
        self._lower = np.zeros((n_images, number), dtype=dtype)
        self._moved = np.zeros(len(centers), dtype=dtype)
        self._sums: np.ndarray = np.zeros(centers.shape)

    def run(self, max_iter: int, tol: float) -> None:
        """Iterate until no label changes, the centres' squared movements sum to `tol` at most, or `max_iter`."""
        while self.n_iter < max_iter:
            self.n_iter += 1
            changed = self._assign()
            if not changed or self._update() <= tol:
                break
        self._assign()  # to the centres as they are left

    def _assign(self) -> int:
        """Give each image its nearest centre (ties: the first); return how many labels changed."""
        offsets = (self.centers - self.points.mean).astype(self._upper.dtype)
        changed = 0
        rows = max(_ROWS, min(4 * _ROWS, _CELLS // len(self.centers)))
        for start in range(0, len(self.labels), rows):
            block = slice(start, min(start + rows, len(self.labels)))
            doubtful = self._doubtful(block)
            if len(doubtful):
                whole = len(doubtful) == block.stop - block.start
                changed += self._assign_some(block if whole else start + doubtful, offsets)
        self._moved[:] = 0
        return changed

    def _doubtful(self, block: slice) -> np.ndarray:
        """Widen the bounds by what centres moved; return which images of the block may have another centre."""
        lower, upper, labels = self._lower[block], self._upper[block], self.labels[block]
        if labels[0] < 0:
            return np.arange(len(labels))
        lower -= np.maximum.reduceat(self._moved, self._groups)
        upper += self._moved[labels]
        if len(self._groups) == len(self._moved):
            lower[np.arange(len(labels)), labels] = np.inf
        nearest = lower.min(axis=1)
        doubtful = np.flatnonzero(nearest <= upper * (1 + _SLACK))
        if len(self._groups) < len(self._moved):  # the wider bounds are worth the exact distance
            images = block.start + doubtful
            own = own_squared_distances(self.points.features[images], self.centers, labels[doubtful])
            upper[doubtful] = np.sqrt(own) * (1 + _SLACK)
            doubtful = doubtful[nearest[doubtful] <= upper[doubtful] * (1 + _SLACK)]
        return doubtful

    def _assign_some(self, images: slice | np.ndarray, offsets: np.ndarray) -> int:
        distances = np.sqrt(self.points.squared_distances(images, offsets))
        labels = distances.argmin(axis=1).astype(np.int32)
        own = np.arange(len(labels)), labels
        self._upper[images] = distances[own]
        if len(self._groups) < len(self.centers):
            distances[own] = np.inf
            distances = np.minimum.reduceat(distances, self._groups, axis=1)
        self._lower[images] = distances
        changed = np.flatnonzero(labels != self.labels[images])
        where = np.arange(images.start, images.stop) if isinstance(images, slice) else images
        self._move(where[changed], labels[changed])
        return len(changed)

    def _move(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Change the labels of some images, and the sums of their clusters."""
        from scipy.sparse import csr_matrix

        for rows in row_blocks(len(images), self._sums.shape[1]):
            some, new, old = images[rows], labels[rows], self.labels[images[rows]]
            places, known = np.arange(len(some)), old >= 0
            signs = np.concatenate([np.ones(len(some)), -np.ones(known.sum())])
            cells = np.concatenate([new, old[known]]), np.concatenate([places, places[known]])
            difference = csr_matrix((signs, cells), shape=(len(self.centers), len(some)))
            self._sums += difference @ self.points.features[some].astype(np.float64)
            self.labels[some] = new

    def _update(self) -> float:
        """Move each centre to the mean of its images; return the sum of the squared movements."""
        sizes = np.bincount(self.labels, minlength=len(self.centers))
        if not sizes.all():
            self._fill_empty(sizes)
            sizes = np.bincount(self.labels, minlength=len(self.centers))
        means = np.where(sizes[:, None] > 0, self._sums / np.maximum(sizes, 1)[:, None], self.centers)
        moved = ((means - self.centers) ** 2).sum(axis=1)
        self.centers = means
        self._moved[:] = np.sqrt(moved) * (1 + _SLACK)
        return float(moved.sum())

    def _fill_empty(self, sizes: np.ndarray) -> None:
        """Give each empty cluster the image that is farthest from its own centre."""
        distances = own_squared_distances(self.points.features, self.centers, self.labels)
        farthest = np.argsort(-distances, kind="stable")
        farthest = farthest[(sizes[self.labels[farthest]] > 1) & (distances[farthest] > 0)]
        empty = np.flatnonzero(sizes == 0)[: len(farthest)]
        for cluster, image in zip(empty, farthest, strict=False):
            if np.count_nonzero(self.labels == self.labels[image]) > 1:
                self._move(np.array([image]), np.array([cluster], dtype=np.int32))
                self._upper[image], self._lower[image] = np.inf, 0  # they hold for another label: look again


def group_number(n_images: int, n_clusters: int) -> int:
    """Return how many groups of centres have a bound of their own: as many as `_BOUNDS` allows, at least one."""
    return max(1, min(n_clusters, _BOUNDS // n_images))


def own_squared_distances(features: np.ndarray, centers: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the squared distance of each image to its own centre, float64 (n), from their difference."""
    squares = np.empty(len(features))
    for rows in row_blocks(*features.shape):
        difference = features[rows] - centers[labels[rows]]
        squares[rows] = np.einsum("ij,ij->i", difference, difference)
    return squares
