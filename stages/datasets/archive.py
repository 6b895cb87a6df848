"""Reads images out of archives, zip or tar, that are published at an address; lists those of any archive."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stages.core.errors import DatasetError, FetchError
from stages.datasets.images import RawImage
from stages.datasets.labels import Labelling
from stages.datasets.labeltables import Table
from stages.decoding import UnreadableImageError, is_image_name
from stages.fetching.archives import Archive, opened
from stages.fetching.downloads import ALGORITHMS, Checksum, download

_IMAGE_LIMIT = 256 << 20  # bytes of one image file
_TABLE_LIMIT = 64 << 20  # bytes of a table of labels


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
            if name in ("", ".", "..") or not {"/", "\\", "\0"}.isdisjoint(name):
                raise DatasetError(
                    f"{name!r} among 'files' is not a file name alone; put its folder into 'mirrors'"
                )
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

        Raises `FetchError` when an archive cannot be fetched, `DatasetError` for what it holds.
        """
        with ExitStack() as stack:
            archives = []
            for name, checksum in zip(self.files, self.checksums(), strict=True):
                addresses = [_address(mirror, name) for mirror in self.mirrors]
                place = _place(cache, addresses[0], name)
                file = download(addresses, checksum, place, report, examine=_examine)
                if not checksum:
                    report(
                        f"no checksum of {name} is known; to have later copies checked, write into source.yaml "
                        f"sha256: {checksum.of(file)}"
                    )
                archives.append(stack.enter_context(opened(file)))
            yield list_members(archives, self.images, self, report)


def list_members(
    archives: Sequence[Archive],
    pattern: str,
    labelling: Labelling,
    report: Callable[[str], None],
    chosen: Callable[[str], bool] = lambda path: True,
) -> list[RawImage]:
    """List the images in `archives` whose paths match the shell-style `pattern` and are `chosen`, sorted by path.

    They are readable, by several threads at once, as long as the archives are open. Raises `DatasetError` when
    there is none, when two archives hold the same path, or when they cannot be labelled.
    """
    places: dict[str, Archive] = {}
    for archive in archives:
        for path in filter(chosen, archive.matching(pattern)):
            if is_image_name(path) and places.setdefault(path, archive) is not archive:
                raise DatasetError(f"{places[path].name} and {archive.name} both hold {path!r}")
    if not places:
        names = " and ".join(archive.name for archive in archives)
        raise DatasetError(f"{names}: no image matches {pattern!r}; correct `images`")
    paths = sorted(places)
    labels = labelling.label(paths, partial(_table, archives), report)
    return [RawImage(path, labels.get(path), partial(_read, places[path], path)) for path in paths]


def _examine(file: Path) -> None:
    """Raise `FetchError` for a file that is no archive."""
    with opened(file):
        pass


def _address(mirror: str, name: str) -> str:
    if "{file}" in mirror:
        return mirror.replace("{file}", name)
    return f"{mirror.rstrip('/')}/{name}"


def _place(cache: Path, address: str, name: str) -> Path:
    """Where the archive is kept: sets of the same author share it, another author's of the same name does not."""
    return cache / "archives" / hashlib.sha256(address.encode()).hexdigest()[:12] / name


def _table(archives: Sequence[Archive], pattern: str) -> Table:
    holding = [archive for archive in archives if archive.matching(pattern)] or archives[:1]
    path = holding[0].only(pattern)
    return Table(path, f"{path} in {holding[0].name}", holding[0].read(path, _TABLE_LIMIT))


def _read(archive: Archive, path: str) -> bytes:
    try:
        return archive.read(path, _IMAGE_LIMIT)
    except FetchError as error:
        raise UnreadableImageError(str(error)) from None
