"""The photos of a folder elsewhere as a digest, by which a change there is noticed."""

import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple

from stages.core.digests import file_digest
from stages.core.progress import tracked
from stages.datasets.local import Local

Known = dict[str, tuple[list[int], str]]  # by file: its state, and the digest of what it held then


class Seen(NamedTuple):
    """The number of images (of an archive: 0), and a sha256, 64 hex digits.

    It is over the paths, labels and bytes of the images, and over the list of what is passed over.
    """

    images: int
    sha256: str


def look(reader: Local, known: Known) -> tuple[Seen, Known]:
    """Look at the images of a folder or an archive; return what was seen, and what is `known` at the next look.

    A file whose state is the one known is not read again; one that cannot be read is seen as such. Raises
    `DatasetError` as the reader does.
    """
    place, now, digest = reader.place(), Known(), hashlib.sha256()
    if not place.is_dir():
        return Seen(0, _digest(place, known, now)), now
    images, passed_over = reader.survey(place)
    for image in tracked(images, "looking at the photos", len(images)):
        assert image.file is not None  # they are in a folder
        entry = [image.path, image.label, _digest(image.file, known, now)]
        digest.update(json.dumps(entry).encode() + b"\n")
    digest.update(json.dumps(passed_over).encode())
    return Seen(len(images), digest.hexdigest()), now


def _digest(file: Path, known: Known, now: Known) -> str:
    name = os.fspath(file)
    try:
        status = file.stat()
        state = [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
        before, digest = known.get(name, ([], ""))
        now[name] = state, digest if before == state else file_digest(file)
    except OSError:
        return "cannot be read"
    return now[name][1]
