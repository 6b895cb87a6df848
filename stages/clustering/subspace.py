"""Random subspaces: a clustering of a random part of the features, to vary what would always come out the same.

Ho, "The random subspace method for constructing decision forests" (1998); a consensus gains from partitions that
differ in their errors, and algorithms without chance, such as graph degree linkage, give but one.
"""

import numpy as np

from stages.core.errors import ParameterError


def random_subspace(features: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return a random `share`, above 0 and at most 1, of the columns of features (n, d), in their order.

    Rows that all had length 1 have it again, as far as they are not zero: what `normalise` made comparable stays
    so. Raises `ParameterError` for another share.
    """
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise ParameterError(f"subspace is {share!r}; give a share of the features, above 0 and at most 1")
    width = features.shape[1]
    drawn = np.random.default_rng(seed).permutation(width)[: max(1, round(share * width))]
    part = features[:, np.sort(drawn)]
    squares = np.einsum("ij,ij->i", features, features)
    if np.allclose(squares[squares > 0], 1, atol=1e-4):
        lengths = np.linalg.norm(part, axis=1, keepdims=True)
        part = part / np.where(lengths > 0, lengths, 1)
    return part
