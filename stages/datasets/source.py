"""Finds out where the images of a dataset are: in its folder, or where its source.yaml says."""

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from stages.datasets.folder import read_folder
from stages.datasets.package import Package
from stages.datasets.raw import RawImage
from stages.errors import DatasetError

SOURCE = "source.yaml"
READERS = {"package": Package}


@contextmanager
def open_dataset(folder: Path, cache: Path, report: Callable[[str], None]) -> Iterator[Sequence[RawImage]]:
    """Give the images of the dataset in `folder`, sorted by path, readable until the end of the `with` block.

    `folder` holds images, or one source.yaml that names a reader and its settings. What has to be fetched is
    kept in the folder `cache`; `report` gets a line when a fetch begins.

    Raises `DatasetError` when the folder or its source.yaml cannot be used, `FetchError` when a fetch fails.
    """
    if not folder.is_dir():
        others = [place.name for place in sorted(folder.parent.glob("[!.]*")) if place.is_dir()]
        existing = (
            f"{folder.parent} has {', '.join(others)}" if others else f"there is no dataset in {folder.parent}"
        )
        raise DatasetError(f"there is no folder {folder}; {existing}")
    images = read_folder(folder)
    described = (folder / SOURCE).is_file()
    if images and described:
        raise DatasetError(
            f"{folder} holds both images (such as {images[0].path!r}) and {SOURCE}; remove one of them"
        )
    if not images and not described:
        raise DatasetError(f"{folder} holds {_contents(folder)}; put images in it, or a {SOURCE}")
    if images:
        yield images
    else:
        with read_source(folder / SOURCE).open(cache, report) as images:
            yield images


def read_source(file: Path) -> Package:
    """Read a source.yaml: the key `reader`, and the reader's own keys, all of them text.

    Raises `DatasetError` for a missing, unknown or misspelt key, and for a value that is no text.
    """
    settings = _read_mapping(file)
    name = settings.pop("reader", None)
    if name is None:
        raise DatasetError(f"{file} has no key 'reader'; it may be {_listed(READERS)}")
    if not isinstance(name, str) or name not in READERS:
        raise DatasetError(f"{file}: there is no reader {name!r}{_near(name, READERS)}")
    reader = READERS[name]
    keys = {field.name: field.default is MISSING for field in fields(reader)}
    for key, value in settings.items():
        if key not in keys:
            raise DatasetError(f"{file}: the reader {name!r} has no key {key!r}{_near(key, keys)}")
        if not isinstance(value, str):
            raise DatasetError(f"{file}: the value of {key!r} is {value!r}, not text; put it in quotes")
    if missing := [key for key, required in keys.items() if required and key not in settings]:
        raise DatasetError(f"{file}: the reader {name!r} needs the key {_listed(missing)}")
    return reader(**settings)


def _read_mapping(file: Path) -> dict[Any, Any]:
    import yaml  # here, as a folder of images has no need of it

    try:
        settings = yaml.safe_load(file.read_bytes())
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: the 31st of February
        raise DatasetError(f"{file} is no YAML ({' '.join(str(error).split())})") from None
    if not isinstance(settings, dict):
        raise DatasetError(f"{file} has no keys; write one a line, such as `reader: package`")
    return settings


def _near(word: object, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(word), list(known), n=2)
    return f"; did you mean {_listed(close)}?" if close else f"; it may be {_listed(known)}"


def _listed(names: Iterable[str]) -> str:
    return " or ".join(repr(name) for name in names)


def _contents(folder: Path) -> str:
    """Say what a folder without images holds, for the user who took something else for images."""
    other = next((place for place in sorted(folder.rglob("[!.]*")) if place.is_file()), None)
    return f"no image, but {other.relative_to(folder).as_posix()!r}" if other else "nothing"
