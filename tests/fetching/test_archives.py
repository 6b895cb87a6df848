import random
import tracemalloc
import zipfile

import pytest

from stages.core.errors import FetchError
from stages.fetching.archives import opened, opened_within
from stages.fetching.wheels import read_member
from tests.wheelhouse import make_zip


@pytest.fixture
def archive(tmp_path):
    def write(members):
        (tmp_path / "photos.zip").write_bytes(make_zip(members))
        return tmp_path / "photos.zip"

    return write


def test_the_one_member_that_matches_is_read(archive):
    file = archive({"a/data/x.bin": b"x", "a/y.bin": b"y", "a/data/": b""})
    assert read_member(file, "*/x.bin") == b"x"
    assert read_member(file, "a/data*") == b"x"
    assert read_member(file, "a/y.bin") == b"y"


def test_none_or_several_members_that_match_are_an_error(archive):
    file = archive({"a/x.bin": b"x", "a/y.bin": b"y"})
    for pattern, found in [
        ("*.pth", "no member matches"),
        ("*.BIN", "no member matches"),
        ("*", "2 members match"),
    ]:
        with pytest.raises(FetchError) as caught:
            read_member(file, pattern)
        assert str(caught.value) == f"{file}: {found} {pattern!r}; exactly one should"


def test_two_members_of_one_name_are_several(tmp_path):
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as file:
        file.writestr("x", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("x", b"2")
    with pytest.raises(FetchError, match=r"2 members match 'x'"):
        read_member(tmp_path / "twice.zip", "x")


@pytest.mark.parametrize("name", ["../x.png", "a/../../x.png", "/etc/x.png", "a\\x.png", "C:/x.png", "c:x.png"])
def test_unsafe_names_are_refused(archive, name):
    file = archive({name: b"x", "y.bin": b"y"})
    with pytest.raises(FetchError, match=r"unsafe name .* it is not read$"):
        read_member(file, "*.png")
    assert read_member(file, "*.bin") == b"y", "what is not asked for does no harm"


def test_a_bomb_is_refused_before_it_is_unpacked(archive):
    file = archive({"zeros": b"\0" * 1_000_000})
    assert len(read_member(file, "zeros", limit=1_000_000)) == 1_000_000
    with pytest.raises(FetchError, match=r"^zeros in .* would unpack to 1000000 bytes; at most 999999 are read$"):
        read_member(file, "zeros", limit=999_999)


def test_a_bomb_that_understates_its_size_unpacks_to_no_more(tmp_path):
    content = bytearray(make_zip({"zeros": b"\0" * 1_000_000}))
    entry = content.index(b"PK\1\2")
    content[entry + 24 : entry + 28] = (1000).to_bytes(4, "little")
    (tmp_path / "liar.zip").write_bytes(content)
    with pytest.raises(FetchError, match=r"is not a readable zip archive \(Bad CRC-32"):
        read_member(tmp_path / "liar.zip", "zeros", limit=1000)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_a_directory_conceals_is_not_unpacked_in_memory(tmp_path, method):
    """200 MB that are said to be one: what comes at once is a block, or what so few packed bytes can hold."""
    with zipfile.ZipFile(tmp_path / "liar.zip", "w", method) as file:
        file.writestr("zeros", bytes(200_000_000))
    content = bytearray((tmp_path / "liar.zip").read_bytes())
    entry = content.index(b"PK\1\2")
    content[entry + 24 : entry + 28] = (1_000_000).to_bytes(4, "little")
    (tmp_path / "liar.zip").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(FetchError, match=r"not a readable zip archive \((Bad CRC-32|it holds more than)"):
        read_member(tmp_path / "liar.zip", "zeros")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000_000


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\3\4" + b"\0" * 100])
def test_what_is_no_zip_is_refused(tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(
        FetchError, match=r"x\.zip is not a readable zip archive \(File is not a zip file\); put a sound copy"
    ):
        read_member(tmp_path / "x.zip", "*")


def test_damage_anywhere_is_a_fetch_error_or_harmless(tmp_path):
    draw = random.Random(0)
    sound = make_zip({"a.png": bytes(draw.randrange(256) for _ in range(300)), "b.png": b"b" * 300})
    refused = 0
    for _ in range(1500):
        content = bytearray(sound)
        for _ in range(draw.randint(1, 4)):
            content[draw.randrange(len(content))] = draw.choice([0, 255, draw.randrange(256)])
        (tmp_path / "x.zip").write_bytes(content)
        try:
            with opened(tmp_path / "x.zip") as archive:
                for name in archive.matching("*"):
                    archive.read(name, 10_000)
        except FetchError:
            refused += 1
    assert refused > 500


def test_an_archive_in_an_archive(archive):
    file = archive({"a/inner.zip": make_zip({"x.png": b"x"}), "b/text.zip": b"text"})
    with opened(file) as outer:
        with opened_within(outer, "a/inner.zip", 10_000) as inner:
            assert inner.matching("*") == ["x.png"]
            assert inner.read("x.png", 1) == b"x"
            assert inner.name == f"a/inner.zip in {file}"
        with pytest.raises(FetchError, match=r"^b/text.zip in .* is not a readable zip archive"):
            with opened_within(outer, "b/text.zip", 10_000):
                pass
        with pytest.raises(FetchError, match=r"at most 10 are read"):
            with opened_within(outer, "a/inner.zip", 10):
                pass


def test_a_missing_archive_is_not_called_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_member(tmp_path / "gone.zip", "*")
