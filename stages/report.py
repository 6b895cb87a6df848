"""The `report` stage: one page, metrics/report.html, that shows what was clustered and how well.

The page is a function of its inputs and options alone: a rerun changes no byte.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer

from stages import reporting, studies, tables
from stages.core.atomic import write_bytes, write_text
from stages.core.command import run
from stages.core.csvtext import csv_text
from stages.core.errors import ParameterError, TableError
from stages.params.file import PARAMS
from stages.params.options import DATA, METRICS, DataFolder, Datasets, MetricsFolder
from stages.params.stage import ParamsFile, stage_application
from stages.reporting.drawings import read_sections
from stages.reporting.pictures import contact_sheets, make_gallery, make_pictures
from stages.reporting.spaces import FIRST, Mapping, map_spaces, space_sources
from stages.tables import class_names, read_base_partitions
from stages.tables.manifest import read_manifest
from stages.tables.methods import MethodName


class Options(NamedTuple):
    """The options of the command, by their names."""

    layer: str
    method: str
    seed: int
    images_per_cluster: int
    thumbnail: int
    data: Path
    metrics: Path


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
        typer.Option(help="Seed of the maps (t-SNE); another one turns and moves them, and changes no cluster."),
    ] = 0,
    images_per_cluster: Annotated[
        int,
        typer.Option(
            min=1,
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
    params: ParamsFile = PARAMS,
) -> None:
    """Write metrics/report.html: clusters, maps, scores and settings of every dataset, on one page.

    The maps are also written as a picture, metrics/maps/NAME.png, and as a table of points beside it.
    """
    if not datasets:
        raise ParameterError("there is nothing to report: give at least one dataset")
    options = Options(layer, method, seed, images_per_cluster, thumbnail, data, metrics)
    names = dict.fromkeys(datasets)
    room = reporting.share_room(len(names), thumbnail)
    pages = [_dataset(name, options, room) for name in names]
    page = metrics / "report.html"
    study = reporting.text_of(data / "study.html")
    write_text(page, reporting.render(pages, study, studies.styles()))
    _print_scores(pages)
    print(page)


def _dataset(name: str, options: Options, room: reporting.Room) -> reporting.Dataset:
    """Gather what the page shows of one dataset."""
    partitions, metrics = options.data / "partitions" / name, options.metrics / name
    scores = reporting.read_scores(metrics / "scores.json")
    agreement = reporting.read_agreement(metrics / "agreement.csv")
    counts = reporting.read_counts(metrics / "cluster_counts.csv")
    rejected = reporting.read_rejected(options.data / "images" / f"{name}.rejected.csv")
    images = tables.read_images(options.data / "images" / f"{name}.parquet")
    if scores.images != len(images):
        raise TableError(
            f"{metrics / 'scores.json'} scores {scores.images} images, {images.file} holds {len(images)}; "
            "run `dvc repro` to make it anew"
        )
    assigned = reporting.read_assignments(partitions / "assignments.csv", images.paths)
    trained = list(read_manifest(options.data / "views" / name / "methods.json"))
    runs = {"Ensemble": tables.read_partitions(partitions / "ensemble.parquet")}
    runs |= {
        f"{'Trained' if MethodName.parse(method).trains_network else 'Made'} by {method}": tables.read_partitions(
            partitions / f"{method}.parquet"
        )
        for method in trained
    }
    tables.check_same_images(images, *runs.values())
    base = read_base_partitions(images, partitions, runs["Ensemble"].settings["ensemble"])
    rivals = reporting.find_rivals(base.partitions, base.weights, assigned.clusters)
    sheets = reporting.choose_images(
        assigned.clusters, assigned.confidence, rivals, options.images_per_cluster, room.tiles
    )
    shown = [row for sheet in sheets for row in sheet.rows]
    mapped = reporting.sample_rows(len(images), room.mapped, options.seed)
    at_hand = np.union1d(mapped, np.array(shown, dtype=np.int64))
    backbones = tuple(read_manifest(options.data / "views" / name / "features.json"))
    sources = space_sources(options.data, name, trained, backbones, options.method, options.layer)
    mappings = map_spaces(sources, images, assigned.clusters, mapped, at_hand, options.seed)
    _write_maps(name, mappings, images, assigned.clusters, mapped, options.metrics / "maps")
    views = {f"View {mapping.space.title}": _described(mapping.made) for mapping in mappings if mapping.made}
    sprites, thumbnails = make_pictures(images, at_hand.tolist(), shown, options.thumbnail, room)
    return reporting.Dataset(
        name=name,
        images=len(images),
        labelled=int((images.labels >= 0).sum()),
        k=scores.clusters,
        views=backbones,
        rejected=rejected,
        parameters={**{title: _settings(run) for title, run in runs.items()}, **views, "Report": _own(options)},
        scores=reporting.score_table(scores.joint, scores.single),
        agreement=agreement,
        counts=reporting.count_chart(counts, scores.clusters),
        spaces=tuple(mapping.space for mapping in mappings),
        gallery=make_gallery(images, assigned, rivals, at_hand, mapped, sprites),
        class_names=class_names(images),
        sizes=reporting.cluster_sizes(assigned.clusters),
        clusters=contact_sheets(images, assigned, rivals, sheets, thumbnails, at_hand),
        studies=reporting.text_of(options.data / "studies" / f"{name}.html"),
        **read_sections(metrics, trained)._asdict(),
    )


def _write_maps(
    name: str,
    mappings: Sequence[Mapping],
    images: tables.ImageTable,
    clusters: np.ndarray,
    mapped: np.ndarray,
    folder: Path,
) -> None:
    """Write the maps, which have the rows `mapped` of all `clusters` (n), as one picture and as a table."""
    heading = f"{name}: {len(mapped):,} images in {clusters.max() + 1} clusters (t-SNE of each view)"
    panels = [(mapping.space.title, mapping.points) for mapping in mappings]
    write_bytes(folder / f"{name}.png", reporting.maps_picture(heading, panels, clusters[mapped]))
    rows = (
        (title, images.paths[row], clusters[row], f"{x:.4f}", f"{y:.4f}")
        for title, points in panels
        for row, (x, y) in zip(mapped, points, strict=True)
    )
    write_text(folder / f"{name}.csv", csv_text(["map", "path", "cluster", "x", "y"], rows))


def _settings(table: tables.Partitions) -> dict[str, Any]:
    """The settings of a table's runs: what all of them share once, and each run's own under its name."""
    runs = {name: _described(settings) for name, settings in table.settings.items()}
    first, *others = runs.values()
    shared = {name: value for name, value in first.items() if all(run.get(name) == value for run in others)}
    own = {name: {key: value for key, value in run.items() if key not in shared} for name, run in runs.items()}
    return shared | {name: settings for name, settings in own.items() if settings}


def _described(metadata: dict[str, Any]) -> dict[str, Any]:
    """How features or clusters were made, without what only identifies a table."""
    return {name: value for name, value in metadata.items() if name not in ("kind", "images", "embedding")}


def _own(options: Options) -> dict[str, Any]:
    """This stage's options that change the page."""
    return {
        "layer": options.layer,
        "method": options.method,
        "seed": options.seed,
        "images_per_cluster": options.images_per_cluster,
        "thumbnail": f"{options.thumbnail} px",
    }


def _print_scores(datasets: Sequence[reporting.Dataset]) -> None:
    """Print a short table of scores to the terminal; the page has all of them."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    keys = ("nmi_geometric", "ari", "accuracy", "silhouette", "largest_cluster", "smallest_cluster")
    console = Console()
    if not console.is_terminal:
        console.width = 120  # a pipe has no width; names need not be cut
    for dataset in datasets:
        scores = dataset.scores
        shown = [place for place, column in enumerate(scores.columns) if column.key in keys]
        table = Table(
            title=escape(f"{dataset.name}: {_plural(dataset.images, 'image')} in {_plural(dataset.k, 'cluster')}"),
            title_justify="left",
            title_style="bold",
            box=None,
            pad_edge=False,
            padding=(0, 2, 0, 0),
        )
        table.add_column("")
        for place in shown:
            table.add_column(scores.columns[place].heading, justify="right", style="default")
        for row in (*scores.joint, *(scores.summary or scores.single)):
            cells = (row.cells[place] for place in shown)
            table.add_row(
                escape(row.method), *(f"[bold green]{cell.text}[/]" if cell.best else cell.text for cell in cells)
            )
        console.print(table)
        console.print()


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


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
