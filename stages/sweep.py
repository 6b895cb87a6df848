"""Stage `sweep`: a repeated training scored, as a table with a row a run and a figure with error bars."""

from typing import Annotated

import typer

from stages.clustering import isometric, normalise
from stages.core.atomic import write_text
from stages.core.command import run
from stages.graphs.modularity import modularity
from stages.params.options import DATA, METRICS, DataFolder, Dataset, MetricsFolder, Sweep
from stages.params.stage import stage_application
from stages.params.sweeps import SweepName
from stages.scoring.evaluation import score_partitions
from stages.scoring.scores import DIGITS
from stages.studies.sections import render_points
from stages.studies.sweeps import sweep_chart, sweep_csv
from stages.tables import check_same_images, read_images, read_partitions, read_vectors
from stages.tables.links import read_links
from stages.tables.methods import FeatureMethod, Objective
from stages.tables.textfiles import understanding
from stages.tables.trained_files import TrainedFiles


def sweep(
    dataset: Dataset,
    objective: Annotated[Objective, typer.Option(help="Training objective of the networks.")],
    method: Annotated[FeatureMethod, typer.Option(help="Row of the comparison that was trained.")],
    name: Sweep,
    data: DataFolder = DATA,
    metrics: MetricsFolder = METRICS,
) -> None:
    """Score the runs of a sweep with labels where there are some and without them always, as evaluate does.

    Writes a table with a row a run and a figure to METRICS/DATASET: means over the seeds, with standard errors.
    """
    sweep_name = SweepName(dataset, objective, method, name)
    images = read_images(data / "images" / f"{dataset}.parquet")
    table = read_partitions(TrainedFiles(data, dataset).sweep(sweep_name.stem))
    links = read_links(data / "graphs" / f"{dataset}.parquet")
    runs, partitions = list(table.settings.values()), list(table.labels.values())
    with understanding(table.file):
        backbones, layer = runs[0]["backbones"], runs[0]["layer"]
    features = data / "features" / dataset
    views = [read_vectors(features / backbone / f"{layer}.parquet", "features") for backbone in backbones]
    check_same_images(images, table, links, *views)
    scores = score_partitions(
        images.labels, [isometric(normalise(view.values, "l2")) for view in views], partitions
    )
    for row, labels in zip(scores, partitions, strict=True):
        row["modularity"] = round(modularity(links.links, labels), DIGITS)
    with understanding(table.file):
        rows, chart = sweep_csv(runs, scores, len(images)), sweep_chart(str(sweep_name), runs, scores)
    file = metrics / dataset / f"sweep-{sweep_name.stem}.csv"
    write_text(file, rows)
    write_text(file.with_suffix(".svg"), render_points(chart))
    print(f"{sweep_name}: {len(runs)} trainings scored")


app = stage_application(sweep)

if __name__ == "__main__":
    run(app)
