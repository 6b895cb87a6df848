"""Verification of pairs: whether two images are of one class, judged by their similarity in a representation.

The protocol is that of Labeled Faces in the Wild (Huang, Ramesh, Berg and Learned-Miller, 2007), view 2: ten folds
of 300 pairs of one person and 300 of two, the threshold being chosen on nine folds and judged on the tenth. There
no person is in two folds; here classes are in all, since most sets have too few.
"""

import numpy as np

from stages.scoring.probes.folds import FoldScores, draw_rows

FOLDS = 10
PAIRS = 300  # of each kind in a fold, or as many as there are


def verification_accuracy(vectors: np.ndarray, classes: np.ndarray, seed: int) -> FoldScores | None:
    """Return the accuracies over ten folds of calling two images alike if their cosine exceeds a threshold.

    `vectors` is float32 (n, d), `classes` int (n), -1 for none. The `seed` draws the pairs, evenly from all pairs
    of one class and from all of two, and none twice; a fold has as many of each kind. None where there are fewer
    than ten of either kind.
    """
    rows = draw_rows(classes, 1, seed)
    order = rows[np.argsort(classes[rows], kind="stable")]
    sizes = np.unique(classes[order], return_counts=True)[1]
    ends = np.repeat(np.cumsum(sizes), sizes)  # by image: where its class ends
    places = np.arange(len(order))
    rng = np.random.default_rng(seed)
    # An image makes a pair with each later one of its class, and with each of the later classes.
    same, other = (places + 1, ends), (ends, np.full(len(order), len(order)))
    counts = [int((last - first).sum()) for first, last in (same, other)]
    per_fold = min(PAIRS, min(counts) // FOLDS)
    if not per_fold:
        return None
    pairs = [_drawn(first, last, FOLDS * per_fold, rng) for first, last in (same, other)]
    similarities = np.stack([_cosines(vectors, order[pair]) for pair in pairs]).reshape(2, FOLDS, per_fold)
    accuracies = []
    for fold in range(FOLDS):
        threshold = best_threshold(*np.delete(similarities, fold, axis=1).reshape(2, -1))
        alike = similarities[:, fold] > threshold
        accuracies.append(float((alike[0].sum() + (~alike[1]).sum()) / (2 * per_fold)))
    return FoldScores(accuracies, 2 * FOLDS * per_fold, 0.5)


def best_threshold(same: np.ndarray, other: np.ndarray) -> float:
    """Return the threshold that most of the pairs are on the right side of, `same` above and `other` not.

    Both are similarities, float64 (m) each. It is half-way between two similarities that follow each other; of
    several, the lowest. It may leave all pairs on one side: then it is infinite.
    """
    values = np.unique(np.concatenate([same, other]))
    below = np.concatenate([[-np.inf], (values[:-1] + values[1:]) / 2, [np.inf]])
    right = (len(same) - np.searchsorted(np.sort(same), below, side="right")) + np.searchsorted(
        np.sort(other), below, side="right"
    )
    return float(below[np.argmax(right)])


def _drawn(first: np.ndarray, last: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """Different pairs of places, int64 (2, number): a place i with any from `first[i]` to before `last[i]`."""
    ends = np.cumsum(last - first)
    drawn = rng.choice(int(ends[-1]), number, replace=False)
    one = np.searchsorted(ends, drawn, side="right")
    return np.stack([one, last[one] - (ends[one] - drawn)])


def _cosines(vectors: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """The cosines, float64 (m), of the vectors of each of the `pairs` of rows, int (2, m); 0 with one of zeros."""
    cosines = np.zeros(pairs.shape[1])
    for place, (one, other) in enumerate(pairs.T):  # pairs are few, and a row may be long
        a, b = vectors[one].astype(np.float64), vectors[other].astype(np.float64)
        if lengths := float(np.linalg.norm(a) * np.linalg.norm(b)):
            cosines[place] = float(a @ b) / lengths
    return cosines
