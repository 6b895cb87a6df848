"""Asks an address for a file over HTTP, all of it or from some byte on, and says why it does not come."""

import http.client
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

_BLOCK = 1 << 18
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})  # answers that may be others a moment later


class RefusedError(Exception):
    """The file is not available from this address."""


class BrokenOffError(Exception):
    """The file did not come, or not all of it; it may the next time. `pause`: seconds the server asks to wait."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


@dataclass
class Answer:
    """A file, or the rest of it, about to come."""

    start: int  # number of the first byte that comes
    size: int | None  # bytes of the whole file, if the server says so
    validator: str  # the server's mark of this version of the file, "" if it gives none
    response: http.client.HTTPResponse

    def blocks(self) -> Iterator[bytes]:
        """The bytes as they come. Raises `BrokenOffError` when the connection breaks off or falls silent."""
        while True:
            try:
                # Not `read`: that waits for a full block, and what it has by then is lost when it breaks off.
                block = self.response.read1(_BLOCK)
            except (OSError, http.client.HTTPException) as error:
                raise BrokenOffError(_reason(error)) from None
            if not block:
                return
            yield block


@contextmanager
def ask(address: str, start: int, validator: str, silence: float) -> Iterator[Answer]:
    """Ask for the bytes from `start` on. The answer begins there, or at 0 if the server will have it so.

    With a `validator` the server begins at 0 if the file is no longer the one that the validator is of. `silence`
    is the number of seconds without a byte after which waiting ends.

    Raises `RefusedError` or `BrokenOffError`.
    """
    # Some servers turn Python's own name away.
    headers = {"User-Agent": "manyviews", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    if start and validator:
        headers["If-Range"] = validator
    try:
        response = _open(address, headers, silence)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and start:  # it has no such byte, so what is there is not a part of it
            with ask(address, 0, "", silence) as answer:
                yield answer
            return
        raise _refusal(error) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _failure(error) from None
    with response:
        answer = _answer(response)
        if answer.start in (0, start):
            yield answer
            return
    raise RefusedError(f"asked for the bytes from {start} on it answers with others")


def _open(address: str, headers: dict[str, str], silence: float) -> http.client.HTTPResponse:
    if urlsplit(address).scheme not in ("http", "https"):
        raise RefusedError("only http and https addresses are fetched")
    # Made for each request, as it looks up the proxies.
    opener = urllib.request.build_opener(_Redirects)
    request = urllib.request.Request(address, headers=headers)
    response: http.client.HTTPResponse = opener.open(request, timeout=silence)
    return response


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Follow http and https only: urllib would also open ftp addresses, and file:///etc/passwd by itself."""
        if urlsplit(newurl).scheme not in ("http", "https"):
            raise RefusedError(f"it leads to {newurl}; only http and https addresses are fetched")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _answer(response: http.client.HTTPResponse) -> Answer:
    length = response.headers.get("Content-Length", "")
    size = int(length) if re.fullmatch("[0-9]{1,18}", length) else None
    start = 0
    if response.status == 206:
        part = re.match(r"bytes ([0-9]{1,18})-", response.headers.get("Content-Range", ""))
        start = int(part[1]) if part else -1
        size = None if size is None else start + size
    tag = response.headers.get("ETag", "")
    weak = not tag or tag.startswith("W/")  # a weak tag does not promise the same bytes
    validator = response.headers.get("Last-Modified", "") if weak else tag
    return Answer(start, size, validator, response)


def _refusal(error: urllib.error.HTTPError) -> RefusedError | BrokenOffError:
    if 300 <= error.code < 400:
        return RefusedError(f"{error.code}, a redirect that leads nowhere, or to no http address")
    reason = " ".join(f"{error.code} {error.reason}".split())
    return BrokenOffError(reason, _pause(error.headers)) if error.code in _PASSING else RefusedError(reason)


def _pause(headers: Any) -> float | None:
    """The seconds of a Retry-After, which may be a number or a date."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch("[0-9]{1,9}", text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _failure(error: Exception) -> RefusedError | BrokenOffError:
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        error = error.reason
    if isinstance(error, socket.gaierror):
        return RefusedError("its host is not known")
    if isinstance(error, ssl.SSLCertVerificationError):
        return RefusedError(f"its certificate is not trusted: {error.verify_message}")
    if isinstance(error, ConnectionRefusedError | http.client.InvalidURL | ValueError | urllib.error.URLError):
        return RefusedError(_reason(error))
    return BrokenOffError(_reason(error))


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it fell silent"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())
