"""Stage `study`: layers, architectures and algorithms compared over all datasets with labels."""

import io
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import Any, Self

import pandas as pd

from stages.core.atomic import replacing, write_text
from stages.core.checks import check_once
from stages.core.command import run
from stages.core.csvtext import csv_text
from stages.params.file import PARAMS
from stages.params.options import DATA, METRICS, DataFolder, Datasets, MetricsFolder
from stages.params.stage import ParamsFile, stage_application
from stages.studies.layers import layer_section, layer_study
from stages.studies.leaders import Joint, follow_the_leader, leaders_section
from stages.studies.sections import LeaderRow, render_figure, render_section
from stages.tables.clusters import RESULT
from stages.tables.manifest import TASK, check_listed
from stages.tables.methods import ENSEMBLE, BaselineName, parse_scored
from stages.tables.results import UNCORRECTED
from stages.tables.textfiles import json_of, text_of, understanding, write_fragment

_KEYS = ["dataset", TASK, "backbone", "layer", "algorithm"]


def study(
    datasets: Datasets, data: DataFolder = DATA, metrics: MetricsFolder = METRICS, params: ParamsFile = PARAMS
) -> None:
    """Compare layers and architectures by the baselines' scores, and say which are best.

    Writes tables and figures to METRICS/study, and the sections of the report to DATA/study.html. Datasets without
    labels are left out. With two or more others, leaders.csv says how the network that leads elsewhere
    does on each.
    """
    check_once("datasets", datasets, "dataset")
    read = {dataset: _Scores.read(metrics / dataset, dataset, data) for dataset in datasets}
    rows = [row for scores in read.values() for row in scores.baselines]
    columns = [*_KEYS, "nmi_geometric", "purity", "images", "clusters"]
    found = layer_study(pd.DataFrame(rows, columns=columns))
    folder = metrics / "study"
    for name, table in found.tables.items():
        with replacing(folder / f"{name}.csv") as partial:
            table.to_csv(partial, index=False, lineterminator="\n", float_format="%.6f")
    drawn = found.figures | {f"algorithms-{dataset}": chart for dataset, chart in found.by_set.items()}
    files = {folder / f"{name}.svg": chart for name, chart in drawn.items()}
    for file, chart in files.items():
        write_text(file, render_figure(chart))
    for file in {*folder.glob("*.svg")} - set(files):  # of a run by hand before
        file.unlink()
    write_text(folder / "conclusions.txt", "".join(f"{sentence}\n" for sentence in found.conclusions))
    section = layer_section(found)
    joint = {dataset: scores.joint for dataset, scores in read.items() if scores.joint}
    leaders = leaders_section(follow_the_leader(found.tables["scores"], joint))
    (folder / "leaders.csv").unlink(missing_ok=True)
    if leaders:
        names = [field.name for field in fields(LeaderRow)]
        write_text(folder / "leaders.csv", csv_text(names, (_digits(astuple(row)) for row in leaders.rows)))
    shown = [each for each in (section if section.datasets else None, leaders) if each]
    write_fragment(data / "study.html", "".join(map(render_section, shown)))
    print(f"{len(found.tables['scores'])} scores of {len(section.datasets)} datasets. {found.conclusions[0]}")


@dataclass(frozen=True)
class _Scores:
    """The rows of the baseline's methods on one dataset, and what all views give; neither without labels."""

    baselines: list[dict[str, Any]]
    joint: Joint | None

    @classmethod
    def read(cls, folder: Path, dataset: str, data: Path) -> Self:
        """Read the dataset's tables in the `folder` of its scores."""
        methods, nested = folder / "methods.csv", folder / "scores.json"
        check_listed(data / "evaluations" / f"{dataset}.json", dataset, [methods, nested])
        with understanding(methods):
            table = pd.read_csv(io.StringIO(text_of(methods)))
        with understanding(nested):
            scores = json_of(nested)
            facts, joint = scores["dataset"], None
            images = facts["labelled"]
            if images:
                # What corrections by hand did is not owed to any network.
                made = scores.get(UNCORRECTED, scores[RESULT])["nmi_geometric"]
                joint = Joint(images, scores[ENSEMBLE]["nmi_geometric"], scores[RESULT]["method"], made)
        rows = []
        for row in table.to_dict("records"):
            name = parse_scored(str(row["method"]))
            if isinstance(name, BaselineName) and pd.notna(row.get("nmi_geometric")):
                keys = {"dataset": dataset, TASK: facts.get(TASK, ""), **asdict(name)}
                both = {"nmi_geometric": row["nmi_geometric"], "purity": row["purity"]}
                rows.append(keys | both | {"images": images, "clusters": row["n_clusters"]})
        return cls(rows, joint)


def _digits(values: tuple[Any, ...]) -> list[Any]:
    return [f"{value:.6f}" if isinstance(value, float) else value for value in values]


app = stage_application(study, "datasets")

if __name__ == "__main__":
    run(app)
