"""Images that are members of archives."""

import io
from collections.abc import Callable, Sequence
from functools import partial

from stages.core.errors import DatasetError, FetchError
from stages.datasets.labelling import Labelling, Table
from stages.datasets.raw import RawImage
from stages.decoding import UnreadableImageError, is_image_name
from stages.fetching.archive import Archive

_IMAGE_LIMIT = 256 << 20  # bytes of one image file
_TABLE_LIMIT = 64 << 20  # bytes of a table of labels


def list_members(
    archives: Sequence[Archive],
    pattern: str,
    labelling: Labelling,
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
    labels = labelling.label(paths, partial(_table, archives))
    return [RawImage(path, labels.get(path), partial(_read, places[path], path)) for path in paths]


def _table(archives: Sequence[Archive], pattern: str) -> Table:
    holding = [archive for archive in archives if archive.matching(pattern)] or archives[:1]
    path = holding[0].only(pattern)
    content = holding[0].read(path, _TABLE_LIMIT)
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="")
    return Table(path, f"{path} in {holding[0].name}", text)


def _read(archive: Archive, path: str) -> bytes:
    try:
        return archive.read(path, _IMAGE_LIMIT)
    except FetchError as error:
        raise UnreadableImageError(str(error)) from None
