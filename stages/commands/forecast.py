"""Forecast of `manyviews cluster`: the images of a folder, what is passed over, and the cost."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path, PurePosixPath

from stages.commands.image_folder import ImageFolder
from stages.core.progress import tracked
from stages.datasets.folder import counted, passed_over, read_folder
from stages.datasets.images import RawImage, Readable, check_images
from stages.params.file import PARAMS, read_params


def forecast(dataset: ImageFolder, root: Path) -> Iterator[str]:
    """Yield lines about a dataset and its run, for which every image is decoded once; nothing is written."""
    with dataset.reader.open(Path(), lambda line: None) if dataset.reader else nullcontext() as listed:
        images = read_folder(dataset.place) if listed is None else listed
    known = "a new dataset" if dataset.is_new else "a dataset already"
    yield f"{dataset.place}: {known}, {dataset.name}"
    endings = Counter(PurePosixPath(image.path).suffix.lower() or "without ending" for image in images)
    yield f"{len(images)} images: {', '.join(f'{count} {ending}' for ending, count in endings.most_common())}"
    checked = list(tracked(check_images(images), "checking images", len(images)))
    rejected = [found for found in checked if not isinstance(found, Readable)]
    for reason, count in Counter(found.reason for found in rejected).most_common():
        first = next(found.path for found in rejected if found.reason == reason)
        yield f"passed over: {count}, such as {first!r}: {reason}"
    others = dataset.reader.passed_over() if dataset.reader else passed_over(dataset.place)
    if others:
        yield f"passed over: {counted(others)}"
    yield from _cost(dataset, root, images)


def _cost(dataset: ImageFolder, root: Path, images: list[RawImage]) -> Iterator[str]:
    """The disk and the time that a run takes."""
    files = {image.file for image in images if image.file and image.file.is_file()}
    size = sum(file.stat().st_size for file in files)
    yield f"disk: {2 * size / 2**20:,.0f} MiB, the images once in a table and once in DVC's cache, and features"
    backbones = [str(name) for name in read_params(root / PARAMS)["backbones"]]
    seconds = {name: found for name in backbones if (found := _seconds(root / "logs", name))}
    unknown = [name for name in backbones if name not in seconds]
    minutes = sum(seconds.values()) * len(images) / 60
    known = (
        f"{minutes:.1f} minutes for the features of {', '.join(seconds)}, by earlier runs here" if seconds else ""
    )
    without = f"not known for {', '.join(unknown)}, docs/performance.md has figures" if unknown else ""
    yield f"time: {'; '.join(filter(None, (known, without)))}; clustering and training come on top"


def _seconds(logs: Path, backbone: str) -> float | None:
    """The seconds that a backbone took an image in its last extraction of at least 100 images; None if unknown."""
    for log in sorted(logs.glob(f"extract-*-{backbone}.json"), key=lambda file: -file.stat().st_mtime):
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):  # a damaged log says nothing
            found = json.loads(log.read_text(encoding="utf-8"))
            if found["images"] >= 100:
                return float(found["seconds"]) / float(found["images"])
    return None
