"""Checks of params.yaml: whether its datasets, weights and number of clusters can be used."""

import difflib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.core.errors import BackboneError
from stages.diagnosis.finding import Finding, fault, ok, warning
from stages.diagnosis.network import answers, without_password

# These stand under metrics beside the folders of the datasets; DVC takes no second owner of a path.
OF_THE_PIPELINE = ("maps", "report.html", "study")

if TYPE_CHECKING:
    from stages.backbones.card import Source, Weights


def check_dataset(name: Any, data: Path, lock: Path) -> Iterator[Finding]:
    """One of `datasets`: that its folder holds images, or a source.yaml that can be read; `lock` is dvc.lock.

    Where others computed the features, neither photos nor table need be here.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        yield fault(f"datasets names {name!r}; use letters, digits, '.', '_' and '-'")
        return
    if name in OF_THE_PIPELINE:
        yield fault(f"{name} is a name that the pipeline uses itself under metrics; rename {data / 'raw' / name}")
        return
    from stages.datasets.folder import counted, list_images, read_folder
    from stages.datasets.local import SOURCE
    from stages.datasets.source import files_passed_over, read_source, reads_own_folder

    folder = data / "raw" / name
    if not folder.is_dir():
        if elsewhere := _elsewhere(name, data, lock):
            yield elsewhere
            return
        others = sorted(place.name for place in (data / "raw").glob("*") if place.is_dir())
        near = difflib.get_close_matches(name, others)
        hint = f"did you mean {' or '.join(near)}?" if near else "put your images there"
        yield fault(f"there is no folder {folder}; {hint}")
        return
    reader = read_source(folder / SOURCE) if (folder / SOURCE).is_file() else None
    images = list_images(folder) if reader else read_folder(folder)  # which reads its table of labels, too
    if images and reader and not reads_own_folder(reader, folder):
        yield fault(f"{folder} holds both images and {SOURCE}; remove one of them")
    elif images:
        kinds = counted(files_passed_over(folder))
        yield ok(f"{name}: {len(images)} images in {folder}" + (f"; passed over: {kinds}" if kinds else ""))
    elif reader:
        yield ok(f"{name}: {folder / SOURCE} can be read ({type(reader).__name__})")
    else:
        yield fault(f"{folder} holds no image; put images in it, or a {SOURCE}")


def _elsewhere(name: str, data: Path, lock: Path) -> Finding | None:
    """Where photos that are not here can be had from; None if nowhere."""
    folder, table = data / "raw" / name, data / "images" / f"{name}.parquet"
    tracked = folder.with_name(f"{name}.dvc")
    if tracked.is_file():
        return warning(f"{folder} is not here yet; `dvc pull {tracked}` fetches it")
    if table.is_file():
        return ok(f"{name}: the image table is here; the photos are not, and only `download` needs them")
    if lock.is_file() and f"  download@{name}:" in lock.read_text(encoding="utf-8").splitlines():
        return warning(f"{name}: neither photos nor table are here; `dvc repro --pull` fetches the table")
    return None


def check_n_clusters(n_clusters: Any, dataset: str, data: Path) -> Iterator[Finding]:
    """That as many clusters can be made of the images of a dataset, as far as its table is there."""
    from stages.params.n_clusters import resolve_n_clusters
    from stages.params.options import check_n_clusters_text
    from stages.tables import read_images

    table = data / "images" / f"{dataset}.parquet"
    if table.is_file():
        count = resolve_n_clusters(str(n_clusters), read_images(table))
        yield ok(f"{dataset}: {n_clusters}" + (f", that is {count}" if n_clusters == "classes" else ""))
    else:
        yield ok(f"{dataset}: {check_n_clusters_text(str(n_clusters))}")


def check_weights(name: Any, folder: Path, data: Path, cache: Path, timeout: float) -> Iterator[Finding]:
    """That the backbone is known, and its weights are on this machine or can be fetched."""
    from stages.backbones.card import EmptySource, read_card
    from stages.registry import REGISTRY
    from stages.registry.lookup import find_backbone

    card_file = data / "backbones" / f"{name}.json"
    if name not in REGISTRY and isinstance(name, str) and card_file.is_file():
        weights = read_card(card_file, []).weights  # spares asking torchvision and timm, which takes seconds
    else:
        weights = find_backbone(str(name)).weights
    if any(isinstance(source, EmptySource) for source in weights.sources):
        yield ok(f"{name}: has no weights to fetch")
        return
    places = [*(folder / name for name in weights.names), cache / "weights" / weights.file]
    found = next((place for place in places if place.is_file()), None)
    if found is not None:
        yield _local_weights(str(name), weights, found, folder, cache)
        return
    reasons = []
    for source in weights.sources:
        reason = answers(address := _address(source), timeout)
        address = without_password(address)
        if not reason:
            yield ok(f"{name}: to be fetched from {address}")
            return
        reasons.append(f"{address}: {reason}")
    # Whoever has the features can do without, until images are added.
    extracted = any((data / "features").glob(f"*/{name}"))
    yield Finding(
        "warning" if extracted else "fault",
        f"{name}: {weights.file} is not here and cannot be fetched ({'; '.join(reasons) or 'no source'}); "
        f"put it into {folder} by hand",
    )


def _local_weights(name: str, weights: "Weights", found: Path, folder: Path, cache: Path) -> Finding:
    """Whether the file that was found, in `folder` or in the cache, is the one meant; nothing is fetched."""
    from stages.backbones.weights import obtain_weights

    by_hand = found.is_relative_to(folder)
    file = str(found.relative_to(folder)) if by_hand else weights.file
    try:
        obtain_weights(replace(weights, file=file, sources=()), folder, cache, report=lambda line: None)
    except BackboneError as error:
        if by_hand:
            return fault(str(error))
        return warning(f"{name}: {found} is damaged; the next run fetches it again, or remove it")
    return ok(f"{name}: {found}")


def _address(source: "Source") -> str:
    """The address to ask whether a source can be reached: the hub and the package index are those that are set."""
    from stages.backbones.card import HubSource, UrlSource

    if isinstance(source, UrlSource):
        return source.url
    if isinstance(source, HubSource):
        return os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    if index := os.environ.get("PIP_INDEX_URL"):
        return index
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "get", "global.index-url"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "https://pypi.org/simple/"
