"""The numbers of earlier clusters, by image: their file, and which clusters of this run keep them."""

import hashlib
import itertools
from collections.abc import Hashable, Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.core.counted import counted
from stages.core.csvtext import csv_text, text_of_cell
from stages.correcting.file import parse_number, read_table
from stages.tables.images import ImageTable


class Numbered(NamedTuple):
    """One line of the file: an image and the number of its cluster.

    `image` is the beginning of the sha256 of its bytes. A number without an image was given to a cluster that is
    gone, and is not given again.
    """

    cluster: int
    image: str
    path: str


def numbers_file(data: Path, dataset: str) -> Path:
    """The file of a dataset, in a folder of its own: a dataset may be called as any other file."""
    return data / "corrections" / "numbers" / f"{dataset}.csv"


def read_numbers(file: Path) -> list[Numbered]:
    """Read the numbers of earlier clusters; none where there is no file, or an empty one.

    Raises `DatasetError` for one that is no CSV in UTF-8 or UTF-16 with the columns cluster, image and path, and
    for a number that is none.
    """
    rows = []
    for line, (cluster, image, path) in read_table(file, Numbered._fields):
        number = parse_number(file, line, cluster)
        rows.append(Numbered(number, image.strip().casefold(), text_of_cell(path)))
    return rows


def image_keys(images: ImageTable) -> list[str]:
    """What stands for the images (n) in a file: 64 bits of the sha256 of their bytes."""
    return [hashlib.sha256(data).hexdigest()[:16] for data in images.read_bytes()]


def find_images(
    rows: Iterable[Numbered], paths: Sequence[str], keys: Sequence[str]
) -> tuple[np.ndarray, list[Numbered]]:
    """The earlier cluster of each image, int64 (n), -1 for a new one; and the rows whose images are gone.

    An image is found again by its `keys` (n), also where it was renamed, or else by its `paths` (n), where it was
    edited. A row stands for one image: of copies, each is that of its own path.
    """
    images = [Numbered(-1, *pair) for pair in zip(keys, paths, strict=True)]
    found, left = np.full(len(images), -1, dtype=np.int64), [row for row in rows if row.image or row.path]
    for same in (attrgetter("image", "path"), attrgetter("image"), attrgetter("path")):
        places: dict[Hashable, list[int]] = {}
        for place in np.flatnonzero(found < 0)[::-1].tolist():
            places.setdefault(same(images[place]), []).append(place)
        rest = []
        for row in left:
            if at := places.get(same(row)):
                found[at.pop()] = row.cluster
            else:
                rest.append(row)
        left = rest
    return found, left


def kept_numbers(labels: np.ndarray, earlier: np.ndarray, highest: int) -> dict[int, int]:
    """The number that each of the clusters `labels`, int (n), gets, by what has been its images' number `earlier`.

    `earlier` is int (n), -1 for a new image. Clusters are matched one to one with the earlier ones, such that they
    share the most images (Kuhn, "The Hungarian method for the assignment problem", 1955). Only those may be
    matched that share more than half of the images of one of both, new ones and those that are gone left out.
    Others get the numbers after the `highest` that was ever given, in the order of their own.
    """
    from scipy.optimize import linear_sum_assignment

    clusters, cluster = np.unique(labels, return_inverse=True)
    known = earlier >= 0
    numbers, number = np.unique(earlier[known], return_inverse=True)
    shape = len(clusters), len(numbers)
    shared = np.bincount(cluster[known] * shape[1] + number, minlength=shape[0] * shape[1]).reshape(shape)
    most = 2 * shared > np.minimum(shared.sum(axis=0), shared.sum(axis=1, keepdims=True))
    rows, columns = linear_sum_assignment(shared * most, maximize=True)
    kept = {int(clusters[row]): int(numbers[at]) for row, at in zip(rows, columns, strict=True) if most[row, at]}
    free = itertools.count(highest + 1)
    return {own: kept[own] if own in kept else next(free) for own in clusters.tolist()}


def number_clusters(
    images: ImageTable, labels: np.ndarray, rows: Sequence[Numbered]
) -> tuple[dict[int, int], str]:
    """The numbers of the clusters `labels`, int (n), by the `rows` of earlier ones, and how many were kept.

    The numbers are those of `kept_numbers`; {} where all stay as they are, as without a row about these images.
    """
    if not rows:
        return {}, ""
    earlier, _ = find_images(rows, images.paths, image_keys(images))
    if (earlier < 0).all():
        return {}, "no number is kept: none of the images that have one is there"
    used = {row.cluster for row in rows}
    numbers = kept_numbers(labels, earlier, max(used))
    kept = len(used & set(numbers.values()))
    said = f"{kept} of {counted(len(numbers), 'cluster')} keep the number of an earlier one"
    return {} if all(own == number for own, number in numbers.items()) else numbers, said


def renew(
    rows: Sequence[Numbered],
    paths: Sequence[str],
    keys: Sequence[str],
    labels: np.ndarray,
    made: Iterable[int] = (),
) -> list[Numbered]:
    """The rows for the clusters `labels`, int (n), of these images, after the `rows` of earlier ones.

    Images that are gone stay with their clusters, as they may come back; so do numbers that were ever given, as
    those of groups `made` by hand. Rows none of whose images is there were of another image set, and are dropped.
    """
    found, gone = find_images(rows, paths, keys)
    if (found < 0).all():
        rows = gone = []
    now = [*map(Numbered, labels.tolist(), keys, paths), *gone]
    unused = {*made, *(row.cluster for row in rows)} - {row.cluster for row in now}
    return [*now, *(Numbered(number, "", "") for number in sorted(unused))]


def numbers_csv(rows: Iterable[Numbered]) -> str:
    """The text of the file."""
    return csv_text(Numbered._fields, rows)
