"""Reads the test set of PASCAL VOC 2007, of it the images that have one label only."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from stages.core.errors import DatasetError, one_line
from stages.datasets.folder import read_folder
from stages.datasets.images import RawImage
from stages.datasets.keys import near
from stages.datasets.loaders import load_or_fetch

_READINGS = {"single": ("class", "object"), "difficult": ("count", "ignore")}
_ANNOTATION_LIMIT = 1 << 20  # bytes of one annotation; the published ones have at most some ten kB


class Thing(NamedTuple):
    """An annotated object: the name of its class, and whether the annotators call it difficult to recognise."""

    name: str
    difficult: bool


@dataclass(frozen=True)
class Voc2007:
    """Single-label images of the VOC 2007 test set. The fields are the keys of source.yaml."""

    single: str = "class"  # "class": all objects are of one class; "object": there is one object
    difficult: str = "count"  # objects marked difficult: "count" like others, or "ignore" them

    def __post_init__(self) -> None:
        for key, known in _READINGS.items():
            if (value := getattr(self, key)) not in known:
                raise DatasetError(f"`{key}` is {value!r}{near(value, known)}")

    @contextmanager
    def open(self, cache: Path, report: Callable[[str], None]) -> Iterator[list[RawImage]]:
        """Give the images, sorted by path, and report how many there are in each reading of "single label".

        Raises `FetchError` when the set cannot be fetched, `DatasetError` when an annotation cannot be read.
        """
        root = cache / "torchvision"
        by_hand = (
            f"put VOCtest_06-Nov-2007.tar into {root} by hand, or the development kit with the test set, a folder "
            f"or a link to one, as {root / 'VOCdevkit'}"
        )
        pairs = load_or_fetch("the VOC 2007 test set", lambda fetch: _files(root, fetch), by_hand, report)
        things = [read_annotation(annotation) for _, annotation in pairs]
        counts = {
            reading: sum(single_label(found, *reading) is not None for found in things)
            for reading in itertools.product(*_READINGS.values())
        }
        report(
            f"voc2007: {len(pairs)} images; single label by class/object: "
            f"{counts['class', 'count']}/{counts['object', 'count']} with difficult objects, "
            f"{counts['class', 'ignore']}/{counts['object', 'ignore']} without"
        )
        labels = {
            image.name: single_label(found, self.single, self.difficult)
            for (image, _), found in zip(pairs, things, strict=True)
        }
        folder = pairs[0][0].parent  # holds the training images too, where the whole kit was put there
        yield [
            replace(image, label=label)
            for image in read_folder(folder)
            if (label := labels.get(image.path)) is not None
        ]


def single_label(things: Sequence[Thing], single: str, difficult: str) -> str | None:
    """The class of an image that has a single label in the reading of `Voc2007`'s fields, else None."""
    names = [thing.name for thing in things if difficult == "count" or not thing.difficult]
    one = len(set(names)) == 1 if single == "class" else len(names) == 1
    return names[0] if one else None


def read_annotation(file: Path) -> list[Thing]:
    """The annotated objects of an image, in the file's order. Raises `DatasetError` for a damaged file."""
    try:
        with file.open("rb") as stream:
            text = stream.read(_ANNOTATION_LIMIT + 1)
        if len(text) > _ANNOTATION_LIMIT:
            raise ValueError(f"more than {_ANNOTATION_LIMIT} bytes")
        found = ElementTree.fromstring(text, ElementTree.XMLParser(target=_NoDoctype())).findall("object")
        # Parts of a person (head, hands) are objects inside an object, with names of their own; these are left.
        return [Thing(_text(thing, "name"), _text(thing, "difficult", "0") == "1") for thing in found]
    except (OSError, ValueError, ElementTree.ParseError) as error:
        raise DatasetError(
            f"{file} is not an annotation of VOC ({one_line(error)}); remove it to fetch it again"
        ) from None


class _NoDoctype(ElementTree.TreeBuilder):
    """Refuses a document type before it is read: it could define entities that grow a thousandfold each, or
    that stand for other files. The published annotations have none."""

    def doctype(self, name: str, pubid: str, system: str) -> None:
        raise ValueError("it has a document type")


def _text(element: ElementTree.Element, tag: str, default: str = "") -> str:
    text = (element.findtext(tag) or default).strip()
    if not text:
        raise ValueError(f"an object has no {tag}")
    return text


def _files(root: Path, fetch: bool) -> list[tuple[Path, Path]]:
    """Let torchvision find or fetch the set; give each image's file and its annotation's."""
    from torchvision.datasets import VOCDetection

    found = VOCDetection(root, year="2007", image_set="test", download=fetch)
    pairs = [(Path(image), Path(target)) for image, target in zip(found.images, found.targets, strict=True)]
    if not pairs:
        raise ValueError("its list of images is empty")
    for file in itertools.chain.from_iterable(pairs):
        if not file.is_file():  # unpacking was broken off, or only a part was put there
            raise FileNotFoundError(f"{file} is missing")
    return pairs
