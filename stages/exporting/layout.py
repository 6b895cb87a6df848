"""Where each image goes."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np

from stages.exporting.names import LONGEST, FreeNames, safe_parts, shortened

# Extensions of what torchvision.datasets.ImageFolder takes for images.
_TORCHVISION = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"}


def cluster_names(labels: np.ndarray) -> dict[int, str]:
    """Map the labels that occur in `labels`, int (n), to names that sort as they do; -1 is "unclustered"."""
    present = [int(label) for label in np.unique(labels)]
    digits = max(2, len(str(max(present, default=0))))
    return {label: f"cluster-{label:0{digits}d}" if label >= 0 else "unclustered" for label in present}


def ranks(labels: np.ndarray, confidence: np.ndarray, rows: np.ndarray) -> dict[int, str]:
    """Number the `rows`, int (m), of each cluster from its most confident image on: 1, 2, ... with zeros in front.

    `labels` and `confidence` are (n); equally confident images keep their order.
    """
    numbers: dict[int, str] = {}
    for label in np.unique(labels[rows]):
        members = rows[labels[rows] == label]
        ordered = members[np.argsort(-confidence[members], kind="stable")]
        digits = len(str(len(members)))
        numbers |= {int(row): f"{place:0{digits}d}" for place, row in enumerate(ordered, 1)}
    return numbers


def lay_out(
    paths: Sequence[str],
    folders: Mapping[int, str],
    keep_folders: bool,
    numbers: Mapping[int, str] | None = None,
    plain: bool = False,
) -> dict[int, str]:
    """Give each image a relative path, no two the same, below its folder.

    `paths` (n) are those of all images; `folders` maps the rows wanted to the top folder of each. Without
    `keep_folders` the sub-folders of the path are left out, and equal names are told apart by a number at their
    end. `numbers` are put before the names. `plain`: see `safe_parts`.
    """
    split = {}
    for row, folder in folders.items():
        *above, name = safe_parts(paths[row], plain)
        if numbers is not None:
            name = f"{numbers[row]}-{shortened(name, LONGEST - 1 - len(numbers[row]))}"
        place = "/".join([folder, *map(shortened, above)]) if keep_folders else folder
        split[row] = place, name
    free = FreeNames(_with_parents(place for place, _ in split.values()))
    return {row: free.take(place, name) for row, (place, name) in split.items()}


def passed_over(places: Iterable[str]) -> list[str]:
    """Those of the `places` that torchvision's ImageFolder does not take for images."""
    return [place for place in places if PurePosixPath(place).suffix.lower() not in _TORCHVISION]


def _with_parents(places: Iterable[str]) -> set[str]:
    found = set()
    for place in set(places):
        parts = place.split("/")
        found |= {"/".join(parts[:end]) for end in range(1, len(parts) + 1)}
    return found
