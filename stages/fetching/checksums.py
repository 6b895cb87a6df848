"""Checksums that publishers give for their files."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from stages.core.errors import FetchError

ALGORITHMS = {"sha256": 64, "sha1": 40, "md5": 32}  # the number of hex digits, the best first
_PREFIX = 8  # digits of a sha256 that will do, as in torchvision's file names


@dataclass(frozen=True)
class Checksum:
    """What a file's digest should be. A sha256 may be its first 8 digits or more; "" when nobody knows it.

    Raises `FetchError` for digits that cannot be a checksum.
    """

    algorithm: str = "sha256"
    digits: str = ""

    def __post_init__(self) -> None:
        length = ALGORITHMS[self.algorithm]
        shortest = _PREFIX if self.algorithm == "sha256" else length
        if self.digits and not re.fullmatch(f"[0-9a-f]{{{shortest},{length}}}", self.digits):
            wanted = f"{length} hex digits, a to f in lower case"
            raise FetchError(f"{self.digits!r} is not a {self.algorithm}; write it as {wanted}")

    def __bool__(self) -> bool:
        """Whether it is known."""
        return bool(self.digits)

    def of(self, file: Path) -> str:
        """The digest of `file` by this algorithm, in full."""
        with file.open("rb") as stream:
            # Found by chance or damage, not by an attacker: that md5 and sha1 are broken does not matter more here
            # than that their publisher gives nothing better.
            return hashlib.file_digest(
                stream, lambda: hashlib.new(self.algorithm, usedforsecurity=False)
            ).hexdigest()

    def matches(self, digest: str) -> bool:
        """Whether a file with the `digest` is the right one; any is when nothing is known."""
        return digest.startswith(self.digits)
