"""How fast features are extracted, and in how much memory."""

import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from stages.backbones.card import Backbone, Preprocessing
from stages.core.digests import file_digest
from stages.registry import REGISTRY
from stages.tables import Image, read_images, write_images
from tests.benchmarks.comparison import Comparison, Measured, Side
from tests.benchmarks.processes import run_module

N_PHOTOS = 640


def photo(index: int, width: int, height: int) -> bytes:
    """A JPEG of smooth noise, which costs as much to decode as a photo does."""
    rng = np.random.default_rng(index)
    coarse = rng.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Pillow.fromarray(coarse).resize((width, height), Pillow.Resampling.BICUBIC).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def prepare(
    folder: Path, card: Backbone, n_images: int, width: int, height: int, n_distinct: int = 64
) -> Backbone:
    """Write an image table, a folder of the same images, random weights for `card`, and the card."""
    import torch

    from stages.backbones import network

    (folder / "photos").mkdir()
    distinct = [photo(index, width, height) for index in range(min(n_images, n_distinct))]
    write_table(folder, [distinct[i % len(distinct)] for i in range(n_images)], width, height)
    for index in range(min(n_images, N_PHOTOS)):
        (folder / f"photos/{index:06}.jpg").write_bytes(distinct[index % len(distinct)])
    (folder / "data/weights").mkdir()
    make = network._torchvision_network if card.library == "torchvision" else _timm_network
    torch.save(make(card.architecture).state_dict(), folder / "data/weights/random.pth")
    card = replace(card, weights=replace(card.weights, file="random.pth", sha256="", sources=()))
    (folder / "data/backbones").mkdir()
    (folder / f"data/backbones/{card.name}.json").write_text(card.to_json())
    return card


def write_table(folder: Path, photos: Sequence[bytes], width: int, height: int) -> None:
    """Write the image table of these photos."""
    rows = (Image(f"{number:06}.jpg", data, None, width, height) for number, data in enumerate(photos))
    write_images(folder / "data/images/photos.parquet", rows, [])


def _timm_network(architecture: str):  # type: ignore[no-untyped-def]
    import timm

    return timm.create_model(architecture, pretrained=False)


def stage(folder: Path, backbone: str, *options: str, **environment: str) -> Measured:
    """Images per second of the stage, from the first image on, by its log."""
    done = run_module(
        "stages.extract", "--dataset", "photos", "--backbone", backbone, *options, folder=folder, **environment
    )
    log = json.loads((folder / f"logs/extract-photos-{backbone}.json").read_text())
    rate = log["images"] / (log["seconds"] - log["seconds_until_ready"])
    ready = f"ready after {log['seconds_until_ready']:.1f} s, {done.seconds:.1f} s in all"
    return Measured(rate, done.memory, f"{log['precision']}, {log['compiler']}, {ready}; {log['seconds_in']}")


def _against_naive(backbone: str, architecture: str, width: int, height: int):  # type: ignore[no-untyped-def]
    def sides(folder: Path) -> tuple[Side, Side]:
        prepare(folder, REGISTRY[backbone], N_PHOTOS, width, height)

        def ours() -> Measured:
            return stage(folder, backbone, "--precision", "auto")

        def theirs() -> Measured:
            done = run_module("tests.benchmarks.naive", str(folder / "photos"), architecture, folder=folder)
            return Measured(float(done.output.split()[-1]), done.memory, f"{done.seconds:.1f} s in all")

        return ours, theirs

    return sides


def _overlap(folder: Path) -> tuple[Side, Side]:
    """The stage's rate against that of its forward passes alone: `ours / theirs` is the share that remains."""
    prepare(folder, REGISTRY["resnet50"], N_PHOTOS, 256, 256)

    def ours() -> Measured:
        return stage(folder, "resnet50", "--precision", "auto")

    def theirs() -> Measured:
        done = run_module("tests.benchmarks.forward", str(folder), "resnet50", folder=folder)
        return Measured(float(done.output.split()[-1]), done.memory, f"{done.seconds:.1f} s in all")

    return ours, theirs


def _again(backbone: str, n_images: int, n_new: int, width: int, height: int):  # type: ignore[no-untyped-def]
    """The stage after some images were added to a set that was computed, against the same set at once."""

    def sides(folder: Path) -> tuple[Side, Side]:
        prepare(folder, REGISTRY[backbone], n_images, width, height, n_distinct=n_images)
        photos = list(read_images(folder / "data/images/photos.parquet").read_bytes())
        scratch, before = folder / "data/scratch", folder / "before"
        table = folder / f"data/features/photos/{backbone}/L3.parquet"
        write_table(folder, photos[:-n_new], width, height)
        run_module("stages.extract", "--dataset", "photos", "--backbone", backbone, folder=folder)
        scratch.rename(before)
        write_table(folder, photos, width, height)
        digests = set()

        def measure(old: Path | None) -> Measured:
            shutil.rmtree(scratch, ignore_errors=True)
            if old:
                shutil.copytree(old, scratch)
            table.unlink()
            done = run_module("stages.extract", "--dataset", "photos", "--backbone", backbone, folder=folder)
            digests.add(file_digest(table))
            assert len(digests) == 1, "both ways must give the same bytes"
            log = json.loads((folder / f"logs/extract-photos-{backbone}.json").read_text())
            notes = f"{log['computed']} images computed, ready after {log['seconds_until_ready']:.1f} s"
            return Measured(done.seconds, done.memory, notes)

        return lambda: measure(before), lambda: measure(None)

    return sides


def _memory(card: Backbone, layer: str, n_images: int, side: int):  # type: ignore[no-untyped-def]
    """Peak memory for many images against that for a fiftieth of them."""

    def sides(folder: Path) -> tuple[Side, Side]:
        for name, count in (("many", n_images), ("few", n_images // 50)):
            (folder / name).mkdir()
            prepare(folder / name, card, count, side, side)

        def measure(name: str) -> Side:
            def run() -> Measured:
                result = stage(folder / name, card.name, "--layers", layer)
                return Measured(result.memory, result.memory, f"{result.value:.0f} images/s; {result.notes}")

            return run

        return measure("many"), measure("few")

    return sides


_SMALL = replace(REGISTRY["resnet50"], preprocessing=Preprocessing(32, 32, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2)))

COMPARISONS = (
    Comparison(
        "extract-resnet50",
        "images/s through ResNet50: the stage (precision auto) against a plain script; JPEG photos of 500 x 375",
        N_PHOTOS,
        "images/s",
        _against_naive("resnet50", "resnet50", 500, 375),
        more_is_better=True,
    ),
    Comparison(
        "extract-lite0",
        "images/s through EfficientNet-Lite0: the stage (precision auto) against a plain script; 500 x 375",
        N_PHOTOS,
        "images/s",
        _against_naive("efficientnet_lite0", "tf_efficientnet_lite0", 500, 375),
        more_is_better=True,
    ),
    Comparison(
        "extract-again",
        "seconds through ResNet50 with 20 of 2,000 photos new, against all at once; JPEG photos of 500 x 375",
        2_000,
        "s",
        _again("resnet50", 2_000, 20, 500, 375),
    ),
    Comparison(
        "extract-overlap",
        "images/s through ResNet50: the stage against its forward passes alone; JPEG photos of 256 x 256",
        N_PHOTOS,
        "images/s",
        _overlap,
        more_is_better=True,
    ),
    Comparison(
        "extract-memory-100k",
        "peak memory of 100,000 images with 2048-d features against 2,000 of them",
        100_000,
        "MiB",
        _memory(_SMALL, "L3", 100_000, 32),
    ),
    Comparison(
        "extract-memory-wide",
        "peak memory of 2,000 images with the 221,952-d layer of InceptionV3 against 40 of them",
        2_000,
        "MiB",
        _memory(REGISTRY["inception_v3"], "L1", 2_000, 256),
    ),
)
