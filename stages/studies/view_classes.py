"""Which views see which classes: a view that is worse on the whole may be the best on one class.

Guerin et al., "Combining pretrained CNN feature extractors to enhance clustering of complex natural images",
Neurocomputing 2021, section 4.1 and figure 8: Ward's clusters of each network's last layer, compared by the score
of Fowlkes and Mallows, on the whole and class by class.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.csvtext import csv_text
from stages.core.seeds import evenly_spaced
from stages.scoring.confusion import class_scores, confusion
from stages.studies.sections import MOST, ComplementaritySection, Study
from stages.tables import ImageTable, check_same_images, class_names, read_vectors

_EQUAL = 5e-7  # scores nearer than this are the same in all the digits that tables keep
_FILE = "complementarity.csv"


def view_classes(images: ImageTable, features: Path, backbones: list[str], layer: str, dataset: str) -> Study:
    """Compare Ward's clusters of every view, as many as classes, with the classes: complementarity.csv.

    Features are taken as they are, as published. Images without a label are left out; where none has
    one, the table has a header alone, and there is no section.
    """
    from stages.clustering import find_algorithm

    header = ("scope", "class", "images", "view", "fowlkes_mallows", "best")
    labelled = np.flatnonzero(images.labels >= 0)
    if not len(labelled):
        return Study({_FILE: csv_text(header, [])}, None)
    rows = labelled[evenly_spaced(len(labelled), MOST)]
    present, classes, sizes = np.unique(images.labels[rows], return_inverse=True, return_counts=True)
    names = [class_names(images)[label] for label in present]
    ward, labels = find_algorithm("ward"), {}
    for backbone in backbones:
        table = read_vectors(features / backbone / f"{layer}.parquet", "features")
        check_same_images(images, table)
        labels[backbone] = ward.partition(table.values[rows], len(present), 0, 1)
    found = complementarity(classes, labels)
    leaders = found.leaders()
    content: list[tuple[Any, ...]] = [
        ("all", "", len(rows), view, f"{found.overall[place]:.6f}", int(place == found.best))
        for place, view in enumerate(found.views)
    ]
    content += [
        ("class", name, size, view, f"{found.by_class[place, number]:.6f}", int(leaders[number] == place))
        for number, (name, size) in enumerate(zip(names, sizes.tolist(), strict=True))
        for place, view in enumerate(found.views)
    ]
    section = ComplementaritySection(
        dataset,
        len(rows),
        layer,
        found.views,
        found.overall,
        tuple(names),
        tuple(sizes.tolist()),
        found.by_class,
        tuple(leaders.tolist()),
        tuple(complementarity_sentences(found, names)),
    )
    return Study({_FILE: csv_text(header, content)}, section)


@dataclass(frozen=True)
class Complementarity:
    """Scores of Fowlkes and Mallows: `overall` float64 (v) of every view, `by_class` float64 (v, c)."""

    views: tuple[str, ...]
    overall: np.ndarray
    by_class: np.ndarray

    @property
    def best(self) -> int:
        """The view that is best on the whole; the first of several."""
        return int(np.argmax(self.overall))

    @property
    def worst(self) -> int:
        """The view that is worst on the whole; the first of several."""
        return int(np.argmin(self.overall))

    def leaders(self) -> np.ndarray:
        """For each class the view that separates it best, int64 (c); where it is as good as any, the best one."""
        leaders: np.ndarray = self.by_class.argmax(axis=0)
        highest = self.by_class.max(axis=0)
        leaders[self.by_class[self.best] >= highest - _EQUAL] = self.best
        return leaders


def complementarity(classes: np.ndarray, views: Mapping[str, np.ndarray]) -> Complementarity:
    """Compare the clusters of every view, int (n) each, with `classes`, int (n), from 0 on with none left out."""
    from sklearn.metrics import fowlkes_mallows_score

    overall = [fowlkes_mallows_score(classes, labels) for labels in views.values()]
    by_class = [class_scores(confusion(classes, labels)).fowlkes_mallows for labels in views.values()]
    return Complementarity(tuple(views), np.array(overall, dtype=np.float64), np.array(by_class))


def complementarity_sentences(found: Complementarity, class_names: Sequence[str]) -> list[str]:
    """Say which view is the best, and which classes others separate better."""
    best, worst = found.views[found.best], found.views[found.worst]
    if len(found.views) < 2:
        return [f"There is one view only, {best}, so none can complement another."]
    scores = f"{best} is the best view on the whole ({found.overall[found.best]:.3f})"
    sentences = [f"{scores}, {worst} the worst ({found.overall[found.worst]:.3f})."]
    leaders = found.leaders()
    others = np.flatnonzero(leaders != found.best)
    if not len(others):
        return [*sentences, f"No other view separates any of the {len(leaders)} classes better."]
    gains = found.by_class[leaders[others], others] - found.by_class[found.best, others]
    listed = [
        f"{class_names[place]} by {found.views[leaders[place]]} "
        f"({found.by_class[leaders[place], place]:.2f} against {found.by_class[found.best, place]:.2f})"
        for place in others[np.argsort(-gains, kind="stable")]
    ]
    sentences.append(
        f"Yet {len(others)} of {len(leaders)} classes are separated better by another view: {_listed(listed)}."
    )
    own = [class_names[place] for place in np.flatnonzero(leaders == found.worst).tolist()]
    if own and worst != best:
        sentences.append(f"Even {worst} is the best on {len(own)} of them: {_listed(own)}.")
    return sentences


def _listed(names: Sequence[str], most: int = 10) -> str:
    more = [f"and {len(names) - most} more"] if len(names) > most else []
    return ", ".join([*names[:most], *more])
