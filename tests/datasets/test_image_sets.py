"""The source.yaml files of the published image sets, against small archives of the published layout."""

import gzip
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from stages.datasets.archive import ArchiveSet
from stages.datasets.local import Local
from stages.datasets.source import read_about, read_source
from tests.httpserver import serving
from tests.tarballs import make_tar
from tests.wheelhouse import make_zip

RAW = Path(__file__).parents[2] / "data" / "raw"
SETS = sorted(path.parent.name for path in RAW.glob("*/source.yaml"))
SHARED = Path(__file__).parents[3] / "shared" / "datasets"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs the image sets in ../shared/datasets")
UMIST = [38, 35, 26, 24, 26, 23, 19, 22, 20, 32, 34, 34, 26, 30, 19, 26, 26, 33, 48, 34]  # photos of 1a to 1t


def read(name, tmp_path, archives):
    """Count the images of each class that the set's own source.yaml finds in `archives`, served for its files."""
    source = read_source(RAW / name / "source.yaml")
    assert isinstance(source, ArchiveSet) and list(source.files) == list(archives)
    with serving() as server:
        for file, content in archives.items():
            server.put(f"{name}/{file}", content)
        source = replace(source, mirrors=(f"{server.address}{name}/",), sha256=(), sha1=(), md5=())
        with source.open(tmp_path, lambda line: None) as images:
            assert all(image.label is not None for image in images)
            return Counter(image.label for image in images)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")


@pytest.mark.parametrize("name", SETS)
def test_every_source_is_sound(name):
    source, about = read_source(RAW / name / "source.yaml"), read_about(RAW / name / "source.yaml")
    if isinstance(source, ArchiveSet):
        assert about.title and about.images and about.classes and about.licence and about.homepage
        assert len(source.mirrors) > 1
    if isinstance(source, Local):
        assert about.note.startswith("ask ")


def same_size(name, counts, size):
    """Check that the classes are of one `size` and as many as the set is known to have."""
    assert set(counts.values()) == {size}
    assert read_about(RAW / name / "source.yaml").surprise(counts.total(), len(counts)) == ""


def test_umist(tmp_path):
    people = [f"1{letter}" for letter in "abcdefghijklmnopqrst"]
    photos = [f"{who}/face/{who}{k:03}.pgm" for who, size in zip(people, UMIST, strict=True) for k in range(size)]
    content = make_tar({"1a/face/.xvpics/1a000.pgm": b"hidden", **dict.fromkeys(photos, b"P5")}, "gz")
    counts = read("umist", tmp_path, {"cropped.tar.gz": content})
    assert counts == dict(zip(people, UMIST, strict=True))
    assert read_about(RAW / "umist" / "source.yaml").surprise(counts.total(), len(counts)) == ""


def test_coil20(tmp_path):
    photos = {f"coil-20-proc/obj{thing}__{view}.png": b"" for thing in range(1, 21) for view in range(72)}
    same_size("coil20", read("coil20", tmp_path, {"coil-20-proc.zip": make_zip(photos)}), 72)


def test_coil100(tmp_path):
    photos = {f"coil-100/obj{thing}__{view}.png": b"" for thing in range(1, 101) for view in range(0, 360, 5)}
    others = {"coil-100/convertGroupppm2png.pl": b"", "coil-100/convertGroupppm2png.pl~": b""}
    same_size("coil100", read("coil100", tmp_path, {"coil-100.zip": make_zip({**photos, **others})}), 72)


def test_flowers17(tmp_path):
    photos = {f"jpg/image_{number:04}.jpg": b"" for number in range(1, 1361)}
    content = make_tar({"jpg/files.txt": b"", "jpg/files.txt~": b"", **photos}, "gz")
    same_size("flowers17", read("flowers17", tmp_path, {"17flowers.tgz": content}), 80)


def test_cub200_2011(tmp_path):
    content = make_tar(
        {
            "attributes.txt": b"",
            "CUB_200_2011/images.txt": b"",
            "CUB_200_2011/images/001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg": b"",
            "CUB_200_2011/images/002.Laysan_Albatross/Laysan_Albatross_0002_1027.jpg": b"",
            "CUB_200_2011/images/002.Laysan_Albatross/Laysan_Albatross_0003_1033.jpg": b"",
        },
        "gz",
    )
    counts = read("cub200_2011", tmp_path, {"CUB_200_2011.tgz": content})
    assert counts == {"001.Black_footed_Albatross": 1, "002.Laysan_Albatross": 2}


def test_fei(tmp_path):
    archives = {}
    for part in range(4):
        people = range(50 * part + 1, 50 * part + 51)
        photos = {f"{who}-{pose:02}.jpg": b"" for who in people for pose in range(1, 15)}
        archives[f"originalimages_part{part + 1}.zip"] = make_zip(photos)
    same_size("fei", read("fei", tmp_path, archives), 14)


def test_mit67(tmp_path):
    names = ["Images/bar/bar_0001.jpg", "Images/bar/interior de bar 2.jpg", "Images/zoo_inside/a%20b.jpg"]
    content = make_tar(dict.fromkeys(names, b""))
    assert read("mit67", tmp_path, {"indoorCVPR_09.tar": content}) == {"bar": 2, "zoo_inside": 1}


def test_tiny_imagenet(tmp_path):
    top = "tiny-imagenet-200"
    names = [f"{top}/train/{wnid}/images/{wnid}_{k}.JPEG" for wnid in ("n01443537", "n01629819") for k in range(3)]
    others = [f"{top}/val/images/val_0.JPEG", f"{top}/test/images/test_0.JPEG", f"{top}/train/n01443537/boxes.txt"]
    content = make_zip(dict.fromkeys(names + others, b""))
    counts = read("tiny_imagenet", tmp_path, {"tiny-imagenet-200.zip": content})
    assert counts == {"n01443537": 3, "n01629819": 3}


def test_imagenet10(tmp_path, monkeypatch):
    source = read_source(RAW / "imagenet10" / "source.yaml")
    for wnid in [*source.folders, "n01440764"]:
        (tmp_path / wnid).mkdir()
        (tmp_path / wnid / f"{wnid}_10026.JPEG").touch()
    monkeypatch.setenv("IMAGENET_TRAIN", str(tmp_path))
    with source.open(tmp_path, print) as images:
        assert [image.label for image in images] == sorted(source.folders)
        assert len(images) == read_about(RAW / "imagenet10" / "source.yaml").classes == 10


def test_archi(tmp_path, monkeypatch):
    for style in ("Gothic architecture", "Art Deco architecture"):
        (tmp_path / style).mkdir()
        (tmp_path / style / "1.jpg").touch()
    monkeypatch.setenv("MANYVIEWS_ARCHI", str(tmp_path))
    with read_source(RAW / "archi" / "source.yaml").open(tmp_path, print) as images:
        assert [image.label for image in images] == ["Art Deco architecture", "Gothic architecture"]


@needs_shared
def test_mnist_test(tmp_path):
    """Torchvision takes the files that it finds unpacked, and fetches none."""
    raw = tmp_path / "torchvision" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for file in (SHARED / "mnist").glob("*.gz"):
        (raw / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    with read_source(RAW / "mnist_test" / "source.yaml").open(tmp_path, print) as images:
        counts = Counter(image.label for image in images)
        assert [image.label for image in images[:5]] == ["7", "2", "1", "0", "4"], "as everybody knows them"
    assert read_about(RAW / "mnist_test" / "source.yaml").surprise(counts.total(), len(counts)) == ""


@needs_shared
def test_usps_11000(tmp_path, monkeypatch):
    monkeypatch.setenv("MANYVIEWS_USPS_11000", str(SHARED / "usps.npz"))
    with read_source(RAW / "usps_11000" / "source.yaml").open(tmp_path, print) as images:
        same_size("usps_11000", Counter(image.label for image in images), 1100)
