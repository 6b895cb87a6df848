"""How many clusters to make: the meaning of `n_clusters` in params.yaml."""

import math
from pathlib import Path

import numpy as np

from stages.core.errors import ParameterError, TableError
from stages.core.regular import check_regular
from stages.core.seal import check_sealed
from stages.params.options import AUTO, check_n_clusters_text
from stages.tables import ImageTable


def resolve_n_clusters(n_clusters: str, images: ImageTable) -> int | None:
    """Return the number of clusters that `n_clusters` asks for; None for "auto": the ensemble decides.

    `n_clusters` is a whole number, "auto", or "classes" for as many as the images have labels. The last is the
    only use of labels before the scoring.
    """
    if n_clusters == AUTO:
        return None
    if n_clusters == "classes":
        count = len(np.unique(images.labels[images.labels >= 0]))
        if not count:
            raise ParameterError(
                f"n_clusters is 'classes' but the images of {images.file} have no labels; "
                "give a number or 'auto', or label the images by sub-folders or a labels.csv"
            )
        return count
    count = int(check_n_clusters_text(n_clusters))
    if not 1 <= count <= len(images):
        raise ParameterError(
            f"n_clusters is {count} but {images.file} has {len(images)} images; "
            f"give a number from 1 to {len(images)}"
        )
    return count


def provisional_n_clusters(n_images: int) -> int:
    """The number of clusters of a single view while the number is not known: the square root of that of images.

    A consensus needs partitions that are finer than its result, and this is a rule of thumb for the most
    clusters that images fall into (Fred and Jain, 2005, take it for their K-means partitions).
    """
    return max(1, round(math.sqrt(n_images)))


def found_n_clusters(file: Path) -> int:
    """The number of clusters that the ensemble used, from the `file` that it wrote."""
    try:
        text = check_regular(file).read_text(encoding="utf-8")
        check_sealed(text)
        number, _, rest = text.partition(" ")
        if rest.rpartition(" ")[0] != file.parent.name:
            raise ValueError
        return int(number)
    except FileNotFoundError:
        raise TableError(f"{file} does not exist; run `dvc repro ensemble` to make it") from None
    except ValueError:
        raise TableError(f"{file} holds no number of clusters; delete it and run `dvc repro ensemble`") from None
