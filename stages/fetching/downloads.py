"""Fetches a published file, from the first of several addresses that has it, into a cache folder.

A transfer that breaks off goes on where it stopped, in this run or the next. Nothing has the file's name before
all its bytes have come and have the right checksum.
"""

import errno
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from stages.core.atomic import write_text
from stages.core.errors import FetchError, ManyviewsError, ParameterError
from stages.core.lock import locked_beside
from stages.fetching.http import BrokenOffError, RefusedError, ask

ALGORITHMS = {"sha256": 64, "sha1": 40, "md5": 32}  # the number of hex digits, the best first
_PAGE = (b"<!doctype html", b"<html")  # how a web page begins
_PREFIX = 8  # digits of a sha256 that are enough, as in torchvision's file names
_UNTOLD = 8 << 30  # most bytes of a file of which nobody says a checksum or how long it is
_PROGRESS = 1 << 20  # bytes that a try must bring to count as none: a large file may come in many pieces


def cache_folder() -> Path:
    """The folder for fetched files: the environment variable MANYVIEWS_CACHE, or the system's cache folder."""
    chosen = os.environ.get("MANYVIEWS_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("manyviews"))


@contextmanager
def writing_cache() -> Iterator[None]:
    """Raise `ParameterError`, with the way out, where the block may not write into the cache folder."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise ParameterError(
            f"{error.filename or cache_folder()} cannot be written ({error.strerror}); name a folder of your own "
            "by the environment variable MANYVIEWS_CACHE"
        ) from None


@dataclass(frozen=True)
class Checksum:
    """The digest that a file should have. A sha256 may be its first 8 digits or more; "" when nobody knows it.

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


class AddressesError(FetchError):
    """No address gives the file. `failures` says for each one why."""

    def __init__(self, message: str, failures: Sequence[str]) -> None:
        super().__init__(message)
        self.failures = tuple(failures)


@dataclass(frozen=True)
class Patience:
    """How long an address is tried before the next one is."""

    tries: int = 4  # of an address that fails in a way that may pass
    pause: float = 1.0  # seconds before the second try, doubled before each further one
    longest: float = 60.0  # seconds that a server may ask us to wait; one that asks for more is given up
    silence: float = 60.0  # seconds without a byte until a transfer counts as broken off
    sleep: Callable[[float], None] = time.sleep


class _Partial:
    """The beginning of a file. It belongs to this process alone; `_opened_partial` makes it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self._descriptor = path, descriptor
        self._note = path.with_name(f"{path.name}.from")

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    @property
    def origin(self) -> tuple[str, str]:
        """The address that the last bytes are from and what the server calls this version; "" where unknown."""
        try:
            address, validator = json.loads(self._note.read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError, RecursionError):
            return "", ""
        return str(address), str(validator)

    @origin.setter
    def origin(self, origin: tuple[str, str]) -> None:
        write_text(self._note, json.dumps(origin))

    def clear(self) -> None:
        os.ftruncate(self._descriptor, 0)

    def append(self, block: bytes) -> None:
        """Add `block`. Raises `FetchError` when the disk does not take it; what is there stays."""
        rest = memoryview(block)
        while rest:
            try:
                written = os.write(self._descriptor, rest)
            except OSError as error:
                raise FetchError(
                    f"cannot write {self.path} ({error.strerror} after {self.size} bytes); mend that and run this "
                    "again, it will go on from there"
                ) from None
            rest = rest[written:]

    def become(self, path: Path) -> None:
        """Move what is there to `path`, whole."""
        os.fsync(self._descriptor)
        self.path.replace(path)
        self._note.unlink(missing_ok=True)

    def tidy(self) -> None:
        """Leave nothing behind that holds nothing."""
        if not self.size:
            self._note.unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)


@writing_cache()
def download(
    addresses: Sequence[str],
    checksum: Checksum,
    to: Path,
    report: Callable[[str], None],
    patience: Patience = Patience(),
    examine: Callable[[Path], None] = lambda file: None,
) -> Path:
    """Return the file `to`, fetching it unless it is there with the right checksum.

    The http or https `addresses` are tried in order; each may redirect to another. Where no checksum is known, the
    file is taken unless it is a web page, or `examine` raises a `ManyviewsError` for what it holds. `report` gets
    a line when a fetch begins.

    Raises `AddressesError` when no address gives the file, another `FetchError` when it cannot be written.
    """
    if to.is_file():
        if not checksum:
            reason = _reason_against(to, examine)
        elif not checksum.matches(found := checksum.of(to)):
            reason = f"its {checksum.algorithm} is {found}, not {checksum.digits}"
        else:
            reason = ""
        if not reason:
            return to
        report(f"{to} is damaged or another file: {reason}")
        if not checksum:  # nothing is known of what may come instead, but this is of no use
            to.unlink()
    to.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    with _opened_partial(to, report) as partial:
        if to.is_file() and checksum.matches(checksum.of(to)):  # fetched by the process that we waited for
            return to
        for address in addresses:
            report(f"fetching {to.name} from {address}")
            try:
                _fetch(address, checksum, partial, patience)
                if not checksum and (reason := _reason_against(partial.path, examine)):
                    partial.clear()
                    raise RefusedError(f"what it sends is no such file: {reason}")
            except RefusedError as refusal:
                failures.append(f"{address}: {refusal}")
                continue
            partial.become(to)
            return to
    raise AddressesError(
        f"cannot fetch {to.name} ({'; '.join(failures) or 'no address is known'}); check the network, or put the "
        f"file there by hand as {to}",
        failures,
    )


def _reason_against(file: Path, examine: Callable[[Path], None]) -> str:
    """What is wrong with a file of which no checksum is known, "" if nothing is."""
    with file.open("rb") as stream:
        if stream.read(64).lstrip().lower().startswith(_PAGE):
            return "it is a web page"
    try:
        examine(file)
    except ManyviewsError as error:
        return str(error).replace(f"{file} ", "it ").partition(";")[0]
    return ""


def _fetch(address: str, checksum: Checksum, partial: _Partial, patience: Patience) -> None:
    """Complete `partial` from `address`, with the right checksum, or raise `RefusedError`."""
    inherited = partial.size > 0  # from an earlier run or another address
    if inherited and checksum and checksum.matches(checksum.of(partial.path)):  # killed at the very end
        return
    tries = furthest = 0
    while True:
        try:
            _receive(address, checksum, partial, patience.silence)
        except BrokenOffError as interruption:
            if partial.size >= furthest + _PROGRESS:
                tries = 0
            furthest = max(furthest, partial.size)
            tries += 1
            pause = patience.pause * 2 ** (tries - 1) if interruption.pause is None else interruption.pause
            if pause > patience.longest:
                raise RefusedError(f"{interruption}; it asks to come back in {pause:.0f} seconds") from None
            if tries >= patience.tries:
                raise RefusedError(f"{interruption}, tried {tries} times") from None
            patience.sleep(pause)
            continue
        found = checksum.of(partial.path)
        if checksum.matches(found):
            return
        partial.clear()
        if not inherited:
            raise RefusedError(
                f"it has another file, with the {checksum.algorithm} {found}, not {checksum.digits}"
            )
        inherited = False  # the part that was there may have been wrong: once more from the beginning


def _receive(address: str, checksum: Checksum, partial: _Partial, silence: float) -> None:
    """Add what `partial` lacks. Raises `BrokenOffError` or `RefusedError`."""
    origin, validator = partial.origin
    if origin != address:
        validator = ""
    if not validator and not checksum and partial.size:  # nothing shows whether part and rest are of one file
        partial.clear()
    with ask(address, partial.size, validator, silence) as answer:
        if answer.start != partial.size:
            partial.clear()
        partial.origin = (address, answer.validator)
        for block in answer.blocks():
            if not checksum and not partial.size and block.lstrip().lower().startswith(_PAGE):
                raise RefusedError("it answers with a web page instead of the file")
            partial.append(block)
            if not checksum and answer.size is None and partial.size > _UNTOLD:
                partial.clear()
                raise RefusedError(
                    f"it sends more than {_UNTOLD} bytes and does not say how many; give the file's checksum"
                )
        if answer.size is not None and partial.size != answer.size:
            raise BrokenOffError(f"it broke off after {partial.size} of {answer.size} bytes")


@contextmanager
def _opened_partial(to: Path, report: Callable[[str], None]) -> Iterator[_Partial]:
    """Give the part of the file `to` that is stored beside it, waiting while another process holds it.

    `report` gets a line when it has to wait.
    """
    path = to.with_name(f".partial-{to.name}")
    with locked_beside(to, lambda: report(f"waiting for another process that fetches {to.name}")):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        partial = _Partial(path, descriptor)
        try:
            yield partial
        finally:
            partial.tidy()
            os.close(descriptor)
