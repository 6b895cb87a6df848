"""The supervised scores of the representations, and published ones that they must not be taken for."""

from pathlib import Path

from stages.scoring.published.records import published_scores
from stages.studies.sections import ProbeRow, ProbesSection, Study
from stages.tables.textfiles import rows_of, understanding

_COLUMNS = ("representation", "dimensions", "probe", "accuracy", "accuracy_ste", "chance", "folds", "samples")
_VERIFICATION = "verification"  # the published method, and the probe


def supervised_scores(probes: Path, dataset: str) -> Study:
    """Lay out the table `probes`, which `evaluate` wrote; without a section where it has no rows."""
    with understanding(probes):
        rows = tuple(
            ProbeRow(name, int(width), probe, float(mean), float(ste), float(chance), int(folds), int(samples))
            for name, width, probe, mean, ste, chance, folds, samples in rows_of(probes, *_COLUMNS)
        )
    if not rows:
        return Study({}, None)
    published = [score for score in published_scores() if score.method == _VERIFICATION]
    if all(row.probe != _VERIFICATION for row in rows):
        published = []
    values = tuple((score.algorithm, score.layer, score.value) for score in published)
    return Study({}, ProbesSection(dataset, rows, values, published[0].citation if published else ""))
