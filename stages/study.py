"""Stage `study`: layers, architectures and algorithms compared over all datasets with labels."""

import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.atomic import replacing, write_text
from stages.core.checks import check_once
from stages.core.command import run
from stages.params.file import PARAMS
from stages.params.options import DATA, METRICS, DataFolder, Datasets, MetricsFolder
from stages.params.stage import ParamsFile, stage_application
from stages.studies.layers import layer_section, layer_study
from stages.studies.sections import render_figure, render_section
from stages.tables.manifest import TASK, check_listed
from stages.tables.methods import BaselineName, parse_scored
from stages.tables.textfiles import json_of, text_of, understanding, write_fragment

_KEYS = ["dataset", TASK, "backbone", "layer", "algorithm"]
_FIGURES = ("layer_architecture", "layer_task", "architecture_task")


def study(
    datasets: Datasets, data: DataFolder = DATA, metrics: MetricsFolder = METRICS, params: ParamsFile = PARAMS
) -> None:
    """Compare layers and architectures by the baselines' scores, and say which are best.

    Writes tables and figures to METRICS/study, and the section of the report to DATA/study.html. Datasets without
    labels are left out.
    """
    check_once("datasets", datasets, "dataset")
    rows = [row for dataset in datasets for row in _baselines(metrics / dataset, dataset, data)]
    columns = [*_KEYS, "nmi_geometric", "purity", "images", "clusters"]
    found = layer_study(pd.DataFrame(rows, columns=columns))
    folder = metrics / "study"
    for name, table in found.tables.items():
        with replacing(folder / f"{name}.csv") as partial:
            table.to_csv(partial, index=False, lineterminator="\n", float_format="%.6f")
    for name, chart in found.figures.items():
        write_text(folder / f"{name}.svg", render_figure(chart))
    drawn = {folder / f"algorithms-{dataset}.svg": chart for dataset, chart in found.by_set.items()}
    for file, chart in drawn.items():
        write_text(file, render_figure(chart))
    for file in {*folder.glob("algorithms-*.svg")} - set(drawn):  # of a run by hand before
        file.unlink()
    for name in _FIGURES:
        if name not in found.figures:
            (folder / f"{name}.svg").unlink(missing_ok=True)
    write_text(folder / "conclusions.txt", "".join(f"{sentence}\n" for sentence in found.conclusions))
    section = layer_section(found)
    write_fragment(data / "study.html", render_section(section) if section.datasets else "")
    print(f"{len(found.tables['scores'])} scores of {len(section.datasets)} datasets. {found.conclusions[0]}")


def _baselines(folder: Path, dataset: str, data: Path) -> list[dict[str, Any]]:
    """The scores of each of the baseline's methods on one dataset; none without labels."""
    check_listed(
        data / "evaluations" / f"{dataset}.json", dataset, [folder / "methods.csv", folder / "scores.json"]
    )
    with understanding(folder / "methods.csv"):
        table = pd.read_csv(io.StringIO(text_of(folder / "methods.csv")))
    with understanding(folder / "scores.json"):
        facts = json_of(folder / "scores.json")["dataset"]
        images, task = facts["labelled"], facts.get(TASK, "")
    rows = []
    for row in table.to_dict("records"):
        name = parse_scored(str(row["method"]))
        if isinstance(name, BaselineName) and pd.notna(row.get("nmi_geometric")):
            keys = {"dataset": dataset, TASK: task, **asdict(name)}
            scores = {"nmi_geometric": row["nmi_geometric"], "purity": row["purity"]}
            rows.append(keys | scores | {"images": images, "clusters": row["n_clusters"]})
    return rows


app = stage_application(study, "datasets")

if __name__ == "__main__":
    run(app)
