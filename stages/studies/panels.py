"""The panels of one picture: a view, and what networks learnt from it and from all views."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.core.csvtext import csv_text
from stages.core.seeds import evenly_spaced
from stages.reporting.maps import maps_picture
from stages.reporting.projection import project_each
from stages.scoring.scores import view_agreement
from stages.studies.sections import MOST, PanelsSection, Study
from stages.tables import ImageTable, check_same_images, read_vectors
from stages.tables.methods import FeatureMethod, MethodName
from stages.tables.trained_files import TrainedFiles

_TABLE = "panels/panels.csv"


@dataclass(frozen=True)
class Panel:
    """K-means on one representation: `method` as in `stages.scoring.published`, `nmi` None without labels.

    `clusters` were found, fewer than wanted where fewer images differ; the NMI is that of the `labelled` images.
    `points` float64 (m, 2) is its t-SNE map.
    """

    method: str
    view: str
    title: str
    nmi: float | None
    clusters: int
    labelled: int
    points: np.ndarray


@dataclass(frozen=True)
class Panels(Study):
    """The study, and the `panels` of one `objective`; none where no objective was trained."""

    objective: str | None
    panels: Sequence[Panel]


def draw_panels(
    images: ImageTable,
    data: Path,
    dataset: str,
    view: str,
    layer: str,
    objective: str | None,
    clusters: int,
    seed: int,
) -> Panels:
    """Map four representations by t-SNE and cluster each by K-means: the poster's figure 5 and table 3.

    These are the `layer` of one view, the code of the network trained on it, and the embeddings of dmvc-fix and
    dmvc. They are coloured by class or, without labels, by K-means' clusters of the last; of more than 5,000
    images, 5,000 are drawn. Without an `objective` panels.csv has a header alone, and there is no picture.
    """
    if objective is None:
        return Panels({_TABLE: _table([])}, None, None, [])
    from stages.clustering import count_different, find_algorithm

    trained = TrainedFiles(data, dataset)
    alone = trained.embedding(MethodName(objective, FeatureMethod.VIEWS, view))
    fix = trained.embedding(MethodName(objective, FeatureMethod.DMVC_FIX))
    dmvc = trained.embedding(MethodName(objective, FeatureMethod.DMVC))
    sources = [
        ("baseline", view, f"{view} {layer}", data / "features" / dataset / view / f"{layer}.parquet", "features"),
        ("kmeans-of-views", view, f"{view} + {objective}", alone, "embedding"),
        ("kmeans-of-dmvc-fix", "", "dmvc-fix", fix, "embedding"),
        ("kmeans-of-dmvc", "", "dmvc", dmvc, "embedding"),
    ]
    rows = evenly_spaced(len(images), MOST)
    known = images.labels[rows] >= 0
    kmeans = find_algorithm("kmeans")
    found, vectors = [], []
    for method, single, title, file, column in sources:
        table = read_vectors(file, column)
        check_same_images(images, table)
        vectors.append(table.values[rows])
        # K-means refuses more clusters than points, for which zeros of either sign are the same.
        wanted = min(clusters, count_different([vectors[-1] + 0.0]))
        labels = kmeans.partition(vectors[-1], wanted, seed, 10)
        nmi = None
        if known.any():
            nmi = float(view_agreement([[images.labels[rows][known]], [labels[known]]])[0, 1])
        found.append((method, single, title, nmi, len(np.unique(labels)), int(known.sum())))
    maps = project_each(vectors, seed)
    panels = [Panel(*result, points) for result, points in zip(found, maps, strict=True)]
    colours = np.where(known, images.labels[rows], images.labels.max() + 1) if known.any() else labels
    by = "class" if known.any() else "cluster of the last"
    captions = [
        panel.title if panel.nmi is None else f"{panel.title}\nK-means: NMI {panel.nmi:.3f}" for panel in panels
    ]
    heading = f"{dataset}: {len(rows):,} images, coloured by {by} (t-SNE; no unit)"
    picture = maps_picture(heading, list(zip(captions, maps, strict=True)), colours)
    files: dict[str, str | bytes] = {
        "panels/panels.png": picture,
        "panels/points.csv": _points(panels, [images.paths[row] for row in rows]),
        _TABLE: _table(panels),
    }
    scores = tuple((panel.title, math.nan if panel.nmi is None else panel.nmi) for panel in panels)
    made = tuple(panel.clusters for panel in panels)
    return Panels(files, PanelsSection(dataset, len(rows), made, picture, scores), objective, panels)


def _table(panels: Sequence[Panel]) -> str:
    rows = [
        (p.title, p.method, len(p.points), p.labelled, p.clusters, "" if p.nmi is None else f"{p.nmi:.6f}")
        for p in panels
    ]
    return csv_text(["panel", "method", "images", "labelled_images", "clusters", "nmi_geometric"], rows)


def _points(panels: Sequence[Panel], paths: Sequence[str]) -> str:
    rows = (
        (panel.title, path, f"{x:.4f}", f"{y:.4f}")
        for panel in panels
        for path, (x, y) in zip(paths, panel.points, strict=True)
    )
    return csv_text(["panel", "path", "x", "y"], rows)
