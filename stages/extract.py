"""Stage `extract`: the features of every image, as one backbone sees it."""

import hashlib
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

import numpy as np
import typer

from stages.backbones.card import read_card
from stages.core.command import run
from stages.core.digests import code_digest
from stages.core.engine import ray_cluster
from stages.core.layer_names import CLASSES
from stages.core.lock import locked
from stages.core.progress import progress_bar
from stages.core.runlog import write_runlog
from stages.fetching.downloads import cache_folder
from stages.params import options
from stages.params.file import PARAMS
from stages.params.stage import ParamsFile, stage_application
from stages.tables import merge_vectors, read_images, write_vectors

_VERSIONS = (  # of what decodes images and computes features
    *(
        "imagecodecs",
        "numpy",
        "openvino",
        "pillow",
        "pillow-heif",
        "rawpy",
        "tifffile",
        "timm",
        "torch",
        "torchvision",
    ),
)


def extract(
    dataset: options.Dataset,
    backbone: options.Backbone,
    layers: options.Layers = ["L3"],  # noqa: B006 - Typer copies it
    preprocessing: Annotated[
        Literal["preset", "published"],
        typer.Option(
            help="preset: the transform the weights were trained with. published: the whole image squashed to the "
            "network's input by nearest neighbour, as Guerin et al. (2021) did."
        ),
    ] = "preset",
    precision: Annotated[
        Literal["auto", "fp32", "bf16"],
        typer.Option(
            help="fp32: float32 throughout. bf16: bfloat16 but for layers of fine images. auto: from 512 images on"
            " the fastest by which a sample keeps its nearest neighbours, else fp32; the machine then matters."
        ),
    ] = "fp32",
    weights_folder: options.WeightsFolder = options.WEIGHTS,
    device: options.Device = "auto",
    batch_size: options.BatchSize = 0,
    workers: options.Workers = 0,
    compiler: options.Compiler = "auto",
    engine: options.Engine = "local",
    data: options.DataFolder = options.DATA,
    params: ParamsFile = PARAMS,
) -> None:
    """Run every image through one pretrained network and write each layer's features as a table.

    Where the card has the scores of classes, they are one more table, in float16, by which clusters get names.
    Features are computed in shards that are kept in DATA/scratch until the tables are written: run again after a
    kill, this goes on where it was, and the tables are the same, byte for byte. Finished features are kept there,
    too: on a CPU, only images that are new since the last run are computed.
    """
    images = read_images(data / "images" / f"{dataset}.parquet")
    card = read_card(data / "backbones" / f"{backbone}.json", layers)
    if preprocessing == "published":
        card = replace(card, preprocessing=card.preprocessing.published())

    from stages.backbones.compilers import choose_compiler
    from stages.backbones.extraction import Recipe, ShardExtractor
    from stages.backbones.job import compute_missing, joined_ranks
    from stages.backbones.kept import KeptFeatures, image_digests
    from stages.backbones.network import class_words
    from stages.backbones.precision import WORTHWHILE, faithful_extractor, precisions_to_try, sample_rows
    from stages.backbones.ray_cluster import RayExtractor
    from stages.backbones.shards import ShardStore, shard_rows
    from stages.backbones.weights import obtain_weights
    from stages.core.device import choose_device
    from stages.decoding import decode_image

    started = time.perf_counter()
    title = f"{dataset} through {backbone}"

    def report(line: str) -> None:
        print(f"{title}: {line}")

    scratch = data / "scratch" / "extract" / dataset / backbone
    with ExitStack() as stack:
        ranks = stack.enter_context(joined_ranks())
        if ranks.rank == 0:
            stack.enter_context(locked(scratch.with_suffix(".lock"), title))
        chosen = choose_device(device, ranks.local)
        taken = tuple(dict.fromkeys([*layers, *({CLASSES} & card.layers.keys())]))
        comparing = precision == "auto" and len(images) >= WORTHWHILE
        recipes: list[Recipe] = []
        reasons: list[str] = []
        for tried in precisions_to_try(precision, len(images), chosen):
            how, why = choose_compiler(compiler, tried, len(images), chosen, fixed=not comparing)
            recipes.append(Recipe(card, taken, tried, how, batch_size))
            reasons.append(why)
        weights = obtain_weights(card.weights, weights_folder, cache_folder(), report=print)

        def make(recipe: Recipe) -> ShardExtractor:
            return ShardExtractor(recipe, weights, decode_image, chosen, workers=workers, report=print)

        extractor: ShardExtractor | RayExtractor | None = None
        recipe, why = recipes[0], reasons[0]
        if comparing and recipes != [Recipe(card, taken, "fp32", "none", batch_size)]:
            extractor, shares = faithful_extractor(recipes, make, list(images.read_rows(sample_rows(len(images)))))
            recipe = extractor.recipe
            why = ", ".join(
                f"{tried.precision} by {tried.compiler} keeps {share:.3f} of the nearest neighbours ({reason})"
                for tried, reason, share in zip(recipes, reasons, shares, strict=False)
            )
        if (comparing or recipe.precision == "bf16") and ranks.rank == 0:
            print(f"{title}: {recipe.precision}, compiler {recipe.compiler} ({why})")
        if engine == "ray":
            extractor = RayExtractor(stack.enter_context(ray_cluster()), recipe, weights, decode_image, chosen)
        extractor = extractor or make(recipe)
        code = code_digest("stages.extract", _VERSIONS)
        facts = {**recipe.facts(), **extractor.facts()}
        ready = time.perf_counter()
        kept = KeptFeatures(data / "scratch" / "features" / dataset / backbone, facts, code)
        # Features do not depend on the rest of their batch: seen on CPUs, not tried on GPUs.
        keeping = chosen.type == "cpu"
        digests = image_digests(images.read_bytes() if keeping and ranks.rank == 0 else ())
        rows = ranks.from_first(lambda: kept.find(digests, report) if keeping else np.full(len(images), -1))
        new = np.flatnonzero(rows < 0).tolist()
        facts |= {"images": images.fingerprint, "new": hashlib.sha256(str(new).encode()).hexdigest()}
        shard = shard_rows(sum(extractor.dimensions.values()), extractor.batch_size)
        store = ShardStore(scratch, facts, extractor.dimensions, len(new), shard, code)
        bar = partial(progress_bar, title)
        compute_missing(
            store, extractor, lambda start, stop: images.read_rows(new[start:stop]), ranks, bar, report
        )
        if ranks.rank > 0:
            return
        tables = {layer: data / "features" / dataset / backbone / f"{layer}.parquet" for layer in recipe.layers}
        for layer, table in tables.items():
            blocks = merge_vectors(kept.table(layer), "features", rows, store.load(layer))
            made = {**recipe.metadata(layer), "compiler": extractor.compiler}
            if layer == CLASSES:  # more digits would name no cluster otherwise
                blocks, made["words"] = (block.astype("float16") for block in blocks), class_words()
            write_vectors(table, "features", blocks, images.fingerprint, made)
        if keeping:
            kept.replace(digests, tables, report)
        store.remove()
    seconds = time.perf_counter() - started
    write_runlog(
        f"extract-{dataset}-{backbone}",
        images=len(images),
        computed=len(new),
        seconds=round(seconds, 3),
        seconds_until_ready=round(ready - started, 3),
        seconds_in=extractor.timings.seconds(),
        engine=engine,
        device=str(chosen),
        precision=recipe.precision,
        compiler=extractor.compiler,
        compiler_because=why,
        batch_size=extractor.batch_size,
        processes=ranks.size,
    )
    shapes = ", ".join(f"{layer} {size}-d" for layer, size in extractor.dimensions.items())
    print(f"{title}: {len(images)} images, {shapes}, {recipe.precision}, {seconds:.1f} s")


app = stage_application(
    extract, "views.layers", "extract.preprocessing", "extract.precision", "weights.folder=weights_folder"
)

if __name__ == "__main__":
    run(app)
