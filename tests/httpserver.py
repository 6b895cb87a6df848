"""A web server on this machine for the tests, which can also do what real ones do wrong."""

import re
import socket
import struct
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["_Handler"], None]


class Server:
    """Answers each path by the next of its answers; the last one serves for ever. Other paths are 404.

    `asked` lists the requests that came: path, Range and If-Range.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked: list[tuple[str, str | None, str | None]] = []
        self._answers: dict[str, list[Answer]] = defaultdict(list)

    def put(self, path: str, *answers: Answer | bytes) -> str:
        """Set the answers to `path`, bytes being a file that is served well; return its address."""
        self._answers[path] = [file(answer) if isinstance(answer, bytes) else answer for answer in answers]
        return self.address + path

    def next_answer(self, path: str) -> Answer:
        """The answer to the next request for `path`."""
        answers = self._answers[path] or [status(404)]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def file(
    content: bytes,
    etag: str = "",
    changed: str = "",
    ranges: bool = True,
    length: bool = True,
    cut: int | None = None,
    before_cut: Callable[[], Any] = lambda: None,
) -> Answer:
    """Serve `content`, from the byte asked for if `ranges`, with Last-Modified `changed`.

    At most `cut` bytes are sent; then `before_cut` is called and the connection closed.
    """

    def answer(handler: "_Handler") -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        condition = handler.headers.get("If-Range")
        start = int(asked[1]) if asked and ranges and condition in (None, etag, changed) else 0
        if start and start >= len(content):
            handler.reply(416, {"Content-Range": f"bytes */{len(content)}"})
            return
        headers = {"ETag": etag, "Last-Modified": changed}
        if length:
            headers["Content-Length"] = str(len(content) - start)
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        end = len(content) if cut is None else min(len(content), start + cut)
        handler.reply(206 if start else 200, headers, content[start:end])
        if cut is not None:
            before_cut()

    return answer


def status(code: int, **headers: str) -> Answer:
    """Answer with nothing but a status and `headers`, in whose names "_" stands for "-"."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.reply(code, {"Content-Length": "0", **named})


def redirect(address: str, code: int = 302) -> Answer:
    """Send the client on to `address`."""
    return status(code, Location=address)


def reset() -> Answer:
    """Reset the connection instead of answering."""

    def answer(handler: "_Handler") -> None:
        # Closing a socket that lingers for no time sends a reset.
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.rfile.close()
        handler.connection.close()
        handler.wfile = _Nowhere()  # type: ignore[assignment]

    return answer


def silent(until: threading.Event) -> Answer:
    """Say nothing until the event comes."""
    return lambda handler: (until.wait(10), None)[1]


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server until the end of the `with` block."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as listener:
        listener.daemon_threads = True
        listener.server = Server(f"http://127.0.0.1:{listener.server_port}/")  # type: ignore[attr-defined]
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield listener.server  # type: ignore[attr-defined]
        finally:
            listener.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Server = self.server.server  # type: ignore[attr-defined]
        path = self.path.removeprefix("/")
        server.asked.append((path, self.headers.get("Range"), self.headers.get("If-Range")))
        try:
            server.next_answer(path)(self)
        except (BrokenPipeError, ConnectionResetError):  # the client has heard enough
            self.wfile = _Nowhere()  # type: ignore[assignment]

    def reply(self, code: int, headers: dict[str, str], content: bytes = b"") -> None:
        """Send a whole answer; headers without a value are left out."""
        self.send_response(code)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, *arguments: Any) -> None:
        """Stay quiet."""


class _Nowhere:
    """Takes the place of the stream to a client that is gone."""

    closed = True

    def flush(self) -> None: ...

    def close(self) -> None: ...
