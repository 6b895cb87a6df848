import errno
import hashlib
import os
import random
import subprocess
import sys
import threading
from email.utils import formatdate

import pytest

from stages.core.errors import FetchError, ParameterError
from stages.fetching.downloads import Checksum, Patience, download
from tests.httpserver import file, redirect, reset, serving, silent, status

CONTENT = random.Random(0).randbytes(300_000)
OTHER = random.Random(1).randbytes(300_000)
SHA = Checksum("sha256", hashlib.sha256(CONTENT).hexdigest())
UNKNOWN = Checksum()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server():
    with serving() as server:
        yield server


class Fetch:
    """Fetches into a folder of the test's and takes down what is said and waited for."""

    def __init__(self, folder):
        self.to = folder / "cache" / "photos.zip"
        self.lines, self.pauses = [], []

    def __call__(self, *addresses, checksum=SHA, tries=4, silence=30.0):
        patience = Patience(tries=tries, silence=silence, sleep=self.pauses.append)
        return download(addresses, checksum, self.to, self.lines.append, patience)

    def refused(self, *addresses, **options) -> str:
        with pytest.raises(FetchError) as caught:
            self(*addresses, **options)
        assert "\n" not in str(caught.value)
        assert not self.to.exists()
        return str(caught.value)

    @property
    def left(self):
        return sorted(path.name for path in self.to.parent.iterdir())


@pytest.fixture
def fetch(tmp_path):
    return Fetch(tmp_path)


@pytest.mark.parametrize(
    ("known", "admitted"),
    [("", True), ("01234567", True), ("012345678", True), ("01234568", False), ("0123456789abcdef" * 4, True)],
)
def test_a_sha256_may_be_known_by_its_first_digits(known, admitted):
    assert Checksum("sha256", known).matches("0123456789abcdef" * 4) is admitted


def test_a_file_is_fetched_once(server, fetch):
    address = server.put("photos.zip", CONTENT)
    for _ in range(2):
        assert fetch(address) == fetch.to
    assert fetch.to.read_bytes() == CONTENT
    assert fetch.lines == [f"fetching photos.zip from {address}"]
    assert server.asked == [("photos.zip", None, None)]
    assert fetch.left == ["photos.zip"]


def test_progress_adds_up_to_the_size(server, fetch):
    fetch(server.put("x", file(CONTENT, cut=1000), file(CONTENT, ranges=False)))


def test_a_damaged_file_is_fetched_again_and_stays_until_then(server, fetch):
    fetch.to.parent.mkdir()
    fetch.to.write_bytes(b"damaged")
    with pytest.raises(FetchError):
        fetch(server.put("x", status(404)))
    assert fetch.to.read_bytes() == b"damaged"
    fetch(server.put("x", CONTENT))
    assert fetch.to.read_bytes() == CONTENT
    wrong = hashlib.sha256(b"damaged").hexdigest()
    assert fetch.lines[0] == f"{fetch.to} is damaged or another file: its sha256 is {wrong}, not {SHA.digits}"


@pytest.mark.parametrize(
    "checksum",
    [
        Checksum("sha256", SHA.digits[:8]),
        Checksum("sha1", hashlib.sha1(CONTENT).hexdigest()),
        Checksum("md5", hashlib.md5(CONTENT).hexdigest()),
    ],
)
def test_other_checksums(server, fetch, checksum):
    assert fetch(server.put("x", CONTENT), checksum=checksum).read_bytes() == CONTENT
    fetch.to.unlink()
    assert f"with the {checksum.algorithm} " in fetch.refused(server.put("x", OTHER), checksum=checksum)


@pytest.mark.parametrize(
    ("algorithm", "digits"),
    [("sha256", "1234567"), ("sha256", "A" * 64), ("md5", "12345678"), ("sha256", "0" * 65)],
)
def test_what_is_no_checksum_is_refused(algorithm, digits):
    with pytest.raises(FetchError, match=f"^'{digits}' is not a {algorithm}; write it as "):
        Checksum(algorithm, digits)


def test_without_a_checksum_the_file_is_taken_as_it_comes_and_kept(server, fetch):
    fetch(server.put("x", CONTENT), checksum=UNKNOWN)
    fetch(server.put("x", OTHER), checksum=UNKNOWN)
    assert fetch.to.read_bytes() == CONTENT
    assert len(fetch.lines) == 1


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 501])
def test_a_file_that_is_not_there_is_sought_at_the_next_address_at_once(server, fetch, code):
    fetch(server.put("gone", status(code)), server.put("there", CONTENT))
    assert [path for path, *_ in server.asked] == ["gone", "there"]
    assert fetch.pauses == []


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_server_in_trouble_is_tried_again_then_the_next(server, fetch, code):
    fetch(server.put("busy", status(code)), server.put("there", CONTENT))
    assert [path for path, *_ in server.asked] == ["busy"] * 4 + ["there"]
    assert fetch.pauses == [1.0, 2.0, 4.0]


def test_a_server_may_ask_to_wait(server, fetch):
    busy = [status(503, Retry_After="7"), status(503, Retry_After=formatdate(0)), status(503, Retry_After="soon")]
    fetch(server.put("x", *busy, CONTENT))
    assert fetch.pauses == [7.0, 0.0, 4.0]


def test_a_server_that_asks_for_too_much_patience_is_left(server, fetch):
    busy = server.put("busy", status(503, Retry_After="61"))
    assert f"({busy}: 503 Service Unavailable; it asks to come back in 61 seconds);" in fetch.refused(busy)
    assert fetch.pauses == [] and len(server.asked) == 1


def test_a_connection_that_is_reset_is_tried_again(server, fetch):
    fetch(server.put("x", reset(), reset(), CONTENT))
    assert fetch.pauses == [1.0, 2.0] and fetch.to.read_bytes() == CONTENT


def test_a_server_that_falls_silent_is_left(server, fetch):
    done = threading.Event()
    fetch(server.put("dumb", silent(done)), server.put("x", CONTENT), tries=1, silence=0.05)
    message = fetch.to.unlink() or fetch.refused(server.put("dumb", silent(done)), tries=1, silence=0.05)
    done.set()
    assert "dumb: it fell silent, tried 1 times)" in message


def test_a_transfer_that_breaks_off_goes_on_where_it_stopped(server, fetch):
    fetch(
        server.put(
            "x", file(CONTENT, '"v1"', cut=100_000), file(CONTENT, '"v1"', cut=50_000), file(CONTENT, '"v1"')
        )
    )
    assert fetch.to.read_bytes() == CONTENT
    assert server.asked == [
        ("x", None, None),
        ("x", "bytes=100000-", '"v1"'),
        ("x", "bytes=150000-", '"v1"'),
    ]


@pytest.mark.parametrize(("etag", "changed"), [('"v1"', ""), ("", "Sat, 01 Jan 2000 00:00:00 GMT")])
def test_the_next_run_goes_on_too(server, fetch, etag, changed):
    broken = server.put("x", file(CONTENT, etag, changed, cut=1000))
    assert f"({broken}: it broke off after 1000 of 300000 bytes, tried 1 times)" in fetch.refused(broken, tries=1)
    assert fetch.left == [".partial-photos.zip", ".partial-photos.zip.from"]
    fetch(server.put("x", file(CONTENT, etag, changed)), checksum=UNKNOWN)
    assert server.asked[1:] == [("x", "bytes=1000-", etag or changed)]
    assert fetch.to.read_bytes() == CONTENT and fetch.left == ["photos.zip"]


def test_a_file_that_changed_meanwhile_is_fetched_from_the_start(server, fetch):
    fetch.refused(server.put("x", file(OTHER, '"v1"', cut=1000)), tries=1, checksum=UNKNOWN)
    fetch(server.put("x", file(CONTENT, '"v2"')), checksum=UNKNOWN)
    assert fetch.to.read_bytes() == CONTENT


@pytest.mark.parametrize("etag", ["", 'W/"v1"'])
def test_a_part_that_nothing_vouches_for_is_thrown_away(server, fetch, etag):
    fetch.refused(server.put("x", file(OTHER, etag, cut=1000)), tries=1, checksum=UNKNOWN)
    fetch(server.put("x", file(CONTENT, etag)), checksum=UNKNOWN)
    assert server.asked[1:] == [("x", None, None)]
    assert fetch.to.read_bytes() == CONTENT


def test_another_address_goes_on_where_a_checksum_vouches(server, fetch):
    fetch(server.put("a", file(CONTENT, '"a"', cut=1000), status(404)), server.put("b", file(CONTENT, '"b"')))
    assert server.asked[-1] == ("b", "bytes=1000-", None)
    assert fetch.to.read_bytes() == CONTENT


def test_a_wrong_part_of_an_earlier_run_costs_no_address(server, fetch):
    fetch.refused(server.put("x", file(OTHER, cut=1000)), tries=1)
    fetch(server.put("x", CONTENT))
    assert [where for _, where, _ in server.asked] == [None, "bytes=1000-", None]
    assert fetch.to.read_bytes() == CONTENT


def test_a_part_that_is_whole_needs_no_server(fetch):
    fetch.to.parent.mkdir()
    (fetch.to.parent / ".partial-photos.zip").write_bytes(CONTENT)
    fetch("http://127.0.0.1:9/x")
    assert fetch.to.read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_is_thrown_away(server, fetch):
    fetch.to.parent.mkdir()
    (fetch.to.parent / ".partial-photos.zip").write_bytes(OTHER + OTHER)
    fetch(server.put("x", CONTENT))
    assert fetch.to.read_bytes() == CONTENT


def test_a_server_that_knows_no_ranges_starts_again(server, fetch):
    fetch(server.put("x", file(CONTENT, cut=1000), file(CONTENT, ranges=False)))
    assert fetch.to.read_bytes() == CONTENT


def test_large_pieces_do_not_count_as_failed_tries(server, fetch):
    large = random.Random(2).randbytes(12 << 20)
    fetch(
        server.put("x", file(large, '"v1"', cut=(1 << 20) + 1)),
        checksum=Checksum("sha256", hashlib.sha256(large).hexdigest()),
        tries=2,
    )
    assert fetch.to.read_bytes() == large and len(server.asked) == 12
    fetch.to.unlink()
    repeats = server.put("x", file(large, ranges=False, cut=(1 << 20) + 1))
    assert "tried 2 times" in fetch.refused(repeats, tries=2), "the same piece over and over is no progress"


def test_wrong_bytes_are_thrown_away(server, fetch):
    wrong = server.put("wrong", OTHER)
    digest = hashlib.sha256(OTHER).hexdigest()
    reason = f"({wrong}: it has another file, with the sha256 {digest}, not {SHA.digits});"
    assert reason in fetch.refused(wrong)
    assert fetch.left == []
    fetch(wrong, server.put("right", CONTENT))
    assert fetch.to.read_bytes() == CONTENT


@pytest.mark.parametrize("page", [b"<!DOCTYPE html>\n<p>Sign in", b"\r\n <HTML><p>Moved"])
def test_a_web_page_is_no_file_where_no_checksum_is_known(server, fetch, page):
    reason = fetch.refused(server.put("page", page), checksum=UNKNOWN)
    assert f"({server.address}page: it answers with a web page instead of the file);" in reason
    assert fetch.left == []
    fetch(server.put("page", page), server.put("right", CONTENT), checksum=UNKNOWN)
    assert fetch.to.read_bytes() == CONTENT


def test_a_body_without_end_is_given_up_and_not_kept(server, fetch, monkeypatch):
    monkeypatch.setattr("stages.fetching.downloads._UNTOLD", 100_000)
    reason = fetch.refused(server.put("a", file(CONTENT, length=False)), checksum=UNKNOWN)
    assert "it sends more than 100000 bytes and does not say how many; give the file's checksum" in reason
    assert fetch.left == []


def test_a_server_that_says_no_length_is_believed_with_a_checksum_only(server, fetch):
    fetch(server.put("a", file(CONTENT, length=False, cut=1000)), server.put("b", file(CONTENT, length=False)))
    assert fetch.to.read_bytes() == CONTENT


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_followed(server, fetch, code):
    place = server.put("place", file(CONTENT, '"v1"', cut=1000), file(CONTENT, '"v1"'))
    fetch(server.put("x", redirect(place, code)))
    assert fetch.to.read_bytes() == CONTENT
    assert server.asked[2:] == [("x", "bytes=1000-", '"v1"'), ("place", "bytes=1000-", '"v1"')]


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "gopher://x/"])
def test_redirects_lead_to_http_only(server, fetch, place):
    assert "no http address" in fetch.refused(server.put("x", redirect(place))).replace(
        "only http and https", "no http"
    )


def test_redirects_in_a_circle_end(server, fetch):
    assert "302, a redirect that leads nowhere" in fetch.refused(server.put("x", redirect(server.address + "x")))


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/x", "/etc/passwd", "", "data:,x"])
def test_only_http_is_fetched(fetch, address):
    assert f"({address}: only http and https addresses are fetched);" in fetch.refused(address)


@pytest.mark.parametrize("address", ["http://", "http://a b/", "http://127.0.0.1:port/", "http://[::1/"])
def test_odd_addresses_are_refused(fetch, address):
    assert f"({address}: " in fetch.refused(address)
    assert fetch.pauses == []


def test_when_none_answers_each_is_named(server, fetch):
    addresses = [
        server.put("gone", status(404)),
        server.put("busy", status(503)),
        "http://nowhere.invalid/photos.zip",
    ]
    assert fetch.refused(*addresses) == (
        f"cannot fetch photos.zip ({addresses[0]}: 404 Not Found; {addresses[1]}: 503 Service Unavailable, tried "
        f"4 times; {addresses[2]}: its host is not known); check the network, or put the file there by hand as "
        f"{fetch.to}"
    )
    assert "(no address is known); check" in fetch.refused()


def test_a_port_without_a_server_is_not_tried_again(fetch):
    assert "http://127.0.0.1:9/x: Connection refused)" in fetch.refused("http://127.0.0.1:9/x")
    assert fetch.pauses == []


def test_a_full_disk_is_called_that(server, fetch, monkeypatch):
    room = 100_000

    def write(descriptor, block):
        nonlocal room
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = os_write(descriptor, block[:room])
        room -= written
        return written

    os_write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        message = fetch.refused(server.put("x", file(CONTENT, '"v1"')), server.put("y", CONTENT))
    part = fetch.to.parent / ".partial-photos.zip"
    assert message.startswith(f"cannot write {part} (No space left on device after 100000 bytes); mend that")
    assert [path for path, *_ in server.asked] == ["x"], "another address would not help"
    fetch(server.put("x", file(CONTENT, '"v1"')))
    assert server.asked[-1] == ("x", "bytes=100000-", '"v1"')
    assert fetch.to.read_bytes() == CONTENT


def test_a_cache_folder_that_cannot_be_written_is_called_that(fetch, monkeypatch):
    def refuse(path, *_):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ParameterError) as caught:
        fetch("http://127.0.0.1:9/x")
    assert str(caught.value).endswith(
        "photos.zip cannot be written (Read-only file system); name a folder of your own by the environment "
        "variable MANYVIEWS_CACHE"
    )


def test_two_at_once_fetch_it_once(server, tmp_path):
    fetches = [Fetch(tmp_path), Fetch(tmp_path)]
    second_waits, half_sent = threading.Event(), threading.Event()

    def gate():
        half_sent.set()
        assert second_waits.wait(10)

    address = server.put("x", file(CONTENT, '"v1"', cut=1000, before_cut=gate), file(CONTENT, '"v1"'))
    fetches[1].lines = Lines(second_waits)
    first = threading.Thread(target=fetches[0], args=(address,))
    first.start()
    assert half_sent.wait(10)
    assert fetches[1](address).read_bytes() == CONTENT
    first.join()
    assert fetches[1].lines == ["waiting for another process that fetches photos.zip"]
    assert [where for _, where, _ in server.asked] == [None, "bytes=1000-"]
    assert fetches[0].left == ["photos.zip"]


class Lines(list):
    """Sets an event when the first line comes."""

    def __init__(self, came):
        super().__init__()
        self.came = came

    def append(self, line):
        super().append(line)
        self.came.set()


def test_a_killed_process_leaves_a_part_that_the_next_completes(server, fetch):
    script = (
        "import sys; from pathlib import Path; from stages.fetching.downloads import *; "
        "download([sys.argv[1]], Checksum(), Path(sys.argv[2]), print)"
    )
    killed = threading.Event()
    with subprocess.Popen([sys.executable, "-c", script, server.address + "x", str(fetch.to)]) as process:

        def kill():
            while not part.exists() or part.stat().st_size < 1000:
                assert not killed.wait(0.01)
            process.kill()
            process.wait()
            killed.set()

        part = fetch.to.parent / ".partial-photos.zip"
        server.put("x", file(CONTENT, '"v1"', cut=1000, before_cut=kill), file(CONTENT, '"v1"'))
        assert killed.wait(20)
    assert fetch.left == [".lock-photos.zip", ".partial-photos.zip", ".partial-photos.zip.from"]
    fetch(server.address + "x", checksum=UNKNOWN)
    assert fetch.to.read_bytes() == CONTENT and fetch.left == ["photos.zip"]
    assert server.asked[1:] == [("x", "bytes=1000-", '"v1"')]


def test_whatever_servers_do_only_the_right_bytes_get_the_name(server, tmp_path):
    draw = random.Random(3)
    got = 0
    for case in range(60):
        addresses = []
        for mirror in range(3):
            answers = [misbehaviour(draw) for _ in range(draw.randint(1, 6))]
            addresses.append(server.put(f"{case}/{mirror}", *answers))
        fetch = Fetch(tmp_path / str(case))
        for _ in range(2):
            try:
                fetch(*addresses, tries=3)
            except FetchError:
                assert not fetch.to.exists()
            else:
                assert fetch.to.read_bytes() == CONTENT and fetch.left == ["photos.zip"]
                got += 1
    assert 20 < got < 120


def misbehaviour(draw):
    content = draw.choice([CONTENT, CONTENT, OTHER, CONTENT[:5000], b""])
    options = {
        "etag": draw.choice(["", '"v1"', '"v2"']),
        "ranges": draw.random() < 0.7,
        "length": draw.random() < 0.8,
        "cut": draw.choice([None, 0, 1, 4096, 100_000, 299_999]),
    }
    return draw.choice([file(content, **options)] * 4 + [status(404), status(503), reset()])
