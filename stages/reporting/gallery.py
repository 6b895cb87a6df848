"""The images that the page has at hand, in maps, searches and the viewer, and what its script needs of them."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.reporting.contactsheet import cluster_sizes, on_boundary
from stages.reporting.maps import Scatter
from stages.reporting.rivals import Rivals
from stages.reporting.sprites import Sprites
from stages.tables import ImageTable, class_names
from stages.tables.corrections import Corrections
from stages.tables.results import Assignments, ClusterName


@dataclass(frozen=True)
class Space:
    """A view or an embedding of the images at hand (m): a map of some, and every image's nearest ones.

    `note` says what the vectors are; `nearest` is int (m, k), places in the gallery.
    """

    title: str
    note: str
    plot: Scatter
    nearest: np.ndarray


def commonest_clusters(clusters: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Return for each of the `classes` the cluster with most of its images, int64, -1 for a label without any.

    `clusters` and `labels` are int (n), -1 for no label. Of equally common ones, the lowest number.
    """
    homes = np.full(classes, -1, dtype=np.int64)
    for label in range(classes):
        if (members := clusters[(labels == label) & (clusters >= 0)]).size:
            homes[label] = np.bincount(members).argmax()
    return homes


def gallery_json(
    images: ImageTable,
    assigned: Assignments,
    rivals: Rivals,
    at_hand: np.ndarray,
    mapped: np.ndarray,
    sprites: Sprites,
    spaces: Sequence[Space],
    called: Mapping[int, ClusterName],
    corrections: Corrections | None = None,
) -> str:
    """Write what the page's script needs as JSON, safe between the tags of an HTML script element.

    The gallery has the rows `at_hand` (m), ascending, which the `sprites` show; those `mapped` are on the maps.
    `called` has the names of the clusters. With `corrections`, those before them are on the page, too.
    """
    names = class_names(images)
    content: dict[str, Any] = {
        "images": len(images),
        "paths": [images.paths[row] for row in at_hand],
        "clusters": assigned.labels[at_hand].tolist(),
        "confidence": _shares(assigned.confidence[at_hand]),
        "labels": images.labels[at_hand].tolist(),
        "near": on_boundary(rivals)[at_hand].astype(int).tolist(),
        "rivals": rivals.clusters[at_hand].tolist(),
        "rivalShares": _shares(rivals.other[at_hand]),
        "classes": list(names),
        "names": {number: found.name for number, found in called.items()},
        "sizes": dict(cluster_sizes(assigned.labels)),
        "homes": commonest_clusters(assigned.labels, images.labels, len(names)).tolist(),
        "mapped": _packed(np.searchsorted(at_hand, mapped)),
        "spaces": [
            {
                "title": space.title,
                "note": space.note,
                "nearest": _packed(space.nearest),
                "count": space.nearest.shape[1],
                "points": _packed(np.rint(space.plot.points * 10)),
            }
            for space in spaces
        ],
        "sprites": {
            "side": sprites.side,
            "columns": sprites.columns,
            "sizes": _packed(sprites.sizes),
            "sheets": list(sprites.sheets),
        },
    }
    if corrections is not None:
        content["found"] = assigned.found[at_hand].tolist()
        content["corrections"] = {"rows": corrections.rows, "groups": corrections.groups}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # "</script>" or "<!--" in a file's name would end the element, or open a comment in it.
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _shares(values: np.ndarray) -> list[float]:
    return [round(value, 3) for value in values.tolist()]


def _packed(values: np.ndarray) -> str:
    """Whole numbers below 65,536 as base64 of 16 bits each, low byte first: a third of their digits' length."""
    return base64.b64encode(values.astype("<u2").tobytes()).decode("ascii")
