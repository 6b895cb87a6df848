"""How many clusters to make: the meaning of `n_clusters` in params.yaml."""

import numpy as np

from stages.errors import ParameterError
from stages.tables import ImageTable


def resolve_n_clusters(n_clusters: str, images: ImageTable) -> int:
    """Return the number of clusters that `n_clusters` asks for.

    `n_clusters` is a whole number, or "classes" for as many as the images have labels. The latter is the only
    use of labels before the scoring.
    """
    if n_clusters == "classes":
        count = len(np.unique(images.labels[images.labels >= 0]))
        if not count:
            raise ParameterError(
                f"n_clusters is 'classes' but the images of {images.file} have no labels; "
                "give a number, or label the images by sub-folders or a labels.csv"
            )
        return count
    try:
        count = int(n_clusters)
    except ValueError:
        raise ParameterError(f"n_clusters is {n_clusters!r}; give a whole number or 'classes'") from None
    if not 1 <= count <= len(images):
        raise ParameterError(
            f"n_clusters is {count} but {images.file} has {len(images)} images; "
            f"give a number from 1 to {len(images)}"
        )
    return count
