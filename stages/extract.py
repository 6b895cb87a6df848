"""Stage `extract`: the features of every image, as one backbone sees it."""

import time
from contextlib import ExitStack
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stages.backbones.card import read_card
from stages.core.code_digest import code_digest
from stages.core.command import application, run
from stages.core.errors import ParameterError
from stages.core.lock import locked
from stages.core.progress import progress_bar
from stages.core.runlog import write_runlog
from stages.fetching.downloads import cache_folder
from stages.tables import ImageTable, read_images, write_vectors

if TYPE_CHECKING:
    from stages.backbones.extraction import ShardExtractor
    from stages.backbones.ranks import Ranks
    from stages.backbones.ray_cluster import RayExtractor
    from stages.backbones.shards import ShardStore


_VERSIONS = ("numpy", "pillow", "timm", "torch", "torchvision")  # of what computes features


class Engine(StrEnum):
    """Where shards of images are computed."""

    LOCAL = "local"
    RAY = "ray"


def extract(
    dataset: Annotated[str, typer.Option(help="Name of the dataset: the folder under data/raw.")],
    backbone: Annotated[str, typer.Option(help="Name of the backbone, as given to the weights stage.")],
    layers: Annotated[
        list[str], typer.Option(help="Layer to extract; repeat the option for several. L3 is the last one.")
    ] = ["L3"],  # noqa: B006 - Typer copies it
    preprocessing: Annotated[
        str,
        typer.Option(
            help="preset: the transform the weights were trained with. published: the whole image squashed to the "
            "network's input by nearest neighbour, as Guerin et al. (2021) did."
        ),
    ] = "preset",
    precision: Annotated[
        str,
        typer.Option(
            help="fp32: float32 throughout. bf16: bfloat16 where that is safe. auto: bf16 where that is faster "
            "and the set's first features keep a mean cosine of .999 to fp32 ones; the device then matters."
        ),
    ] = "fp32",
    weights_folder: Annotated[
        Path, typer.Option(help="Folder where weight files put there by hand are looked for first.")
    ] = Path("data/weights"),
    device: Annotated[
        str, typer.Option(envvar="MANYVIEWS_DEVICE", help="auto, cpu or cuda; auto takes CUDA when there is one.")
    ] = "auto",
    batch_size: Annotated[
        int,
        typer.Option(
            envvar="MANYVIEWS_BATCH_SIZE",
            min=0,
            help="Images in one forward pass. 0: eight on a CPU, as many as fit (at most 256) on a GPU.",
        ),
    ] = 0,
    workers: Annotated[
        int,
        typer.Option(
            envvar="MANYVIEWS_WORKERS",
            min=0,
            help="Threads: on a CPU each runs batches of its own, for a GPU they decode. 0: one per core.",
        ),
    ] = 0,
    compiler: Annotated[
        str,
        typer.Option(
            envvar="MANYVIEWS_COMPILER",
            help="What compiles the network on a CPU: none, inductor (PyTorch), openvino (an extra). auto: the "
            "fastest there is, for bf16 features of enough images to repay it.",
        ),
    ] = "auto",
    engine: Annotated[
        Engine,
        typer.Option(
            envvar="MANYVIEWS_ENGINE",
            help="local: this machine; started by torchrun, one process per GPU. ray: the cluster at RAY_ADDRESS.",
        ),
    ] = Engine.LOCAL,
    data: Annotated[Path, typer.Option(help="Folder of the pipeline's data.")] = Path("data"),
) -> None:
    """Run every image through one pretrained network and write each layer's features as a table.

    Features are computed in shards that are kept in DATA/scratch until the tables are written: run again after a
    kill, this goes on where it was, and the tables are the same, byte for byte.
    """
    images = read_images(data / "images" / f"{dataset}.parquet")
    card = read_card(data / "backbones" / f"{backbone}.json", layers)
    if preprocessing not in ("preset", "published"):
        raise ParameterError(f"preprocessing is {preprocessing!r}; give preset or published")
    if preprocessing == "published":
        card = replace(card, preprocessing=card.preprocessing.published())

    from stages.backbones.compilers import choose_compiler
    from stages.backbones.extraction import Recipe, ShardExtractor
    from stages.backbones.fidelity import SAMPLE, faithful_extractor
    from stages.backbones.precision import choose_precision
    from stages.backbones.ranks import joined_ranks
    from stages.backbones.ray_cluster import RayExtractor, ray_extractor
    from stages.backbones.shards import ShardStore, shard_rows
    from stages.backbones.weights import obtain_weights
    from stages.core.device import choose_device
    from stages.decoding import decode_image

    started = time.perf_counter()
    title = f"{dataset} through {backbone}"
    scratch = data / "scratch" / "extract" / dataset / backbone
    with ExitStack() as stack:
        ranks = stack.enter_context(joined_ranks())
        if ranks.rank == 0:
            stack.enter_context(locked(scratch.with_suffix(".lock"), title))
        chosen = choose_device(device, ranks.local)
        chosen_precision = choose_precision(precision, chosen)
        chosen_compiler, why = choose_compiler(compiler, chosen_precision, len(images), chosen)
        recipe = Recipe(card, tuple(layers), chosen_precision, chosen_compiler, batch_size)
        weights = obtain_weights(card.weights, weights_folder, cache_folder(), report=print)

        def make(recipe: Recipe) -> ShardExtractor:
            return ShardExtractor(recipe, weights, decode_image, chosen, workers=workers, report=print)

        extractor: ShardExtractor | RayExtractor | None = None
        if precision == "auto" and chosen_precision == "bf16":
            extractor, cosine = faithful_extractor(recipe, make, list(images.read_bytes(0, SAMPLE)))
            if extractor.recipe != recipe:
                recipe, why = extractor.recipe, f"the cosine of bf16 features to fp32 ones would be {cosine:.4f}"
        if chosen_precision == "bf16" and ranks.rank == 0:
            print(f"{title}: {recipe.precision}, compiler {recipe.compiler} ({why})")
        if engine is Engine.RAY:
            extractor = stack.enter_context(ray_extractor(recipe, weights, decode_image, chosen))
        extractor = extractor or make(recipe)
        facts = {"images": images.fingerprint, **recipe.facts(), **extractor.facts()}
        rows = shard_rows(sum(extractor.dimensions.values()), extractor.batch_size)
        code = code_digest("stages.extract", _VERSIONS)
        store = ShardStore(scratch, facts, extractor.dimensions, len(images), rows, code)
        ready = time.perf_counter()
        _compute(images, extractor, store, ranks, title)
        if ranks.rank == 0:
            for layer in layers:
                metadata = {
                    "backbone": backbone,
                    "layer": layer,
                    "weights": card.weights.sha256,
                    "preprocessing": asdict(card.preprocessing),
                    "precision": recipe.precision,
                }
                table = data / "features" / dataset / backbone / f"{layer}.parquet"
                write_vectors(table, "features", store.load(layer), images.fingerprint, metadata)
            store.remove()
    if ranks.rank == 0:
        seconds = time.perf_counter() - started
        write_runlog(
            f"extract-{dataset}-{backbone}",
            images=len(images),
            seconds=round(seconds, 3),
            seconds_until_ready=round(ready - started, 3),
            seconds_in=extractor.timings.seconds(),
            engine=engine.value,
            device=str(chosen),
            precision=recipe.precision,
            compiler=extractor.compiler,
            compiler_because=why,
            batch_size=extractor.batch_size,
            processes=ranks.size,
        )
        shapes = ", ".join(f"{layer} {size}-d" for layer, size in extractor.dimensions.items())
        print(f"{title}: {len(images)} images, {shapes}, {recipe.precision}, {seconds:.1f} s")


def _compute(
    images: ImageTable, extractor: "ShardExtractor | RayExtractor", store: "ShardStore", ranks: "Ranks", title: str
) -> None:
    """Compute the shards that are missing; with several processes, each one its share of them."""
    if ranks.rank == 0:
        store.discard_others(report=print)
    ranks.barrier()
    missing = store.missing()
    if ranks.rank == 0 and len(missing) < store.count:
        print(f"{title}: {store.count - len(missing)} of {store.count} shards are there from an earlier run")
    todo = [(shard, *store.bounds(shard)) for shard in ranks.share(missing)]
    with progress_bar(title, sum(stop - start for _, start, stop in todo)) as advance:
        shards = ((shard, images.read_bytes(start, stop)) for shard, start, stop in todo)
        store.save_each(extractor(shards, advance), extractor.timings)
    ranks.barrier()


app = application(extract)

if __name__ == "__main__":
    run(app)
