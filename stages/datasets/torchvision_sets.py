"""Reads image sets through torchvision's own classes, which know where to fetch them and their checksums."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.errors import DatasetError
from stages.datasets.images import RawImage, pixel_images
from stages.datasets.keys import near
from stages.datasets.loaders import load_or_fetch

_CLASSES = {  # from our name to torchvision's
    "cifar10": "CIFAR10",
    "cifar100": "CIFAR100",
    "fashion_mnist": "FashionMNIST",
    "mnist": "MNIST",
    "stl10": "STL10",
    "usps": "USPS",
}
_DIGITS = ("mnist", "usps")  # torchvision calls their classes "0 - zero" or nothing
_SPLITS = ("test", "train")  # in the order of paths
_RECONSTRUCT = np.empty(0).__reduce__()[0]  # its module has another name in NumPy 1 and 2
_HARMLESS = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


@dataclass(frozen=True)
class TorchvisionSet:
    """An image set of torchvision's. The fields are the keys of source.yaml."""

    name: str  # cifar10, cifar100, fashion_mnist, mnist, stl10 (its labelled images) or usps
    splits: Sequence[str] = ("train", "test")  # the parts to take; clustering has no use for the difference
    classes: str = "fine"  # of cifar100: "fine" for its 100 classes, "coarse" for the 20 classes above these

    def __post_init__(self) -> None:
        if self.name not in _CLASSES:
            raise DatasetError(f"torchvision's set {self.name!r} is not known{near(self.name, _CLASSES)}")
        if not self.splits or not set(self.splits) <= set(_SPLITS):
            raise DatasetError(f"`splits` is {list(self.splits)}; it may be [train], [test] or [train, test]")
        if self.classes not in ("fine", "coarse") or (self.classes == "coarse" and self.name != "cifar100"):
            raise DatasetError(
                f"{self.name} has no {self.classes!r} classes; `classes` may be 'fine', or 'coarse' for cifar100"
            )

    @contextmanager
    def open(self, cache: Path, report: Callable[[str], None]) -> Iterator[list[RawImage]]:
        """Give the images, sorted by path: `test/00000.ppm`, ... , `train/00000.ppm`, ... (.pgm for grey ones).

        The arrays that torchvision makes are held in memory, and one image more.
        Raises `FetchError` when the set cannot be fetched or is not what torchvision expects.
        """
        from torchvision import datasets

        kind, root = getattr(datasets, _CLASSES[self.name]), cache / "torchvision"
        images: list[RawImage] = []
        for split in (split for split in _SPLITS if split in self.splits):
            load = partial(self._load, kind, root, split)
            data, labels = load_or_fetch(self.name, load, _by_hand(kind, root), report)
            pixels = partial(_pixels, data, kind is datasets.STL10)
            images += pixel_images(f"{split}/", labels, data.ndim == 4, pixels)
        yield images

    def _load(self, kind: Any, root: Path, split: str, fetch: bool) -> tuple[np.ndarray, list[str]]:
        """Return the pixels of a split as torchvision holds them, and the name of each image's class."""
        _discard_damaged(kind, root, split, fetch)
        if self.name == "stl10":
            loaded = kind(root, split=split, download=fetch)
            targets = loaded.labels
        else:
            loaded = kind(root, train=split == "train", download=fetch)
            targets = loaded.targets
        if self.name in _DIGITS:
            names = [str(digit) for digit in range(10)]
        elif self.classes == "coarse":
            targets, names = _coarse(loaded, split)
        else:
            names = loaded.classes
        return np.asarray(loaded.data), [names[int(target)] for target in targets]


def load_plain(file: Path) -> Any:
    """Return the content of a pickle, text of Python 2 read as Latin-1.

    An ordinary pickle can call any function there is. This admits the few that make an array and raises
    `pickle.UnpicklingError` for all others, before they are called.
    """
    with file.open("rb") as stream:
        return _Plain(stream, encoding="latin1").load()


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _HARMLESS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"the pickle asks for {module}.{name}; only arrays are read") from None


def _pixels(data: np.ndarray, channels_first: bool, index: int) -> np.ndarray:
    image: np.ndarray = data[index]
    return image.transpose(1, 2, 0) if channels_first else image


def _coarse(loaded: Any, split: str) -> tuple[list[int], list[str]]:
    """CIFAR-100's 20 classes, which torchvision leaves in the files: just now it has checked their digests."""
    folder = Path(loaded.root) / loaded.base_folder
    targets: list[int] = []
    for name, _ in loaded.train_list if split == "train" else loaded.test_list:
        targets += load_plain(folder / name)["coarse_labels"]
    return targets, load_plain(folder / loaded.meta["filename"])["coarse_label_names"]


def _discard_damaged(kind: Any, root: Path, split: str, fetch: bool) -> None:
    """Remove from the cache what a killed run left half-written and torchvision would take for whole."""
    from torchvision.datasets.utils import check_integrity

    if hasattr(kind, "split_list"):  # USPS: the file's digest is looked at only after a fetch
        _, name, digest = kind.split_list[split]
        if (root / name).is_file() and not check_integrity(root / name, digest):
            (root / name).unlink()
    elif hasattr(kind, "resources") and fetch:  # MNIST: what was unpacked has no digest, what was fetched has
        for name, _ in kind.resources:
            (_raw_folder(kind, root) / name).with_suffix("").unlink(missing_ok=True)


def _by_hand(kind: Any, root: Path) -> str:
    """Say where torchvision looks for which files."""
    if hasattr(kind, "resources"):
        names, folder = [name for name, _ in kind.resources], _raw_folder(kind, root)
    elif hasattr(kind, "split_list"):
        names, folder = [name for _, name, _ in kind.split_list.values()], root
    else:
        names, folder = [kind.filename], root
    return f"put {', '.join(names)} into {folder} by hand"


def _raw_folder(kind: type, root: Path) -> Path:
    return root / kind.__name__ / "raw"
