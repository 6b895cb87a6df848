"""Reads images out of archives, zip or tar, that are published at an address."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from stages.core.errors import DatasetError
from stages.datasets.labelling import Labelling
from stages.datasets.members import list_members
from stages.datasets.raw import RawImage
from stages.fetching.archives import opened
from stages.fetching.checksums import ALGORITHMS, Checksum
from stages.fetching.downloads import download


@dataclass(frozen=True, kw_only=True)
class ArchiveSet(Labelling):
    """Images in one or several published archives. The fields are the keys of source.yaml."""

    files: Sequence[str]  # names of the archives
    mirrors: Sequence[str]  # addresses that each have all of them, in order; the name is put behind, or for {file}
    sha256: Sequence[str] = ()  # checksums, one for each of `files`; at most one kind of them
    sha1: Sequence[str] = ()  # for a publisher who gives no sha256
    md5: Sequence[str] = ()  # for a publisher who gives neither
    images: str = "*"  # shell-style pattern, "*" crosses "/"; files without an image's extension are left out

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.files or not self.mirrors:
            raise DatasetError("'files' and 'mirrors' need a value each")
        for name in self.files:
            if "/" in name or "\\" in name or name in ("", ".", ".."):
                raise DatasetError(f"{name!r} among 'files' is no plain file name; put its folder into 'mirrors'")
        given = [kind for kind in ALGORITHMS if getattr(self, kind)]
        if len(given) > 1:
            raise DatasetError(f"{given[0]!r} and {given[1]!r} are both given; keep {given[0]!r}")
        self.checksums()

    def checksums(self) -> list[Checksum]:
        """The checksum of each of the files, empty when the publisher gives none."""
        for kind in ALGORITHMS:
            if digits := getattr(self, kind):
                if len(digits) != len(self.files):
                    raise DatasetError(f"{kind!r} lists {len(digits)} checksums for {len(self.files)} files")
                return [Checksum(kind, digest) for digest in digits]
        return [Checksum()] * len(self.files)

    @contextmanager
    def open(self, cache: Path, report: Callable[[str], None]) -> Iterator[list[RawImage]]:
        """Give the images, sorted by path, readable until the end of the `with` block.

        Raises `FetchError` when an archive cannot be had, `DatasetError` for what it holds.
        """
        with ExitStack() as stack:
            archives = []
            for name, checksum in zip(self.files, self.checksums(), strict=True):
                addresses = [_address(mirror, name) for mirror in self.mirrors]
                file = download(addresses, checksum, _place(cache, addresses[0], name), report)
                if not checksum:
                    report(
                        f"no checksum of {name} is known; to have later copies checked, write into source.yaml "
                        f"sha256: {checksum.of(file)}"
                    )
                archives.append(stack.enter_context(opened(file)))
            yield list_members(archives, self.images, self)


def _address(mirror: str, name: str) -> str:
    if "{file}" in mirror:
        return mirror.replace("{file}", name)
    return f"{mirror.rstrip('/')}/{name}"


def _place(cache: Path, address: str, name: str) -> Path:
    """Where the archive is kept: sets of the same author share it, another author's of the same name does not."""
    return cache / "archives" / hashlib.sha256(address.encode()).hexdigest()[:12] / name
