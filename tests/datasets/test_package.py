from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from stages.core.errors import DatasetError, FetchError
from stages.datasets import UnreadableImageError, open_dataset
from stages.datasets.package import Package
from stages.decoding import decode_image
from stages.fetching.downloads import cache_folder
from tests.datasets.images import BLUE, RED, png
from tests.wheelhouse import make_wheel, make_zip

FLOWERS = Path(__file__).parents[2] / "data" / "raw" / "flowers"
INNER = {
    "pictures/10.png": png(RED),
    "pictures/2.png": png(BLUE),
    "pictures/3.png": b"",
    "pictures/._2.png": b"hidden",
    "pictures/read.me": b"text",
    "pictures/table.csv": b"file,kind\n10.png,rose\n2.png,tulip\n",
    "setup.py": b"raise SystemExit('a package was run')",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Describe a wheel that holds `members`, and let pip find it."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))

    def describe(members, **keys):
        requirement, sha256 = make_wheel(tmp_path / "index", "photos", members)
        return Package(requirement=requirement, sha256=sha256, **keys)

    return describe


def listed(package, cache):
    with package.open(cache, lambda line: None) as images:
        return [(image.path, image.label) for image in images]


def test_images_of_a_zip_inside_a_wheel_with_a_table_of_labels(package, tmp_path):
    photos = package(
        {"photos/data/all.zip": make_zip(INNER), "photos/__init__.py": b"raise SystemExit"},
        member="photos/data/*.zip",
        images="pictures/*",
        labels="*/table.csv",
        path_column="file",
        label_column="kind",
    )
    with photos.open(tmp_path / "cache", lambda line: None) as images:
        found = [(image.path, image.label) for image in images]
        assert found == [("pictures/10.png", "rose"), ("pictures/2.png", "tulip"), ("pictures/3.png", None)]
        assert [image.read() for image in images] == [png(RED), png(BLUE), b""]
    only_the_wheel = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert [path.suffix for path in only_the_wheel] == [".whl"]


def test_images_of_the_wheel_itself_labelled_by_their_folders(package, tmp_path):
    photos = package({"photos/cat/1.png": png(), "photos/dog/2.png": png(), "photos/dog/3.gif": png()})
    found = [("photos/cat/1.png", "cat"), ("photos/dog/2.png", "dog"), ("photos/dog/3.gif", "dog")]
    assert listed(photos, tmp_path / "cache") == found
    assert listed(replace(photos, images="*.png"), tmp_path / "cache") == found[:2]


def test_what_a_package_lacks_is_named(package, tmp_path):
    photos = package({"all.zip": make_zip(INNER)}, member="all.zip")
    cases = [
        ({"member": "some.zip"}, FetchError, "no member matches 'some.zip'; exactly one should"),
        ({"member": "*/METADATA"}, FetchError, "METADATA in "),
        ({"images": "*.jpg"}, DatasetError, "no image matches '*.jpg'; correct `images`"),
        ({"labels": "labels.csv"}, FetchError, "no member matches 'labels.csv'"),
        ({"labels": "*.csv"}, DatasetError, "has no column 'path', 'label'; its first line has 'file', 'kind'"),
    ]
    for keys, kind, expected in cases:
        with pytest.raises(kind) as caught:
            listed(replace(photos, **keys), tmp_path / "cache")
        assert expected in str(caught.value)


@pytest.mark.parametrize("name", ["../a.png", "/a.png", "..\\a.png"])
def test_unsafe_names_inside_are_refused(package, tmp_path, name):
    photos = package({"all.zip": make_zip({name: png(), "b.png": png()})}, member="all.zip")
    with pytest.raises(FetchError, match=r"^all.zip in .* has a member with the unsafe name"):
        listed(photos, tmp_path / "cache")


def test_a_damaged_image_inside_is_unreadable_and_the_others_are_not(package, tmp_path):
    inner = make_zip({"a.png": b"0123456789", "b.png": png()})
    damaged = inner.replace(b"a.png", b"a.png", 1).replace(inner[35:45], bytes(10), 1)
    photos = package({"all.zip": damaged}, member="all.zip")
    with photos.open(tmp_path / "cache", lambda line: None) as (first, second):
        with pytest.raises(UnreadableImageError, match=r"^a.png in all.zip in "):
            first.read()
        assert second.read() == png()


@pytest.mark.network
def test_the_flowers():
    with open_dataset(FLOWERS, cache_folder(), print) as images:
        assert len(images) == 210
        assert {image.label for image in images} == {str(label) for label in range(10)}
        assert [image.path for image in images][:2] == ["flower_images/0001.png", "flower_images/0002.png"]
        sizes = Counter(decode_image(image.read()).size for image in images)
        assert sizes == {(128, 128): 209, (208, 208): 1}
