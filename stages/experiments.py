"""Stage `experiments`: what was published, rerun on one dataset and shown beside the published figures."""

from typing import Annotated

import typer

from stages.core.atomic import write_bytes
from stages.core.checks import MOST
from stages.core.command import run
from stages.core.engine import tasks_on
from stages.core.errors import ParameterError
from stages.core.seeds import derived_seed
from stages.params.file import PARAMS
from stages.params.options import DATA, METRICS, DataFolder, Dataset, Engine, MetricsFolder, Seed
from stages.params.stage import ParamsFile, stage_application
from stages.studies.measured import Runs
from stages.studies.panels import draw_panels
from stages.studies.probes import supervised_scores
from stages.studies.published_scores import beside_published
from stages.studies.sections import Study, render_section
from stages.studies.view_classes import view_classes
from stages.studies.view_counts import view_counts
from stages.tables import check_layer, check_same_images, read_images, read_partitions
from stages.tables.manifest import check_listed, read_manifest
from stages.tables.methods import FeatureMethod, MethodName
from stages.tables.textfiles import write_fragment
from stages.tables.trained_files import TrainedFiles

FIRST = "first"


def experiments(
    dataset: Dataset,
    seed: Seed = 0,
    layer: Annotated[
        str, typer.Option(help="Layer on which the views are compared class by class; one that was extracted.")
    ] = "L3",
    subsets: Annotated[
        int,
        typer.Option(
            min=1,
            max=MOST,
            help="Most subsets of the views of each size that are combined; 252: all of ten views.",
        ),
    ] = 20,
    view: Annotated[
        str, typer.Option(help="Backbone of the single view in the panels; 'first': the first of all.")
    ] = FIRST,
    engine: Engine = "local",
    data: DataFolder = DATA,
    metrics: MetricsFolder = METRICS,
    params: ParamsFile = PARAMS,
) -> None:
    """Say which view sees which class, how many views it takes, and how the scores compare with published ones.

    Writes tables and figures to METRICS/DATASET, and the sections of the report to DATA/studies.
    """
    images = read_images(data / "images" / f"{dataset}.parquet")
    ensemble = read_partitions(data / "partitions" / dataset / "ensemble.parquet")
    check_same_images(images, ensemble)
    (settings,) = ensemble.settings.values()
    backbones = settings["backbones"]
    chosen = backbones[0] if view == FIRST else view
    if chosen not in backbones:
        raise ParameterError(f"experiments.view is {view!r}; give 'first' or one of {', '.join(backbones)}")
    check_layer("experiments.layer", layer, data / "features" / dataset, backbones)
    features, partitions = data / "features" / dataset, data / "partitions" / dataset
    trained = [MethodName.parse(name) for name in read_manifest(data / "views" / dataset / "methods.json")]
    # One objective has panels, the first one.
    objective = next((name.objective for name in trained if name.method == FeatureMethod.VIEWS), None)

    classes = view_classes(images, features, backbones, layer, dataset)
    with tasks_on(engine) as map_tasks:
        own_seed = derived_seed(seed, "subsets")
        counts = view_counts(images, partitions, settings, subsets, own_seed, dataset, map_tasks)
    clusters, own_seed = settings["n_clusters"], derived_seed(seed, "panels")
    panels = draw_panels(images, data, dataset, chosen, layer, objective, clusters, own_seed)
    folder = metrics / dataset
    # No dependency in dvc.yaml: it only says whether the scores are whole, and changes with what is not read here.
    if (evaluation := data / "evaluations" / f"{dataset}.json").exists():
        check_listed(evaluation, dataset, [folder / "methods.csv", folder / "probes.csv"])
    runs = Runs(TrainedFiles(data, dataset), images, settings, trained)
    published = beside_published(folder / "methods.csv", runs, panels)

    probes = supervised_scores(folder / "probes.csv", dataset)

    studies: tuple[Study, ...] = (counts, classes, panels, published, probes)
    for study in studies:
        for name, content in study.files.items():
            write_bytes(folder / name, content if isinstance(content, bytes) else content.encode())
    sections = (render_section(study.section) for study in studies if study.section is not None)
    write_fragment(data / "studies" / f"{dataset}.html", "".join(sections))
    print(
        f"{dataset}: {counts.subsets} subsets of {len(backbones)} views; {published.scores} scores beside "
        "published ones"
    )


app = stage_application(experiments, "seed", "experiments.layer", "experiments.subsets", "experiments.view")

if __name__ == "__main__":
    run(app)
