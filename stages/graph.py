"""Stage `graph`: join each image to its nearest others in every view; find near-duplicates among them."""

import time
from itertools import product
from typing import Annotated, Any

import typer

from stages.core.command import run
from stages.core.counted import counted
from stages.core.digests import file_digest
from stages.core.runlog import write_runlog
from stages.core.seeds import derived_seed
from stages.params.file import PARAMS
from stages.params.options import DATA, DataFolder, Dataset, Layers, Seed
from stages.params.stage import ParamsFile, stage_application
from stages.tables import check_same_images, read_images, read_vectors
from stages.tables.links import write_links
from stages.tables.manifest import read_manifest
from stages.tables.near_duplicates import NearDuplicates, write_near_duplicates


def graph(
    dataset: Dataset,
    seed: Seed = 0,
    layers: Layers = ["L3"],  # noqa: B006 - Typer copies it
    near_duplicates: Annotated[
        float,
        typer.Option(
            min=0,
            max=2,
            help="How far apart near-duplicates may be, in the mean of the views, as a fraction of what is usual "
            "between an image and its ten nearest. 0: copies alone.",
        ),
    ] = 0.5,
    count_once: Annotated[
        bool,
        typer.Option(
            "--count-once",
            help="Link only the best of each group of near-duplicates, and let the ensemble count it alone.",
        ),
    ] = False,
    data: DataFolder = DATA,
    params: ParamsFile = PARAMS,
) -> None:
    """Write the links of all views as one table, and how the images compare with a cloud without groups.

    Each image is linked to its ten nearest in each view, features square-rooted and of one length. Above 5,000
    images, the links of 5,000 of them are a sample of all. Near-duplicates are looked for among linked images and
    those whose pixels, shrunk, look alike; a CSV file lists them in groups, of which each can count as one image.
    """
    from stages import graphs
    from stages.clustering import normalise
    from stages.decoding.pixels import read_shaped

    started = time.perf_counter()
    images = read_images(data / "images" / f"{dataset}.parquet")
    backbones = read_manifest(data / "views" / dataset / "features.json")
    views = []
    for backbone, layer in product(backbones, layers):
        table = read_vectors(data / "features" / dataset / backbone / f"{layer}.parquet", "features")
        check_same_images(images, table)
        views.append(normalise(table.values, "sqrt"))
        del table  # of large sets, the features as they were need not stay beside them
    links = graphs.view_links(views)
    pixels = read_shaped(images, (1, graphs.SIDE, graphs.SIDE))[:, 0]
    stands_for = graphs.near_duplicates(views, links, graphs.perceptual_hashes(pixels), near_duplicates)
    file = data / "graphs" / f"{dataset}.near_duplicates.csv"
    found = write_near_duplicates(file, images, stands_for)
    if count_once:
        rows = found.representatives.rows
        views = [view[rows] for view in views]
        links = rows[graphs.view_links(views)].astype(links.dtype)
    structure = graphs.measure_structure(views, derived_seed(seed, "graph"))
    settings: dict[str, Any] = {"backbones": list(backbones), "layers": layers, "structure": structure._asdict()}
    settings |= {"count_once": True} if count_once else {}
    settings[file.name] = file_digest(file)
    write_links(data / "graphs" / f"{dataset}.parquet", links, images.fingerprint, settings)
    seconds = time.perf_counter() - started
    write_runlog(f"graph-{dataset}", links=len(links), seconds=round(seconds, 3))
    print(f"{dataset}: {_summary(found)}")
    print(f"{dataset}: {len(links):,} links of {len(images):,} images in {len(views)} views, {seconds:.1f} s")


def _summary(found: NearDuplicates) -> str:
    alike, groups = int((found.groups >= 0).sum()), int(found.groups.max()) + 1
    if not groups:
        return "no near-duplicates"
    return f"{alike:,} images in {counted(groups, 'group')} of near-duplicates"


app = stage_application(graph, "seed", "views.layers", "graph.near_duplicates", "graph.count_once")

if __name__ == "__main__":
    run(app)
