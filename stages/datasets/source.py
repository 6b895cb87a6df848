"""Finds out where the images of a dataset are: in its folder, or where its source.yaml says."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

from stages.core.errors import DatasetError, one_line
from stages.core.regular import check_regular
from stages.datasets.archive import ArchiveSet
from stages.datasets.arrays import Arrays
from stages.datasets.folder import PassedOver, label_images, list_images, passed_over
from stages.datasets.images import RawImage
from stages.datasets.keys import About, fill, listed, near, resolve_path
from stages.datasets.local import SOURCE, Local
from stages.datasets.package import Package
from stages.datasets.sklearn_sets import SklearnSet
from stages.datasets.torchvision_sets import TorchvisionSet
from stages.datasets.voc import Voc2007


class Reader(Protocol):
    """Where images come from. A reader is a dataclass: its fields are the keys of source.yaml.

    Their types are str, int, bool and Sequence[str]. Two fields are not keys but are filled in for a reader
    that has them: `folder`, a Path, the dataset's own folder, and `about`, an `About`.
    """

    def open(self, cache: Path, report: Callable[[str], None]) -> AbstractContextManager[Sequence[RawImage]]:
        """Give the images, sorted by path, readable until the end of the `with` block."""


READERS: dict[str, type[Reader]] = {
    "archive": ArchiveSet,
    "arrays": Arrays,
    "local": Local,
    "package": Package,
    "scikit-learn": SklearnSet,
    "torchvision": TorchvisionSet,
    "voc2007": Voc2007,
}


@contextmanager
def open_dataset(folder: Path, cache: Path, report: Callable[[str], None]) -> Iterator[Sequence[RawImage]]:
    """Give the images of the dataset in `folder`, sorted by path, readable until the end of the `with` block.

    `folder` holds images, or one source.yaml that names a reader and its settings. Fetched files are
    kept in the folder `cache`; `report` gets a line when a fetch begins.

    Raises `DatasetError` when the folder or its source.yaml cannot be used, `FetchError` when a fetch fails.
    """
    if not folder.is_dir():
        others = [place.name for place in sorted(folder.parent.glob("[!.]*")) if place.is_dir()]
        existing = (
            f"{folder.parent} has {', '.join(others)}" if others else f"there is no dataset in {folder.parent}"
        )
        raise DatasetError(f"there is no folder {folder}; {existing}")
    described = read_source(folder / SOURCE) if check_regular(folder / SOURCE).is_file() else None
    here = list_images(folder)
    if here and described and not reads_own_folder(described, folder):
        raise DatasetError(
            f"{folder} holds both images (such as {here[0].path!r}) and {SOURCE}; remove one of them"
        )
    if described:
        with described.open(cache, report) as images:
            yield images
    elif here:
        yield label_images(folder, here, report)
    else:  # for the user who took something else for images
        other = next((place for place in sorted(folder.rglob("[!.]*")) if place.is_file()), None)
        found = f"no image, but {other.relative_to(folder).as_posix()!r}" if other else "nothing"
        raise DatasetError(f"{folder} holds {found}; put images in it, or a {SOURCE}")


def files_passed_over(folder: Path) -> list[PassedOver]:
    """List the files of the dataset in `folder` that do not count as images, sorted by path.

    Those of a folder elsewhere, where its source.yaml names one; of archives, arrays and packages there are none.
    Raises `DatasetError` as `open_dataset` does.
    """
    described = read_source(folder / SOURCE) if check_regular(folder / SOURCE).is_file() else None
    if isinstance(described, Local):
        return described.passed_over()
    return [file for file in passed_over(folder) if file.path != SOURCE]


def reads_own_folder(reader: Reader, folder: Path) -> bool:
    """Whether a reader reads the images of the dataset's own folder."""
    return isinstance(reader, Local) and resolve_path(reader.path, folder).resolve() == folder.resolve()


def read_source(file: Path) -> Reader:
    """Read a source.yaml: the key `reader`, the reader's own keys, and `about`, which none need have.

    Raises `DatasetError` for a missing, unknown or misspelt key, and for a value of another type than the key's.
    """
    settings = _read_mapping(file)
    about = _about(settings, file)
    name = settings.pop("reader", None)
    if name is None:
        raise DatasetError(f"{file} has no key 'reader'; it may be {listed(READERS)}")
    if not isinstance(name, str) or name not in READERS:
        raise DatasetError(f"{file}: there is no reader {name!r}{near(name, READERS)}")
    given = {"folder": file.parent, "about": about}
    return fill(READERS[name], settings, str(file), f"the reader {name!r}", given)


def read_about(file: Path) -> About:
    """Read what a source.yaml says about its image set; all fields are empty where it, or the file, does not."""
    return _about(_read_mapping(file), file) if file.is_file() else About()


def _about(settings: dict[Any, Any], file: Path) -> About:
    """Take the key `about` out of `settings`."""
    about = settings.pop("about", {})
    if not isinstance(about, dict):
        raise DatasetError(
            f"{file}: the value of 'about' is {about!r}, not keys; write one a line below it, indented"
        )
    return fill(About, about, str(file), "'about'")


def _read_mapping(file: Path) -> dict[Any, Any]:
    import yaml  # here, as a folder of images has no need of it

    try:
        settings = yaml.safe_load(file.read_bytes())
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: the 31st of February
        raise DatasetError(f"{file} is not YAML ({one_line(error)})") from None
    if not isinstance(settings, dict):
        raise DatasetError(f"{file} has no keys; write one a line, such as `reader: package`")
    return settings
