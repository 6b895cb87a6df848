import bz2
import errno
import gzip
import io
import lzma
import os
import random
import tarfile
import tempfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from stages.core.errors import FetchError
from stages.fetching.archives import is_tar, opened, opened_within
from tests.tarballs import make_tar
from tests.wheelhouse import make_zip

LONG = "long/" + "x" * 300 + ".png"


@pytest.fixture
def archive(tmp_path):
    def write(content, name="photos.tar"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


def header(name="a.png", kind=tarfile.REGTYPE, size=0, link=""):
    member = tarfile.TarInfo(name)
    member.type, member.size, member.linkname = kind, size, link
    return member.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_of_every_kind_of_tar_are_read(archive, compression, form):
    name = LONG if form != tarfile.USTAR_FORMAT else "short.png"
    members = {"./b/é.png": b"B" * 1000, name: b"long", "a.png": b"", "note.txt": b"text"}
    with opened(archive(make_tar(members, compression, form), "no-telling-name")) as photos:
        assert photos.matching("*.png") == sorted(["a.png", "b/é.png", name])
        assert photos.read("b/é.png", 1000) == b"B" * 1000
        assert photos.read(name, 10) == b"long"
        assert photos.read("a.png", 0) == b""
        assert photos.only("*.txt") == "note.txt"


def test_a_tar_of_the_old_kind_without_magic_is_read(archive):
    block = bytearray(header(size=3))
    block[257:265] = bytes(8)
    block[148:156] = b" " * 8
    block[148:156] = f"{sum(block):06o}\0 ".encode()
    with opened(archive(bytes(block) + b"abc".ljust(512, b"\0") + bytes(1024))) as photos:
        assert photos.read("a.png", 3) == b"abc"


def test_the_last_of_two_members_of_one_name_counts(archive):
    with opened(archive(make_tar([("x", b"first"), ("x", b"last")]))) as photos:
        assert photos.matching("*") == ["x"] and photos.read("x", 10) == b"last"


@pytest.mark.parametrize("name", ["../x.png", "a/../../x.png", "/etc/x.png", "a\\x.png", "C:/x.png"])
def test_unsafe_names_are_refused(archive, name):
    with opened(archive(make_tar({name: b"x", "y.bin": b"y"}))) as photos:
        with pytest.raises(FetchError, match=r"unsafe name .* it is not read$"):
            photos.matching("*.png")
        assert photos.matching("*.bin") == ["y.bin"], "what is not asked for does no harm"


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_links_devices_and_folders_are_left_out(archive, kind):
    content = header("link.png", kind, link="/etc/passwd") + header("a.png") + bytes(1024)
    with opened(archive(content)) as photos:
        assert photos.matching("*") == ["a.png"]


def test_names_that_are_no_text_are_spelt_out(archive):
    with opened(archive(make_tar({"caf\udce9.png": b"x"}))) as photos:
        assert photos.matching("*") == ["caf%e9.png"]
        assert photos.read("caf%e9.png", 1) == b"x"


def test_a_member_larger_than_allowed_is_refused(archive):
    with opened(archive(make_tar({"x": b"12345"}))) as photos:
        assert photos.read("x", 5) == b"12345"
        with pytest.raises(FetchError, match=r"^x in .* would unpack to 5 bytes; at most 4 are read$"):
            photos.read("x", 4)


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_a_bomb_is_refused_and_leaves_nothing(archive, tmp_path, compression):
    file = archive(make_tar({"x": bytes(10_000_000)}, compression))
    with pytest.raises(FetchError, match=r"photos\.tar unpacks to more than 5000000 bytes; it is not read$"):
        with opened(file, limit=5_000_000):
            pass
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_nothing_goes_to_the_disk_before_all_is_looked_through(archive, monkeypatch, compression):
    """Nothing of what is no tar, has too large a member or breaks off; and nothing from behind the end."""
    written = []
    monkeypatch.setattr("stages.fetching.archives._write", lambda plain, block, *_: written.append(len(block)))
    pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[compression]
    large = header("x", tarfile.REGTYPE, size=1 << 40)
    for content in (b"no tar" * 1000, large + bytes(1000), make_tar({"a": bytes(3000)})[:2000]):
        with pytest.raises(FetchError):
            with opened(archive(pack(content))):
                pass
    assert written == []
    tar = make_tar({"a": bytes(3000)})
    with opened(archive(pack(tar + bytes(1 << 20)))):
        assert sum(written) <= len(tar)


def test_a_header_that_claims_an_endless_name_is_refused(archive):
    content = header("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=5_000_000) + bytes(5_000_000)
    with pytest.raises(
        FetchError, match=r"not a readable tar archive \(a header of \d+ bytes\); put a sound copy"
    ):
        with opened(archive(content)):
            pass


def test_threads_do_not_disturb_each_other(archive):
    draw = random.Random(0)
    members = {f"{number}.png": draw.randbytes(draw.randint(0, 100_000)) for number in range(50)}
    with opened(archive(make_tar(members))) as photos, ThreadPoolExecutor(8) as pool:
        names = list(members) * 4
        assert list(pool.map(lambda name: photos.read(name, 1 << 20), names)) == [members[name] for name in names]


@pytest.mark.parametrize("end", [700, 1100, 2000])
def test_a_tar_that_is_cut_short_is_refused(archive, end):
    content = make_tar({"a": b"A" * 600, "b": b"B" * 600})
    with pytest.raises(FetchError, match=r"photos\.tar is not a readable tar archive \(.+\); put a sound copy"):
        with opened(archive(content[:end])) as photos:
            photos.read("a", 1000)


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_a_compressed_file_that_is_cut_short_or_no_tar_is_refused(archive, compression):
    whole = make_tar({"a": random.Random(0).randbytes(5000)}, compression)
    for content in (whole[:-20], whole[:30]):
        with pytest.raises(FetchError, match=r"photos\.tar is not a readable tar archive"):
            with opened(archive(content)):
                pass


def test_a_damaged_header_in_the_middle_is_not_taken_for_the_end(archive):
    content = bytearray(make_tar({"a": b"a", "b": b"b"}))
    content[1024] ^= 255
    with pytest.raises(FetchError, match=r"is not a readable tar archive \(a damaged header\)"):
        with opened(archive(bytes(content))):
            pass


@pytest.mark.parametrize("compression", ["", "gz"])
def test_damage_anywhere_is_a_fetch_error_or_harmless(archive, compression):
    draw = random.Random(0)
    sound = make_tar({"a.png": draw.randbytes(300), LONG: b"b" * 300, "c": b""}, compression)[: 6 * 512]
    refused = 0
    for _ in range(1500):
        content = bytearray(sound)
        for _ in range(draw.randint(1, 4)):
            content[draw.randrange(len(content))] = draw.choice([0, 255, 0x80, ord("7"), draw.randrange(256)])
        try:
            with opened(archive(bytes(content))) as photos:
                for name in photos.matching("*"):
                    photos.read(name, 10_000)
        except FetchError:
            refused += 1
    assert refused > 300


def test_archives_in_archives(archive):
    inside = {"tar": make_tar({"x": b"x"}), "gz": make_tar({"x": b"x"}, "gz"), "zip": make_zip({"x": b"x"})}
    for make in (make_tar, make_zip):
        with opened(archive(make(inside))) as outer:
            for name in inside:
                with opened_within(outer, name, 20_000) as inner:
                    assert inner.name == f"{name} in {outer.name}"
                    assert inner.read("x", 1) == b"x"


def test_a_full_disk_is_no_damage(archive, monkeypatch, tmp_path):
    class Full(io.BytesIO):
        def write(self, block):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, "TemporaryFile", lambda dir: Full())
    with pytest.raises(OSError, match=r"cannot unpack .*photos\.tar \(No space left on device\)") as caught:
        with opened(archive(make_tar({"x": b"x"}, "gz"))):
            pass
    assert caught.value.filename == str(tmp_path) and caught.value.errno == errno.ENOSPC


def test_a_tar_that_shrinks_while_it_is_read_is_noticed(archive):
    file = archive(make_tar({"x": bytes(100_000)}))
    with opened(file) as photos:
        os.truncate(file, 50_000)
        with pytest.raises(FetchError, match="was cut short while it was read"):
            photos.read("x", 100_000)


def test_what_is_neither_is_no_tar():
    for content in (b"", b"x", b"x" * 600, bytes(2000), make_zip({"a": b"x"})):
        assert not is_tar(io.BytesIO(content))
