"""The `report` stage: one page, metrics/report.html, that shows what was clustered and how well.

The page is a function of its inputs and options alone: a rerun changes no byte.
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import PIL.Image
import typer

from stages import reporting, tables
from stages.atomic import write_bytes, write_text
from stages.command import application, run
from stages.decoding import decode_image
from stages.errors import ManyviewsError, ParameterError, TableError
from stages.manifest import read_manifest

PROJECTED = 5000  # images on a map, at most: more are slow to lay out and hide one another


class Options(NamedTuple):
    """The options of the command, by their names."""

    layer: str
    objective: str
    seed: int
    images_per_cluster: int
    thumbnail: int
    data: Path
    metrics: Path


def report(
    datasets: Annotated[
        list[str],
        typer.Option(help="Dataset to report on, by its name under data/raw; repeatable, shown in this order."),
    ],
    layer: Annotated[
        str,
        typer.Option(help="Layer whose features are mapped; L3 is the last before a network's classifier."),
    ] = "L3",
    objective: Annotated[
        str,
        typer.Option(help="Objective of the multi-view network whose embedding is mapped."),
    ] = "idec",
    seed: Annotated[
        int,
        typer.Option(help="Seed of the maps (t-SNE); another one turns and moves them, and changes no cluster."),
    ] = 0,
    images_per_cluster: Annotated[
        int,
        typer.Option(
            min=1,
            help="Images to show per cluster: two thirds its most confident ones, one third its least; "
            "12 fill one row of a wide window.",
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
    data: Annotated[Path, typer.Option(help="Folder of the tables that other stages wrote.")] = Path("data"),
    metrics: Annotated[Path, typer.Option(help="Folder of the scores; report.html goes here.")] = Path("metrics"),
) -> None:
    """Write metrics/report.html: clusters, maps, scores and settings of every dataset, on one page.

    The maps are also written as pictures, metrics/maps/NAME.png.
    """
    if not datasets:
        raise ParameterError("there is nothing to report: give at least one dataset")
    options = Options(layer, objective, seed, images_per_cluster, thumbnail, data, metrics)
    pages = [_dataset(name, options) for name in dict.fromkeys(datasets)]
    page = metrics / "report.html"
    write_text(page, reporting.render(pages))
    _print_scores(pages)
    print(page)


def _dataset(name: str, options: Options) -> reporting.Dataset:
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
    runs = {
        "Ensemble": tables.read_partitions(partitions / "ensemble.parquet"),
        f"Multi-view network ({options.objective})": tables.read_partitions(
            partitions / f"train-{options.objective}.parquet"
        ),
    }
    tables.check_same_images(images, *runs.values())
    rows = reporting.sample_rows(len(images), PROJECTED, options.seed)
    backbones = tuple(read_manifest(options.data / "views" / name / "features.json"))
    charts, views = _charts(name, backbones, options, images, assigned.clusters, rows)
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
        charts=charts,
        projected=len(rows),
        class_names=_class_names(images),
        sizes=reporting.cluster_sizes(assigned.clusters),
        clusters=_clusters(options, images, assigned),
    )


def _charts(
    name: str,
    backbones: Sequence[str],
    options: Options,
    images: tables.ImageTable,
    clusters: np.ndarray,
    rows: np.ndarray,
) -> tuple[tuple[reporting.Chart, ...], dict[str, dict[str, Any]]]:
    """Map the `rows` (m) of the embedding and of every view; also return how each view's features were made.

    The maps are written as one picture, too.
    """
    sources = [
        (options.data / "embeddings" / name / f"{options.objective}.parquet", "embedding", "All views together")
    ]
    features = options.data / "features" / name
    sources += [(features / view / f"{options.layer}.parquet", "features", view) for view in backbones]
    views, sampled, captions = {}, [], []
    for file, column, title in sources:  # one whole table in memory at a time
        vectors = tables.read_vectors(file, column)
        tables.check_same_images(images, vectors)
        note = f"learned embedding ({options.objective})" if column == "embedding" else f"{options.layer} features"
        captions.append((title, f"{note}, {vectors.values.shape[1]:,} numbers an image"))
        sampled.append(vectors.values[rows])
        if column == "features":
            views[f"View {title}"] = _described(vectors.metadata)
    maps = reporting.project_each(sampled, options.seed)
    panels = [(title, points) for (title, _), points in zip(captions, maps, strict=True)]
    heading = f"{name}: {len(rows):,} images in {clusters.max() + 1} clusters (t-SNE of each view)"
    picture = reporting.maps_picture(heading, panels, clusters[rows])
    write_bytes(options.metrics / "maps" / f"{name}.png", picture)
    charts = [
        reporting.Chart(title, note, reporting.scatter(points, clusters[rows], images.labels[rows]))
        for (title, note), points in zip(captions, maps, strict=True)
    ]
    return tuple(charts), views


def _clusters(
    options: Options, images: tables.ImageTable, assigned: reporting.Assignments
) -> tuple[reporting.Cluster, ...]:
    """Make the contact sheets, decoding only the images that they show."""
    sheets = reporting.choose_images(assigned.clusters, assigned.confidence, options.images_per_cluster)
    names = _class_names(images)
    tiles = {
        row: reporting.Tile(
            name=images.paths[row],
            confidence=float(assigned.confidence[row]),
            label=names[images.labels[row]] if images.labels[row] >= 0 else "",
            picture=reporting.thumbnail(_decoded(data, images, row), options.thumbnail),
        )
        for row, data in _encoded(images, sorted(row for sheet in sheets for row in sheet.rows))
    }
    return tuple(
        reporting.contact_sheet(sheet, tiles, images.labels[assigned.clusters == sheet.cluster], names)
        for sheet in sheets
    )


def _encoded(images: tables.ImageTable, rows: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Yield ascending rows with their encoded images, reading each row group that holds one of them once."""
    for _, group in itertools.groupby(rows, key=lambda row: row // tables.IMAGE_ROWS):
        wanted = list(group)
        stored = images.read_bytes(wanted[0], wanted[-1] + 1)
        yield from ((row, data) for row, data in enumerate(stored, wanted[0]) if row in wanted)


def _decoded(data: bytes, images: tables.ImageTable, row: int) -> PIL.Image.Image:
    """Decode an image; download checked that it can be, so that a fault lies in the table."""
    try:
        return decode_image(data)
    except ManyviewsError as error:
        raise TableError(
            f"{images.file} holds {images.paths[row]!r}, which cannot be decoded ({error}); "
            "delete it and run `dvc repro`"
        ) from None


def _class_names(images: tables.ImageTable) -> tuple[str, ...]:
    """The names of the labels; their numbers where they have no names; nothing without labels."""
    if not images.labelled:
        return ()
    return images.class_names or tuple(str(label) for label in range(images.labels.max() + 1))


def _settings(runs: tables.Partitions) -> dict[str, Any]:
    """The settings of a table's runs, each under its run's name if there are several."""
    if len(runs.settings) == 1:
        return next(iter(runs.settings.values()))
    return dict(runs.settings)


def _described(metadata: dict[str, Any]) -> dict[str, Any]:
    """How features were made, without what only identifies the table."""
    return {name: value for name, value in metadata.items() if name not in ("kind", "images")}


def _own(options: Options) -> dict[str, Any]:
    """This stage's options that change the page."""
    return {
        "layer": options.layer,
        "objective": options.objective,
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


app = application(report)

if __name__ == "__main__":
    run(app)
