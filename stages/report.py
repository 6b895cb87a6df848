"""The `report` stage: one page, metrics/report.html, that shows what was clustered and how well.

The page is a function of its inputs and options alone: a rerun changes no byte.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer

from stages.core.atomic import write_bytes, write_text
from stages.core.checks import MOST
from stages.core.command import run
from stages.core.counted import counted
from stages.core.errors import ParameterError, TableError
from stages.core.runlog import write_beside_logs
from stages.params.file import PARAMS
from stages.params.options import DATA, METRICS, DataFolder, Datasets, MetricsFolder
from stages.params.stage import ParamsFile, stage_application
from stages.reporting.advantage import advantages
from stages.reporting.class_report import read_classes
from stages.reporting.contactsheet import choose_images, cluster_sizes, contact_sheets, make_tiles
from stages.reporting.costs import read_costs, render_costs
from stages.reporting.counts import count_chart
from stages.reporting.duplicates import choose_duplicates, lay_out_duplicates
from stages.reporting.gallery import gallery_json
from stages.reporting.inputs import (
    described,
    read_agreement,
    read_answer,
    read_counts,
    read_rejected,
    read_scores,
    run_settings,
)
from stages.reporting.learning_curves import draw_learning_curves
from stages.reporting.maps import maps_csv, maps_picture
from stages.reporting.page import Dataset, render
from stages.reporting.projection import sample_rows
from stages.reporting.rivals import find_rivals
from stages.reporting.scoretable import before_and_after, score_table, terminal_table
from stages.reporting.seedchart import seed_chart
from stages.reporting.spaces import FIRST, map_spaces, space_sources
from stages.reporting.sprites import Room, make_pictures, share_room
from stages.reporting.tree import read_merges, tree
from stages.studies.sections import styles
from stages.tables import check_same_images, class_names, read_base_partitions, read_images, read_partitions
from stages.tables.clusters import RESULT
from stages.tables.manifest import check_listed, read_manifest
from stages.tables.methods import MethodName
from stages.tables.near_duplicates import read_near_duplicates
from stages.tables.results import ClusterName, read_assignments, read_result
from stages.tables.textfiles import fragment_of


class Options(NamedTuple):
    """The options of the command, by their names."""

    layer: str
    method: str
    seed: int
    images_per_cluster: int
    thumbnail: int
    data: Path
    metrics: Path
    page: Path
    rerun: str


def report(
    datasets: Datasets,
    layer: Annotated[
        str,
        typer.Option(help="Layer whose features are mapped; L3 is the last before a network's classifier."),
    ] = "L3",
    method: Annotated[
        str,
        typer.Option(
            help="Trained network whose embedding is mapped: OBJECTIVE/METHOD, OBJECTIVE/views/BACKBONE, or "
            "images/METHOD; first: dmvc of the first objective or, without one, the first network on images."
        ),
    ] = FIRST,
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            max=2**31 - 1,
            help="Seed of the maps (t-SNE); another one turns and moves them, and changes no cluster.",
        ),
    ] = 0,
    images_per_cluster: Annotated[
        int,
        typer.Option(
            min=1,
            max=MOST,
            help="Images to show per cluster: half its most confident ones, a quarter on its boundary with "
            "another cluster, a quarter its least confident; 12 fill one row of a wide window.",
        ),
    ] = 12,
    thumbnail: Annotated[
        int,
        typer.Option(
            min=16,
            max=512,
            help="Longer side of a thumbnail, in pixels; 96 are some 4 kB an image on the page.",
        ),
    ] = 96,
    data: DataFolder = DATA,
    metrics: MetricsFolder = METRICS,
    page: Annotated[
        Path | None,
        typer.Option(help="File to write instead of METRICS/report.html, without the comparison of datasets."),
    ] = None,
    params: ParamsFile = PARAMS,
) -> None:
    """Write metrics/report.html: clusters, maps, scores and settings of every dataset, on one page.

    The maps are also written as a picture, maps/NAME.png beside the page, and as a table of points beside it. What
    the stages took at their last run here is a page of its own, logs/costs.html, since it differs from run to run.
    """
    if not datasets:
        raise ParameterError("there is nothing to report: give at least one dataset")
    file = page or metrics / "report.html"
    rerun = "manyviews cluster" if page else "dvc repro"  # who asks for a page of its own is that command
    options = Options(layer, method, seed, images_per_cluster, thumbnail, data, metrics, file, rerun)
    names = dict.fromkeys(datasets)
    room = share_room(len(names), thumbnail)
    pages = [_dataset(name, options, room) for name in names]
    study = "" if page else fragment_of(data / "study.html")
    write_text(file, render(pages, study, styles()))
    if not page:
        write_beside_logs("costs.html", render_costs({each.name: each.costs for each in pages}, styles()))
    _print_scores(pages)
    print(file)


def _dataset(name: str, options: Options, room: Room) -> Dataset:
    """Gather what the page shows of one dataset."""
    partitions, metrics = options.data / "partitions" / name, options.metrics / name
    near_file = options.data / "graphs" / f"{name}.near_duplicates.csv"
    rejected_file = options.data / "images" / f"{name}.rejected.csv"
    listed = [*sorted(metrics.glob("*.csv")), metrics / "scores.json", near_file, rejected_file]
    check_listed(options.data / "evaluations" / f"{name}.json", name, listed)
    scores = read_scores(metrics / "scores.json")
    agreement = read_agreement(metrics / "agreement.csv")
    counts = read_counts(metrics / "cluster_counts.csv")
    answer = read_answer(partitions / "n_clusters.json")
    results = options.data / "results" / name
    result = read_result(results)
    rejected = read_rejected(rejected_file)
    images = read_images(options.data / "images" / f"{name}.parquet")
    if scores.images != len(images):
        raise TableError(
            f"{metrics / 'scores.json'} scores {scores.images} images, {images.file} holds {len(images)}; "
            "run `dvc repro` to make it again"
        )
    assigned = read_assignments(results, images, result)
    trained = list(read_manifest(options.data / "views" / name / "methods.json"))
    runs = {"Ensemble": read_partitions(partitions / "ensemble.parquet")}
    runs |= {
        f"{'Trained' if MethodName.parse(method).trains_network else 'Made'} by {method}": read_partitions(
            partitions / f"{method}.parquet"
        )
        for method in trained
    }
    check_same_images(images, *runs.values())
    base = read_base_partitions(images, partitions, runs["Ensemble"].settings["ensemble"])
    rivals = find_rivals(base.partitions, base.weights, assigned.labels)
    sheets = choose_images(assigned.labels, assigned.confidence, rivals, options.images_per_cluster, room.tiles)
    near = read_near_duplicates(near_file, images)
    alike = choose_duplicates(near)
    shown = [*(row for sheet in sheets for row in sheet.rows), *itertools.chain.from_iterable(alike)]
    mapped = sample_rows(len(images), room.mapped, options.seed)
    at_hand = np.union1d(mapped, np.array(shown, dtype=np.int64))
    backbones = tuple(read_manifest(options.data / "views" / name / "features.json"))
    sources = space_sources(options.data, name, trained, backbones, options.method, options.layer)
    mappings = map_spaces(sources, images, assigned.labels, mapped, at_hand, options.seed)
    maps = [(mapping.space.title, mapping.points) for mapping in mappings]
    sizes = cluster_sizes(assigned.labels)
    names = {number: ClusterName("") for number, _ in sizes} | result.names
    heading = f"{name}: {len(mapped):,} images in {len(sizes)} clusters (t-SNE of each view)"
    picture = maps_picture(heading, maps, assigned.labels[mapped])
    write_bytes(options.page.parent / "maps" / f"{name}.png", picture)
    table = maps_csv(maps, images.paths, assigned.labels, mapped)
    write_text(options.page.parent / "maps" / f"{name}.csv", table)
    views = {f"View {mapping.space.title}": described(mapping.made) for mapping in mappings if mapping.made}
    own = {name: getattr(options, name) for name in ("layer", "method", "seed", "images_per_cluster")}
    own["thumbnail"] = f"{options.thumbnail} px"
    joint, of_page = scores.joint, result.scored_as
    of_method = {**scores.joint, **scores.single}.get(of_page, {})
    if of_method.get("seeds"):  # the page shows one seed, the method has means
        joint, of_page = {RESULT: scores.result, **joint}, RESULT
    reports = read_classes(metrics / "classes.csv", metrics / "confusion.csv")
    spaces = tuple(mapping.space for mapping in mappings)
    sprites, thumbnails = make_pictures(images, at_hand.tolist(), shown, options.thumbnail, room)
    tiles = make_tiles(images, assigned, rivals, thumbnails, at_hand)
    return Dataset(
        name=name,
        images=len(images),
        labelled=int((images.labels >= 0).sum()),
        k=scores.clusters,
        views=backbones,
        rejected=rejected,
        parameters={**{title: run_settings(run) for title, run in runs.items()}, **views, "Report": own},
        scores=score_table(joint, scores.single, of_page, result.corrections is not None),
        seeds=seed_chart(joint, scores.single),
        result=result,
        advantages=advantages(scores.joint, scores.single),
        agreement=agreement,
        counts=count_chart(counts, answer),
        spaces=spaces,
        gallery=gallery_json(
            images, assigned, rivals, at_hand, mapped, sprites, spaces, names, result.corrections
        ),
        mapped=len(mapped),
        class_names=class_names(images),
        sizes=sizes,
        names=names,
        clusters=contact_sheets(images, assigned.labels, sheets, tiles),
        duplicates=lay_out_duplicates(near, alike, tiles),
        studies=fragment_of(options.data / "studies" / f"{name}.html"),
        dendrogram=tree(read_merges(metrics / "dendrogram.csv")),
        training=draw_learning_curves(metrics, trained),
        classes=tuple(sorted(reports, key=lambda report: report.method != result.scored_as)),  # the first is open
        rerun=options.rerun,
        corrected=before_and_after(*scores.corrected) if scores.corrected else (),
        costs=read_costs(name, backbones, trained, {**scores.joint, **scores.single}),
    )


def _print_scores(datasets: Sequence[Dataset]) -> None:
    """Print a short table of each dataset's scores to the terminal."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = 120  # a pipe has no width; names need not be cut
    for dataset in datasets:
        title = f"{dataset.name}: {counted(dataset.images, 'image')} in {counted(dataset.k, 'cluster')}"
        title += f" by {dataset.result.method}"
        console.print(terminal_table(title, dataset.scores))
        console.print()


app = stage_application(
    report,
    "datasets",
    "report.layer",
    "report.method",
    "report.seed",
    "report.images_per_cluster",
    "report.thumbnail",
)

if __name__ == "__main__":
    run(app)
