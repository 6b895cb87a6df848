"""Digests of files."""

import hashlib
from pathlib import Path


def file_digest(file: Path) -> str:
    """The sha256 of a file as 64 lower-case hex digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
