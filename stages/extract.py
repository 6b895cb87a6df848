"""Stage `extract`: the features of every image, as one backbone sees it."""

import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stages.backbones.card import Backbone
from stages.command import application, run
from stages.errors import BackboneError, TableError
from stages.progress import progress_bar
from stages.runlog import write_runlog
from stages.tables import read_images, vectors_writer
from stages.wheels import cache_folder


def extract(
    dataset: Annotated[str, typer.Option(help="Name of the dataset: the folder under data/raw.")],
    backbone: Annotated[str, typer.Option(help="Name of the backbone, as given to the weights stage.")],
    layers: Annotated[
        list[str], typer.Option(help="Layer to extract; repeat the option for several. L3 is the last one.")
    ] = ["L3"],  # noqa: B006 - Typer copies it
    weights_folder: Annotated[
        Path, typer.Option(help="Folder where weight files put there by hand are looked for first.")
    ] = Path("data/weights"),
    device: Annotated[
        str, typer.Option(envvar="MANYVIEWS_DEVICE", help="auto, cpu or cuda; auto takes CUDA when there is one.")
    ] = "auto",
    batch_size: Annotated[
        int, typer.Option(envvar="MANYVIEWS_BATCH_SIZE", min=1, help="Images in one forward pass.")
    ] = 32,
    data: Annotated[Path, typer.Option(help="Folder of the pipeline's data.")] = Path("data"),
) -> None:
    """Run every image through one pretrained network and write each layer's features as a table."""
    images = read_images(data / "images" / f"{dataset}.parquet")
    card = _read_card(data / "backbones" / f"{backbone}.json")
    for layer in layers:
        if layer not in card.layers:
            raise BackboneError(f"backbone {backbone!r} has no layer {layer!r}; it has {', '.join(card.layers)}")

    from stages.backbones.extraction import extract_features
    from stages.backbones.network import load_network
    from stages.backbones.weights import obtain_weights
    from stages.decoding import decode_image
    from stages.device import choose_device

    started = time.perf_counter()
    chosen = choose_device(device)
    file = obtain_weights(card.weights, weights_folder, cache_folder(), report=print)
    taps = {layer: card.layers[layer] for layer in layers}
    blocks = extract_features(
        load_network(card, file, taps),
        images.read_bytes(),
        decode_image,
        card.preprocessing,
        device=chosen,
        batch_size=batch_size,
    )
    with ExitStack() as stack:
        advance = stack.enter_context(progress_bar(f"{dataset} through {backbone}", len(images)))
        writers = {}
        for layer in layers:
            metadata = {
                "backbone": backbone,
                "layer": layer,
                "weights": card.weights.sha256,
                "preprocessing": asdict(card.preprocessing),
            }
            table = data / "features" / dataset / backbone / f"{layer}.parquet"
            writers[layer] = stack.enter_context(vectors_writer(table, "features", images.fingerprint, metadata))
        width = {}
        for block in blocks:
            for layer, features in block.items():
                writers[layer](features)
                width[layer] = features.shape[1]
            advance(len(features))
    seconds = time.perf_counter() - started
    write_runlog(
        f"extract-{dataset}-{backbone}", images=len(images), seconds=round(seconds, 3), device=str(chosen)
    )
    shapes = ", ".join(f"{layer} {width[layer]}-d" for layer in layers)
    print(f"{dataset} through {backbone}: {len(images)} images, {shapes}, {seconds:.1f} s")


def _read_card(file: Path) -> Backbone:
    try:
        return Backbone.from_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TableError(f"{file} does not exist; run `dvc repro weights` to make it") from None
    except (ValueError, KeyError, TypeError):
        raise TableError(f"{file} is not a backbone's card; delete it and run `dvc repro weights`") from None


app = application(extract)

if __name__ == "__main__":
    run(app)
