"""Words for clusters, from what networks trained on named classes predict of their images."""

from collections.abc import Iterable, Sequence

import numpy as np

WORDS = 3  # of a cluster, at most
# The least term, in nats, that a word must add to the divergence of a cluster's prediction from that of all
# images. It was chosen on seven image sets (docs/methods.md): words for faces and digits, for which the networks
# know no right one, are below it.
CLEAR = 0.5


def cluster_words(
    views: Iterable[Iterable[np.ndarray]],
    clusters: np.ndarray,
    confidence: np.ndarray,
    words: Sequence[str],
    clear: float = CLEAR,
) -> dict[int, tuple[str, ...]]:
    """Find up to three words for every cluster, the most telling first; none where no word is clear.

    A view is one network's class scores before softmax, float (n, c), in blocks of rows; the c classes are called
    `words`. `clusters` are int (n), `confidence` is float (n). With p(w) the mean probability of the class w over
    all views and the surer half of a cluster's images, and q(w) that over all images, a word is ranked by
    p(w) ln(p(w) / q(w)), its term in the Kullback-Leibler divergence of p from q, which must reach `clear`.
    """
    from scipy import ndimage, special

    numbers, places = np.unique(clusters, return_inverse=True)
    each = np.arange(len(numbers))
    sure = confidence >= ndimage.median(confidence, places, each)[places]
    inside, everywhere = np.zeros((len(numbers), len(words))), np.zeros(len(words))
    for blocks in views:
        start = 0
        for scores in blocks:
            chances = special.softmax(scores, axis=1)
            rows = slice(start, start + len(scores))
            start = rows.stop
            inside += ((places[rows] == each[:, None]) & sure[rows]).astype(chances.dtype) @ chances
            everywhere += chances.sum(axis=0)
    if not everywhere.any():
        return dict.fromkeys(numbers.tolist(), ())
    terms = special.rel_entr(inside / inside.sum(axis=1, keepdims=True), everywhere / everywhere.sum())
    best = np.argsort(-terms, axis=1, kind="stable")[:, :WORDS]
    return {
        number: tuple(dict.fromkeys(words[word] for word in best[place] if terms[place, word] >= clear))
        for place, number in enumerate(numbers.tolist())
    }
