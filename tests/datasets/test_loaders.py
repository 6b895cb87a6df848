import socket
import sys
import warnings

import pytest

from stages.core.errors import FetchError
from stages.datasets.loaders import load_or_fetch


def test_nothing_is_fetched_when_all_is_there():
    lines = []
    assert load_or_fetch("digits", lambda fetch: [fetch], "", lines.append) == [False]
    assert lines == []


def test_a_loader_is_quiet_and_does_not_wait_for_ever(capsys):
    seen = []

    def load(fetch):
        print("progress on stdout")
        print("progress on stderr", file=sys.stderr)
        warnings.warn("retrying", stacklevel=1)
        seen.append(socket.getdefaulttimeout())
        if not fetch:
            raise RuntimeError("not there")
        return "images"

    lines = []
    assert load_or_fetch("digits", load, "", lines.append) == "images"
    assert lines == ["fetching digits"]
    assert capsys.readouterr() == ("", "")
    assert seen == [60.0, 60.0] and socket.getdefaulttimeout() is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("unreachable\n  host"), "unreachable host"),
        (EOFError(), "EOFError"),
        (RuntimeError("x" * 400), "x" * 300 + "..."),
    ],
)
def test_the_reason_is_one_line(error, reason):
    def load(fetch):
        raise error if fetch else FileNotFoundError("not there")

    with pytest.raises(FetchError) as caught:
        load_or_fetch("digits", load, "put them there", lambda line: None)
    assert str(caught.value) == f"digits could not be fetched ({reason}); check the network, or put them there"
    assert socket.getdefaulttimeout() is None
