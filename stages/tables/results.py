"""The result of a run: which clusters the images are in, what these are called, and where they come from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stages.tables.clusters import RESULT, Clusters, labels_of
from stages.tables.corrections import Corrections
from stages.tables.images import ImageTable
from stages.tables.methods import MethodName
from stages.tables.textfiles import check_digest, damaged, json_of, rows_of, understanding

ASSIGNMENTS = "assignments.csv"
UNCORRECTED = "uncorrected"  # a column of it, there only with corrections: the cluster before them


@dataclass(frozen=True)
class ClusterName:
    """A cluster's `name`, "" where nothing names it, and what it comes from.

    `words` are what networks see in its images, the most telling first; `label` is the commonest of its labelled
    images, "" without any, and `share` its share of these, 0 to 1.
    """

    name: str
    words: tuple[str, ...] = ()
    label: str = ""
    share: float = 0.0


@dataclass(frozen=True)
class Assignments(Clusters):
    """The clusters of a run's result, with confidences from 0 to 1.

    `found` are those before corrections by hand, int32 (n): the labels, where there are no corrections.
    """

    confidence: np.ndarray
    found: np.ndarray


@dataclass(frozen=True)
class Result:
    """All that result.json says: of the `method` whose clusters are the result, and of these.

    `chosen`: without labels, among all methods in `modularity`. `names` are by cluster. `numbers` has, where the
    clusters kept numbers of earlier ones, the number of each cluster by that in the method's own table.
    `corrections` are None where there are none; `digest` is the sha256 of the assignments.
    """

    method: str
    chosen: bool
    modularity: Mapping[str, float]
    names: dict[int, ClusterName]
    numbers: dict[int, int]
    corrections: Corrections | None
    digest: str | None

    def to_json(self) -> dict[str, Any]:
        """The content of result.json; `read_result` reads it."""
        return {
            ASSIGNMENTS: self.digest,
            "method": self.method,
            "chosen": "auto" if self.chosen else "named",
            "modularity": {method: round(score, 6) for method, score in self.modularity.items()},
            "names": {str(number): asdict(name) for number, name in self.names.items()},
            **({"numbers": {str(own): kept for own, kept in self.numbers.items()}} if self.numbers else {}),
            **({"corrections": asdict(self.corrections)} if self.corrections else {}),
        }

    @property
    def scored_as(self) -> str:
        """The name under which the method's clusters are scored: of METHOD/RESULT it is that of the result."""
        name = MethodName.parse(self.method)
        if name.view is None or name.on_one_view:
            return self.method
        return str(replace(name, method=name.view, view=None))

    @property
    def changed(self) -> bool:
        """Whether the clusters are others than in the method's own table, or are called otherwise there."""
        return bool(self.numbers or self.corrections)

    def number_of(self, cluster: int) -> int:
        """The number of a cluster of the method's own table, or of the one that it joined by hand.

        One without images there has a number that no other has.
        """
        if self.numbers:
            cluster = self.numbers.get(cluster, 1 + max(self.numbers.values()) + cluster)
        return self.corrections.merged.get(cluster, cluster) if self.corrections else cluster

    def names_of(self, method: str) -> dict[int, ClusterName]:
        """The names of the clusters of the result, or of a method's own table, if they are the same ones."""
        if method == RESULT:
            return self.names
        if method != self.method or self.corrections:
            return {}
        own = {kept: own for own, kept in self.numbers.items()}
        return {own.get(number, number): name for number, name in self.names.items()}


def read_result(folder: Path) -> Result:
    """Read what result.json in the `folder` of a run's result says."""
    file = folder / "result.json"
    with understanding(file):
        content = json_of(file)
        scores = {str(name): float(value) for name, value in content["modularity"].items()}
        names = {
            int(number): ClusterName(**{**fields, "words": tuple(fields["words"])})
            for number, fields in content.get("names", {}).items()
        }
        numbers = {int(own): int(kept) for own, kept in content.get("numbers", {}).items()}
        corrections = Corrections.from_json(content["corrections"]) if "corrections" in content else None
        method, digest = str(content["method"]), content.get(ASSIGNMENTS)
        result = Result(method, content["chosen"] == "auto", scores, names, numbers, corrections, digest)
    if method not in scores:
        raise damaged(file, f"the modularity of {method!r} is missing")
    return result


def find_result(folder: Path) -> Result | None:
    """Return what `read_result` reads, or None where no result.json is there."""
    return read_result(folder) if (folder / "result.json").exists() else None


def read_assignments(folder: Path, images: ImageTable, result: Result | None = None) -> Assignments:
    """Read the clusters of a run's result from its `folder`, checked to be of these images.

    `result` is what result.json says, read here if it is not given; there need be none.
    """
    file, note = folder / ASSIGNMENTS, folder / "result.json"
    result = result or find_result(folder)
    corrected = result is not None and result.corrections is not None
    rows = list(rows_of(file, "path", "cluster", "confidence", *([UNCORRECTED] if corrected else [])))
    if result is not None:
        check_digest(file, note, result.digest)
    labels = labels_of(file, images.paths, [row[:2] for row in rows])
    found = labels_of(file, images.paths, [(row[0], row[3]) for row in rows]) if corrected else labels
    with understanding(file):
        return Assignments(labels, np.array([_confidence(row[2]) for row in rows]), found)


def _confidence(text: str) -> float:
    """A confidence as a number. One that is none compares with nothing: its image would be neither in nor out."""
    value = float(text)
    if not np.isfinite(value):
        raise ValueError(f"a confidence is {text!r}")
    return value
