"""Where weight files come from, in which order, and what is refused."""

import hashlib
import os
import subprocess
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import stages
import stages.backbones.weights
from stages.backbones.card import HubSource, UrlSource, Weights, WheelSource
from stages.backbones.weights import obtain_weights
from stages.core.errors import BackboneError
from stages.fetching.downloads import Patience, download
from tests.wheelhouse import make_wheel

CONTENT = b"not really weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
HUB = (HubSource("timm/net.tag", "model.safetensors"),)


@pytest.fixture
def server():
    """A server on this machine: /good, /broken (breaks off), /missing, and a list of what was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path == "/missing":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT if self.path == "/good" else CONTENT[:5])

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Try every address once only."""
    monkeypatch.setattr(stages.backbones.weights, "download", partial(download, patience=Patience(tries=1)))


def _obtain(tmp_path, weights):
    lines = []
    file = obtain_weights(weights, tmp_path / "by-hand", tmp_path / "cache", lines.append)
    return file, lines


def test_a_file_put_there_by_hand_comes_first(tmp_path):
    (tmp_path / "by-hand").mkdir()
    (tmp_path / "by-hand" / "w.pth").write_bytes(CONTENT)
    file, lines = _obtain(tmp_path, Weights("w.pth", DIGEST, ()))
    assert file == tmp_path / "by-hand" / "w.pth"
    assert lines == []


@pytest.mark.parametrize("digest", [DIGEST, DIGEST[:8], ""])
@pytest.mark.parametrize("name", ["timm--net.tag--model.safetensors", "timm/net.tag/model.safetensors"])
def test_a_hub_file_put_there_by_hand_may_have_either_name(tmp_path, name, digest):
    file = tmp_path / "by-hand" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    assert _obtain(tmp_path, Weights("timm--net.tag--model.safetensors", digest, HUB)) == (file, [])


@pytest.mark.parametrize("name", ["w.pth", "timm/net.tag/model.safetensors"])
def test_a_wrong_file_put_there_by_hand_is_refused(tmp_path, name):
    file = tmp_path / "by-hand" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(b"other")
    found = hashlib.sha256(b"other").hexdigest()
    for digest, expected in ((DIGEST, DIGEST), (DIGEST[:9], f"one that begins with {DIGEST[:9]}")):
        with pytest.raises(BackboneError) as error:
            _obtain(tmp_path, Weights("w.pth", digest, HUB))
        assert str(error.value) == f"{file} has sha256 {found}, not {expected}; replace or remove it"


@pytest.mark.parametrize("digest", [DIGEST, DIGEST[:8], ""])
def test_fetched_once_then_cached(tmp_path, server, digest):
    address, asked = server
    weights = Weights("w.pth", digest, (UrlSource(f"{address}/good"),))
    file, lines = _obtain(tmp_path, weights)
    assert file.read_bytes() == CONTENT
    assert lines == [f"fetching w.pth from {address}/good"]
    assert _obtain(tmp_path, weights) == (file, [])
    assert asked == ["/good"]


@pytest.mark.parametrize("digest", [DIGEST, DIGEST[:8]])
def test_a_damaged_cached_file_is_fetched_anew(tmp_path, server, digest):
    address, asked = server
    weights = Weights("w.pth", digest, (UrlSource(f"{address}/good"),))
    file, _ = _obtain(tmp_path, weights)
    file.write_bytes(CONTENT[:-1])
    assert _obtain(tmp_path, weights)[0].read_bytes() == CONTENT
    assert asked == ["/good", "/good"]


def test_from_a_wheel(tmp_path, monkeypatch):
    requirement, sha256 = make_wheel(tmp_path / "index", "carrier", {"carrier/w.pth": CONTENT})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    file, _ = _obtain(tmp_path, Weights("w.pth", DIGEST, (WheelSource(requirement, sha256, "*/w.pth"),)))
    assert file.read_bytes() == CONTENT


def test_sources_are_tried_in_turn(tmp_path, server):
    address, asked = server
    sources = tuple(UrlSource(f"{address}/{path}") for path in ("missing", "broken", "good"))
    assert _obtain(tmp_path, Weights("w.pth", DIGEST, sources))[0].read_bytes() == CONTENT
    assert asked == ["/missing", "/broken", "/good"]


def test_no_source_reachable_is_one_line_with_file_address_and_folder(tmp_path, server):
    address, _ = server
    sources = (UrlSource(f"{address}/missing"), UrlSource(f"{address}/broken"), UrlSource("http://127.0.0.1:9/w"))
    with pytest.raises(BackboneError) as error:
        _obtain(tmp_path, Weights("w.pth", DIGEST, sources))
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"cannot get w.pth ({address}/missing: 404 Not Found; {address}/broken: ")
    assert "broke off after 5 of 18 bytes, tried 1 times; http://127.0.0.1:9/w: " in message
    assert message.endswith(f"fetch it by hand and put it into {tmp_path / 'by-hand'}")
    assert [file.name for file in (tmp_path / "cache").rglob("*w.pth")] == [".partial-w.pth"]  # to go on from


@pytest.mark.parametrize("digest", ["0" * 64, "0" * 8])
def test_wrong_bytes_from_a_source_are_not_kept(tmp_path, server, digest):
    address, _ = server
    with pytest.raises(BackboneError, match=f"it has another file, with the sha256 {DIGEST}, not {digest}"):
        _obtain(tmp_path, Weights("w.pth", digest, (UrlSource(f"{address}/good"),)))
    assert not [file for file in (tmp_path / "cache").rglob("*") if file.is_file()]


@pytest.fixture
def hub():
    """A mirror of the hub on this machine that has one file, and a list of what was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self._answer(b"")

        def do_GET(self):
            self._answer(CONTENT)

        def _answer(self, body):
            asked.append(f"{self.command} {self.path}")
            if self.path != "/timm/net.tag/resolve/main/model.safetensors":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.send_header("ETag", f'"{DIGEST}"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


def _obtain_in_a_process(tmp_path, cache, **environment):
    """The hub's client reads its variables when it is imported: only a new process sees them."""
    program = (
        "import sys; from pathlib import Path; from stages.backbones.card import HubSource, Weights;"
        "from stages.backbones.weights import obtain_weights; from stages.core.errors import BackboneError\n"
        "weights = Weights('w.safetensors', '', (HubSource('timm/net.tag', 'model.safetensors'),))\n"
        "try: print(obtain_weights(weights, Path('by-hand'), Path(sys.argv[1]), lambda line: None))\n"
        "except BackboneError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, cache],
        cwd=tmp_path,
        env={
            **os.environ,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "PYTHONPATH": os.pathsep.join(
                [str(Path(stages.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
            ),
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.rstrip("\n")


def test_a_mirror_of_the_hub_and_no_network_at_all(tmp_path, hub):
    address, asked = hub
    line = _obtain_in_a_process(tmp_path, "cache-0", HF_HUB_OFFLINE="1")
    assert line.startswith("cannot get w.safetensors (the hub repository timm/net.tag: ")
    assert line.endswith(
        "fetch it by hand and put it into by-hand as w.safetensors or timm/net.tag/model.safetensors"
    )
    assert "\n" not in line
    file = _obtain_in_a_process(tmp_path, "cache-1", HF_ENDPOINT=address)
    assert (tmp_path / file).read_bytes() == CONTENT
    assert "GET /timm/net.tag/resolve/main/model.safetensors" in asked
    asked.clear()
    file = _obtain_in_a_process(tmp_path, "cache-2", HF_ENDPOINT=address, HF_HUB_OFFLINE="1")
    assert (tmp_path / file).read_bytes() == CONTENT, "from the hub client's own cache"
    assert asked == []
