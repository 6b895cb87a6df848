"""Servers on this machine that a DVC remote can be on: SSH, and HTTP that only reads."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SSHD = shutil.which("sshd", path="/usr/local/sbin:/usr/sbin:/sbin")
# The folder that sshd, when root runs it, demands; unprivileged users need none.
NEEDED_BY_ROOT = Path("/run/sshd")

_SETTINGS = """
HostKey {folder}/host
AuthorizedKeysFile {folder}/key.pub
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
Subsystem sftp internal-sftp
"""


@contextmanager
def ssh_server(folder: Path) -> Iterator[tuple[int, Path]]:
    """Serve this machine's files by SSH and yield the port and the file of the one key that is let in.

    Keys and settings are made in `folder`. sshd serves one connection a process, as inetd would start it: the port
    is open from the beginning, and no test waits for a daemon.
    """
    folder.mkdir()
    for name in ("host", "key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    (folder / "settings").write_text(_SETTINGS.format(folder=folder), encoding="utf-8")
    sessions: list[subprocess.Popen[bytes]] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_accept, args=(listener, folder, sessions))
        thread.start()
        try:
            yield listener.getsockname()[1], folder / "key"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for session in sessions:
                session.terminate()
                session.wait()


def _accept(listener: socket.socket, folder: Path, sessions: list[subprocess.Popen[bytes]]) -> None:
    """Give every connection to an sshd of its own, until the listener is shut."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            command = [str(SSHD), "-i", "-f", str(folder / "settings"), "-E", str(folder / "log")]
            sessions.append(subprocess.Popen(command, stdin=connection.fileno(), stdout=connection.fileno()))


@contextmanager
def http_server(folder: Path) -> Iterator[str]:
    """Serve the files of `folder` to be read, and yield the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.server_port}"
        finally:
            listener.shutdown()
            thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def copyfile(self, source: Any, outputfile: Any) -> None:
        """Send a file; that the client has heard enough is no fault."""
        with suppress(BrokenPipeError, ConnectionResetError):
            super().copyfile(source, outputfile)

    def log_message(self, *arguments: object) -> None:
        """Stay quiet."""
