"""Remotes of every kind, there and not there, without waiting."""

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.diagnosis.network import answers, check_remote, without_password

CLOSED = 1  # no program listens there


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that answers /N with the status N."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(int(self.path.strip("/")))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def speaking(greeting: bytes) -> Iterator[int]:
    """A port where a program says one thing to whoever comes first."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)  # where nobody comes, the test fails and ends

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(greeting)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def only(name: str, url: str, **settings: str) -> tuple[str, str]:
    (found,) = check_remote(name, {"url": url, **settings}, 5)
    return found


def test_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert only("team", str(tmp_path)) == ("ok", f"team ({tmp_path}) is there")
    gone = tmp_path / "gone"
    assert only("team", str(gone)) == (
        "warning",
        f"team ({gone}) does not exist: mount it, or `dvc push` will make it",
    )
    (tmp_path / "file").touch()
    level, message = only("team", str(tmp_path / "file"))
    assert level == "fault" and message.endswith("is not a folder; name one by `dvc remote modify`")
    monkeypatch.setattr("os.access", lambda _, mode: mode != 2)
    assert only("team", str(tmp_path)) == (
        "warning",
        f"team ({tmp_path}) may not be written to: `dvc pull` works, `dvc push` needs the right",
    )
    monkeypatch.setattr("os.access", lambda *_: False)
    assert only("team", str(tmp_path)) == (
        "fault",
        f"team ({tmp_path}) may not be read by you; ask its owner for the right",
    )


def test_http(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert only("web", f"{server}/200") == ("ok", f"web ({server}/200) answers")
    assert only("web", f"{server}/404") == ("ok", f"web ({server}/404) answers"), (
        "DVC asks for files, not for this"
    )
    assert only("web", f"{server}/403") == (
        "warning",
        f"web ({server}/403) wants a login (403); give one by `dvc remote modify --local`",
    )
    assert only("web", f"{server}/503") == (
        "warning",
        f"web ({server}/503) answers with an error (503); ask whoever runs it",
    )
    closed = f"http://127.0.0.1:{CLOSED}/"
    assert only("web", closed) == (
        "fault",
        f"web ({closed}) does not answer (Connection refused); check the address, the network and the proxy",
    )


def test_answers(server: str) -> None:
    assert answers(f"{server}/404", 5) == ""
    assert answers(f"http://127.0.0.1:{CLOSED}/", 5) == "Connection refused"
    assert answers(f"{server}/200".replace("//", "//me:secret@"), 5) == "", "a login in the address does no harm"
    assert answers("http://[::1/", 5) and answers("http://a b:c/", 5), "no address at all"
    assert answers("no address", 5) == "unknown url type: 'no address'"


def test_a_server_that_never_speaks_does_not_hold_us_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert "timed out" in answers(f"http://127.0.0.1:{port}/", 0.2)
        monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
        (found,) = check_remote("s", {"url": f"ssh://127.0.0.1:{port}/x"}, 0.2)
        assert found.level == "fault" and "does not answer (timed out)" in found.message


def test_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
    for port in speaking(b"SSH-2.0-x\r\n"):
        assert only("s", f"ssh://me@127.0.0.1:{port}/x") == (
            "ok",
            f"s (ssh://me@127.0.0.1:{port}/x) answers; `dvc status --cloud` shows whether it lets you in",
        )
    for port in speaking(b"220 mail\r\n"):
        assert only("s", f"ssh://127.0.0.1:{port}/x")[1].endswith(
            f"is not an SSH server; check the host and the port {port}"
        )
    assert only("s", f"ssh://me:secret@127.0.0.1:{CLOSED}/x") == (
        "fault",
        f"s (ssh://me@127.0.0.1:{CLOSED}/x) does not answer (Connection refused); check the host, the port "
        f"{CLOSED} and the network",
    ), "a password is shown to nobody"


def test_ssh_on_another_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
    for port in speaking(b"SSH-2.0-x\r\n"):
        level, message = only("s", "ssh://127.0.0.1/x", port=str(port), user="me", password="secret")
        assert level == "ok" and "secret" not in message
    assert only("s", "ssh://h/x", port="abc") == (
        "fault",
        "s (ssh://h/x) is not an address with a port number; correct it by `dvc remote modify s port ...`",
    )


def test_ssh_as_the_users_settings_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
    program = tmp_path / "ssh"
    program.write_text('#!/bin/sh\n[ "$*" = "-l me -p 2222 -G far" ] && echo "$SETTINGS"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    for setting in ("proxyjump gate", "proxycommand nc gate"):
        monkeypatch.setenv("SETTINGS", f"hostname 127.0.0.1\nport {CLOSED}\n{setting}")
        level, message = only("s", "ssh://me@far/x", port="2222")
        assert level == "ok" and message.endswith("; `dvc status --cloud` shows whether it answers")
    monkeypatch.setenv("SETTINGS", f"hostname 127.0.0.1\nport {CLOSED}\nproxycommand none")
    assert only("s", "ssh://far/x", port="2222", user="me")[1].endswith(
        f"does not answer (Connection refused); check the host, the port {CLOSED} and the network"
    )


@pytest.mark.parametrize("url", ["ssh://me:secret@h:abc/x", "http://me:secret@[::1/x", "ssh://h:99999/x"])
def test_what_is_no_address(url: str) -> None:
    level, message = only("odd", url)
    assert level == "fault" and "secret" not in message
    assert message.endswith("is not an address with a port number; correct it by `dvc remote modify odd url ...`")


def test_an_address_as_scp_takes_it_and_none() -> None:
    assert only("odd", "/project/me@far:/store/x") == (
        "fault",
        "odd (/project/me@far:/store/x) is a folder to DVC; for SSH run `dvc remote modify odd url "
        "ssh://me@far/store/x`",
    )
    assert only("odd", "") == ("fault", "odd has no address; give one by `dvc remote modify odd url ...`")
    assert only("new", "later://x/y") == (
        "ok",
        "new (later://x/y) is set; `dvc status --cloud` shows whether it answers",
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://token@host:1/x", "https://host:1/x"),
        ("HTTPS://me:p@ss@host/x", "HTTPS://host/x"),
        ("webdavs://me:secret@host/x", "webdavs://host/x"),
        ("ssh://me:p@ss@host/x", "ssh://me@host/x"),
        ("ssh://me@host:22/x", "ssh://me@host:22/x"),
        ("https://host/a@b", "https://host/a@b"),
        ("/a:b@c/d", "/a:b@c/d"),
    ],
)
def test_addresses_as_others_may_see_them(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_other_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert only("cloud", "s3://bucket/x") == (
        "fault",
        'cloud (s3://bucket/x) needs another package; run `pip install "dvc[s3]"`',
    )
    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
    assert only("cloud", "s3://bucket/x") == (
        "ok",
        "cloud (s3://bucket/x) is set; `dvc status --cloud` shows whether it answers",
    )
