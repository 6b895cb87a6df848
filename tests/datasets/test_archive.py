import hashlib
from dataclasses import replace

import pytest

from stages.core.errors import DatasetError, FetchError
from stages.datasets import UnreadableImageError, check_images
from stages.datasets.archive import ArchiveSet
from tests.datasets.images import BLUE, RED, png
from tests.httpserver import serving, status
from tests.tarballs import make_tar
from tests.wheelhouse import make_zip

PHOTOS = {"set/dog/2.png": png(BLUE), "set/cat/10.png": png(RED), "set/._x.png": b"hidden", "set/list.csv": b"x"}


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with serving() as server:
        yield server


def read(archive_set, cache, report=lambda line: None):
    with archive_set.open(cache, report) as images:
        return [(image.path, image.label, image.read()) for image in images]


@pytest.mark.parametrize("make", [make_zip, make_tar, lambda members: make_tar(members, "gz")])
def test_images_of_an_archive(server, tmp_path, make):
    content = make(PHOTOS)
    server.put("a/photos.zip", content)
    photos = ArchiveSet(
        files=("photos.zip",), mirrors=(f"{server.address}a/",), sha256=(hashlib.sha256(content).hexdigest(),)
    )
    for _ in range(2):
        assert read(photos, tmp_path) == [("set/cat/10.png", "cat", png(RED)), ("set/dog/2.png", "dog", png(BLUE))]
    assert len(server.asked) == 1
    with photos.open(tmp_path, print) as images:  # by several threads
        assert [found.width for found in check_images(images * 50)] == [3] * 100


def test_several_archives_make_one_set(server, tmp_path):
    parts = {"one.zip": make_zip({"2-1.png": b"c", "1-1.png": b"a"}), "two.tar": make_tar({"1-2.png": b"b"})}
    for name, content in parts.items():
        server.put(f"get/{name}/content", content)
    photos = ArchiveSet(
        files=tuple(parts),
        mirrors=(f"{server.address}get/{{file}}/content",),
        md5=[hashlib.md5(content).hexdigest() for content in parts.values()],
        label_pattern=r"(\d+)-",
    )
    assert read(photos, tmp_path) == [("1-1.png", "1", b"a"), ("1-2.png", "1", b"b"), ("2-1.png", "2", b"c")]
    server.put("get/two.tar/content", make_tar({"1-1.png": b"b"}))
    with pytest.raises(DatasetError, match=r"one\.zip and .*two\.tar both hold '1-1\.png'$"):
        read(replace(photos, md5=()), tmp_path / "other")


def test_mirrors_are_tried_in_order(server, tmp_path):
    content = make_zip(PHOTOS)
    server.put("1/x.zip", status(404))
    server.put("2/x.zip", make_zip({"other.png": b""}))
    server.put("3/x.zip", content)
    photos = ArchiveSet(
        files=("x.zip",),
        mirrors=[f"{server.address}{number}" for number in (1, 2, 3)],
        sha1=(hashlib.sha1(content).hexdigest(),),
    )
    assert len(read(photos, tmp_path)) == 2
    assert [path for path, *_ in server.asked] == ["1/x.zip", "2/x.zip", "3/x.zip"]


def test_an_unknown_checksum_is_told_and_the_set_read(server, tmp_path):
    content = make_zip(PHOTOS)
    server.put("x.zip", content)
    lines = []
    assert len(read(ArchiveSet(files=("x.zip",), mirrors=(server.address,)), tmp_path, lines.append)) == 2
    assert lines[0] == f"fetching x.zip from {server.address}x.zip"
    told = "no checksum of x.zip is known; to have later copies checked, write into source.yaml sha256: "
    assert lines[1] == told + hashlib.sha256(content).hexdigest()


def test_a_table_in_the_archive_gives_the_labels(server, tmp_path):
    server.put("x.zip", make_zip({"s/1.png": b"", "s/2.png": b"", "s/t.csv": b"path,label\n1.png,cat\n"}))
    photos = ArchiveSet(files=("x.zip",), mirrors=(server.address,), labels="*.csv")
    assert [label for _, label, _ in read(photos, tmp_path)] == ["cat", None]
    with pytest.raises(FetchError, match=r"no member matches 't\.csv'; exactly one should"):
        read(replace(photos, labels="t.csv"), tmp_path)


def test_what_an_archive_lacks_is_named(server, tmp_path):
    server.put("x.zip", make_zip(PHOTOS))
    server.put("page.zip", b"<html>moved</html>")
    with pytest.raises(DatasetError, match=r"x\.zip: no image matches '\*\.gif'; correct `images`$"):
        read(ArchiveSet(files=("x.zip",), mirrors=(server.address,), images="*.gif"), tmp_path)
    with pytest.raises(FetchError, match=r"page\.zip: it answers with a web page instead of the file\)"):
        read(ArchiveSet(files=("page.zip",), mirrors=(server.address,)), tmp_path)


def test_a_damaged_image_is_unreadable_and_the_others_are_not(server, tmp_path):
    content = make_zip({"a.png": b"0123456789", "b.png": b"sound"})
    server.put("x.zip", content.replace(content[35:45], bytes(10), 1))
    with ArchiveSet(files=("x.zip",), mirrors=(server.address,)).open(tmp_path, lambda line: None) as (
        first,
        second,
    ):
        with pytest.raises(UnreadableImageError, match=r"^a.png in "):
            first.read()
        assert second.read() == b"sound"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"files": ()}, "'files' and 'mirrors' need a value each"),
        (
            {"files": ("../x.zip",)},
            "'../x.zip' among 'files' is not a file name alone; put its folder into 'mirrors'",
        ),
        ({"sha256": ("0" * 64,), "md5": ("0" * 32,)}, "'sha256' and 'md5' are both given; keep 'sha256'"),
        ({"md5": ("0" * 32,) * 2}, "'md5' lists 2 checksums for 1 files"),
        ({"md5": ("0",)}, "'0' is not a md5; write it as 32 hex digits, a to f in lower case"),
        ({"label_pattern": "x"}, "'x' has 0 groups"),
    ],
)
def test_keys_that_cannot_be_are_refused(keys, message):
    with pytest.raises((DatasetError, FetchError)) as caught:
        ArchiveSet(**{"files": ("x.zip",), "mirrors": ("http://x/",), **keys})
    assert message in str(caught.value)


def test_without_a_checksum_only_an_archive_is_kept(server, tmp_path):
    """What another server sends instead is refused, and what an earlier run kept of it is fetched again."""
    server.put("x.zip", b"junk" * 1000)
    photos = ArchiveSet(files=("x.zip",), mirrors=(server.address,))
    with pytest.raises(FetchError, match=r"what it sends is no such file: it is not a readable zip archive \("):
        read(photos, tmp_path)
    assert [file for file in tmp_path.rglob("*x.zip*") if file.stat().st_size] == []
    server.put("x.zip", make_zip(PHOTOS))
    assert len(read(photos, tmp_path)) == 2
    (kept,) = tmp_path.rglob("x.zip")
    kept.write_bytes(b"<!DOCTYPE html><title>Sign in</title>")
    lines = []
    assert len(read(photos, tmp_path, lines.append)) == 2
    assert lines[0] == f"{kept} is damaged or another file: it is a web page"
