"""Linear classification of a representation: how far classes are apart by planes in it.

JULE (Yang, Parikh and Batra, CVPR 2016) judges what its network learnt on CIFAR-10 in this way.
"""

import numpy as np

from stages.scoring.probes.folds import FoldScores, draw_rows

FOLDS = 5
STRENGTH = 1.0  # inverse of the penalty on the weights (scikit-learn's C), the same for all representations
_MOST_STEPS = 2000


def linear_accuracy(vectors: np.ndarray, classes: np.ndarray, seed: int) -> FoldScores | None:
    """Return the accuracies of multinomial logistic regression on `vectors` over five stratified folds.

    `vectors` is float32 (n, d), `classes` int (n), -1 for none. The `seed` draws the folds. Each fold is judged by
    a classifier that four fifths trained, whose features have mean 0 and variance 1 on these. Classes of fewer
    than five images are left out; None where fewer than two are left.
    """
    rows = draw_rows(classes, FOLDS, seed)
    vectors, classes = vectors[rows], classes[rows]
    if len(np.unique(classes)) < 2:
        return None
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    accuracies = []
    for train, test in folds.split(vectors, classes):
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=_MOST_STEPS))
        accuracies.append(
            float(classifier.fit(vectors[train], classes[train]).score(vectors[test], classes[test]))
        )
    return FoldScores(accuracies, len(rows), float(np.bincount(classes).max() / len(rows)))
