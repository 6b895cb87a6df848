"""What the report's sections draw from the tables that other stages wrote beside the scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stages import reporting
from stages.tables.methods import MethodName
from stages.tables.trained_files import training_curve


class Sections(NamedTuple):
    """The drawings of one dataset; see the fields of the same names of `stages.reporting.Dataset`."""

    dendrogram: reporting.Tree | None
    training: tuple[reporting.Training, ...]
    classes: tuple[reporting.ClassReport, ...]


def read_sections(metrics: Path, trained: Sequence[str]) -> Sections:
    """Read the tables in the folder `metrics` of a dataset on which the methods `trained` were trained."""
    return Sections(
        dendrogram=reporting.tree(reporting.read_merges(metrics / "dendrogram.csv")),
        training=_trainings(metrics, trained),
        classes=tuple(reporting.read_classes(metrics / "classes.csv", metrics / "confusion.csv")),
    )


def _trainings(metrics: Path, trained: Sequence[str]) -> tuple[reporting.Training, ...]:
    """One drawing for every objective with all its networks, and one for those on images."""
    found = []
    names = [MethodName.parse(name) for name in trained]
    for objective in dict.fromkeys(name.objective for name in names):
        own = [name for name in names if name.objective == objective and name.trains_network]
        files = {name.method: training_curve(metrics, name) for name in own}
        courses = [
            course for method, file in files.items() for course in reporting.read_courses(file, objective, method)
        ]
        sources = [f"metrics/{metrics.name}/{file.name}" for file in files.values()]
        found.append(reporting.training(courses, sources))
    return tuple(drawing for drawing in found if drawing is not None)
