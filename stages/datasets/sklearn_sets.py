"""Reads image sets through scikit-learn: handwritten digits that it brings along, and faces that it can fetch."""

import contextlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.core.errors import DatasetError
from stages.datasets.folder import read_folder
from stages.datasets.images import RawImage, pixel_images
from stages.datasets.keys import near
from stages.datasets.loaders import load_or_fetch

_NAMES = ("digits", "lfw")


@dataclass(frozen=True)
class SklearnSet:
    """An image set of scikit-learn's. The fields are the keys of source.yaml."""

    name: str  # "digits": 8 x 8 pixels; "lfw": Labeled Faces in the Wild, funneled, 250 x 250 pixels
    min_images: int = 1  # of lfw: leave out people of whom there are fewer images

    def __post_init__(self) -> None:
        if self.name not in _NAMES:
            raise DatasetError(f"scikit-learn's set {self.name!r} is not known{near(self.name, _NAMES)}")
        if self.min_images < 1:
            raise DatasetError(f"`min_images` is {self.min_images}; it is at least 1")

    @contextmanager
    def open(self, cache: Path, report: Callable[[str], None]) -> Iterator[list[RawImage]]:
        """Give the images, sorted by path: `00000.pgm`, ... of digits, `Aaron_Eckhart/...0001.jpg`, ... of faces.

        Raises `FetchError` when the faces cannot be fetched, `DatasetError` when none is left.
        """
        yield _digits() if self.name == "digits" else self._faces(cache / "scikit-learn", report)

    def _faces(self, home: Path, report: Callable[[str], None]) -> list[RawImage]:
        faces = home / "lfw_home" / "lfw_funneled"
        by_hand = f"put what lfw-funneled.tgz holds into {faces} by hand, a folder for each person"
        load_or_fetch("lfw", lambda fetch: _unpacked_faces(faces, fetch), by_hand, report)
        images = read_folder(faces)
        counts = Counter(image.label for image in images)
        kept = [image for image in images if image.label is not None and counts[image.label] >= self.min_images]
        if not kept:
            raise DatasetError(
                f"no person in {faces} has {self.min_images} images, the most is "
                f"{max(counts.values(), default=0)}; lower `min_images`"
            )
        return kept


def _digits() -> list[RawImage]:
    """The pixels are 0..16; they become 255/16 times that, rounded, so that 0 and 16 become 0 and 255.

    Different values stay different: nothing is lost.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return pixel_images("", [str(label) for label in digits.target], False, lambda index: pixels[index])


def _unpacked_faces(folder: Path, fetch: bool) -> None:
    """Make sure that the folder of faces is there and whole.

    scikit-learn fetches, checks and unpacks it as a part of loading the pixels, which would take gigabytes. It
    is asked for people with more images than anyone has; that it refuses, after the rest is done.
    """
    from sklearn.datasets import fetch_lfw_people

    home = folder.parent
    # scikit-learn fetches the lists, then the archive, and removes that once it is unpacked: with both still
    # there, unpacking was broken off. With no lists, the user put the folder there.
    if (home / "lfw-funneled.tgz").is_file() and (home / "pairs.txt").is_file():
        shutil.rmtree(folder, ignore_errors=True)
    if fetch:
        with contextlib.suppress(ValueError):
            fetch_lfw_people(data_home=home.parent, min_faces_per_person=10**9)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
