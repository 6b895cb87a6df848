"""Seals: a digest of a file within the file, by which damage to any of its bytes is found before they are used.

A seal is "sha256:" and 64 hex digits, in the header of a safetensors file or in a text: the sha256 of the whole
file with zeros in place of the digits. It finds accidents; whoever can write a file can seal it again.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages.core.atomic import replacing

BLANK = "sha256:" + 64 * "0"  # stands in the file until its digest is known
KEY = "seal"  # of a JSON file

_SEAL = re.compile(rb"sha256:([0-9a-f]{64})(?![0-9a-f])")
_BLOCK = 1 << 20  # bytes read at once; in the first of them a binary file has its seal


class SealError(ValueError):
    """A file has no seal, or one that does not fit its content."""


def seal(file: Path) -> None:
    """Put the digest of a file in place of the `BLANK` in its first MiB."""
    with file.open("r+b") as stream:
        start = stream.read(_BLOCK)
        place = start.index(BLANK.encode())
        digest = hashlib.sha256(start)
        while block := stream.read(_BLOCK):
            digest.update(block)
        stream.seek(place)
        stream.write(f"sha256:{digest.hexdigest()}".encode())


@contextmanager
def replacing_sealed(path: Path) -> Iterator[Path]:
    """Do as `replacing`, and `seal` what was written before it is moved to `path`."""
    with replacing(path) as partial:
        yield partial
        seal(partial)


def check_seal(file: Path) -> None:
    """Raise `SealError` unless the file is, byte for byte, as it was when `seal` was called."""
    with file.open("rb") as stream:
        start, digits = _opened(stream.read(_BLOCK))
        digest = hashlib.sha256(start)
        while block := stream.read(_BLOCK):
            digest.update(block)
    _compare(digest.hexdigest(), digits)


def sealed(text: str) -> str:
    """Return a text with its digest in place of the `BLANK` in it."""
    return text.replace(BLANK, f"sha256:{hashlib.sha256(text.encode()).hexdigest()}")


def check_sealed(text: str) -> None:
    """Raise `SealError` unless `text` is, character by character, what `sealed` returned."""
    blank, digits = _opened(text.encode())
    _compare(hashlib.sha256(blank).hexdigest(), digits)


def sealed_json(content: Mapping[str, Any]) -> str:
    """A mapping as indented JSON with a seal; `unsealed_json` is the inverse."""
    return sealed(json.dumps({**content, KEY: BLANK}, indent=2) + "\n")


def unsealed_json(text: str) -> dict[str, Any]:
    """Read what `sealed_json` wrote. Raises `SealError` for anything else, whatever it is."""
    check_sealed(text)
    content: dict[str, Any] = json.loads(text)
    del content[KEY]
    return content


def _opened(content: bytes) -> tuple[bytes, str]:
    """The content with a blank instead of its last seal, and the digits of that."""
    found = None
    for found in _SEAL.finditer(content):  # noqa: B007 - the last one is wanted
        pass
    if found is None:
        raise SealError("it has no seal, as files of earlier versions and of other programs")
    return content[: found.start()] + BLANK.encode() + content[found.end() :], found[1].decode()


def _compare(digest: str, digits: str) -> None:
    if digest != digits:
        raise SealError("its content was changed: its seal does not fit")
