"""Fetches a published file, from the first of several addresses that has it, into a cache folder.

A transfer that breaks off goes on where it stopped, in this run or the next. Nothing has the file's name before
all its bytes have come and have the right checksum.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.core.errors import FetchError
from stages.fetching.checksums import Checksum
from stages.fetching.http import BrokenOffError, RefusedError, ask
from stages.fetching.partial import Partial, opened_partial

_PROGRESS = 1 << 20  # bytes that a try must bring to count as none: a large file may come in many pieces


class AddressesError(FetchError):
    """No address gives the file. `failures` says for each one why."""

    def __init__(self, message: str, failures: Sequence[str]) -> None:
        super().__init__(message)
        self.failures = tuple(failures)


@dataclass(frozen=True)
class Patience:
    """How long an address is bothered before the next one is."""

    tries: int = 4  # of an address that fails in a way that may pass
    pause: float = 1.0  # seconds before the second try, doubled before each further one
    longest: float = 60.0  # seconds that a server may ask us to wait; one that asks for more is given up
    silence: float = 60.0  # seconds without a byte until a transfer counts as broken off
    sleep: Callable[[float], None] = time.sleep


def download(
    addresses: Sequence[str],
    checksum: Checksum,
    to: Path,
    report: Callable[[str], None],
    advance: Callable[[int], None] = lambda amount: None,
    patience: Patience = Patience(),
) -> Path:
    """Return the file `to`, fetching it unless it is there with the right checksum.

    The http or https `addresses` are tried in order; each may redirect to another. Where no checksum is known, the
    file is taken as it comes. `report` gets a line when a fetch begins, `advance` the number of bytes that have
    come, which is negative when they are thrown away.

    Raises `AddressesError` when no address gives the file, another `FetchError` when it cannot be written.
    """
    if to.is_file():
        if checksum.matches(found := checksum.of(to)):
            return to
        report(f"{to} is damaged or another file: its {checksum.algorithm} is {found}, not {checksum.digits}")
    to.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    with opened_partial(to, report, advance) as partial:
        if to.is_file() and checksum.matches(checksum.of(to)):  # fetched by the process that we waited for
            return to
        for address in addresses:
            report(f"fetching {to.name} from {address}")
            try:
                _fetch(address, checksum, partial, patience)
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


def _fetch(address: str, checksum: Checksum, partial: Partial, patience: Patience) -> None:
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


def _receive(address: str, checksum: Checksum, partial: Partial, silence: float) -> None:
    """Add what `partial` lacks. Raises `BrokenOffError` or `RefusedError`."""
    origin, validator = partial.origin
    if origin != address:
        validator = ""
    if not validator and not checksum and partial.size:  # nothing would tell if part and rest are of one file
        partial.clear()
    with ask(address, partial.size, validator, silence) as answer:
        if answer.start != partial.size:
            partial.clear()
        partial.origin = (address, answer.validator)
        for block in answer.blocks():
            partial.append(block)
        if answer.size is not None and partial.size != answer.size:
            raise BrokenOffError(f"it broke off after {partial.size} of {answer.size} bytes")
