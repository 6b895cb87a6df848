import hashlib
import io
import tarfile

import pytest

from stages.core.errors import DatasetError, FetchError
from stages.datasets.voc import Thing, Voc2007, read_annotation, single_label

# The objects of each image: the class, and "!" where the annotators call the object difficult.
IMAGES = {
    "000001": ["dog"],
    "000002": ["dog", "dog"],
    "000003": ["dog", "cat"],
    "000004": ["dog", "cat!"],
    "000006": ["dog", "dog!"],
    "000008": ["cat!"],
    "000010": ["cat", "cat", "dog!"],
    "000011": ["person"],  # and its head and hands
}
KEPT = {
    ("class", "count"): ["000001", "000002", "000006", "000008", "000011"],
    ("object", "count"): ["000001", "000008", "000011"],
    ("class", "ignore"): ["000001", "000002", "000004", "000006", "000010", "000011"],
    ("object", "ignore"): ["000001", "000004", "000006", "000011"],
}


def annotation(things: list[str]) -> str:
    objects = []
    for thing in things:
        part = (
            "<part><name>head</name><bndbox><xmin>9</xmin></bndbox></part><part><name>hand</name></part>"
            if thing == "person"
            else ""
        )
        objects.append(
            f"\t<object>\n\t\t<name>{thing.rstrip('!')}</name>\n\t\t<pose>Left</pose>\n\t\t<truncated>1</truncated>\n"
            f"\t\t<difficult>{int(thing.endswith('!'))}</difficult>\n\t\t<bndbox>\n\t\t\t<xmin>48</xmin>\n"
            f"\t\t</bndbox>{part}\n\t</object>\n"
        )
    owner = "\t<owner>\n\t\t<flickrid>Fried</flickrid>\n\t\t<name>not an object</name>\n\t</owner>\n"
    return f"<annotation>\n\t<folder>VOC2007</folder>\n{owner}{''.join(objects)}</annotation>\n"


def members() -> dict[str, bytes]:
    found = {f"Annotations/{name}.xml": annotation(things).encode() for name, things in IMAGES.items()}
    found["ImageSets/Main/test.txt"] = "".join(f"{name}\n" for name in IMAGES).encode()
    found |= {f"JPEGImages/{name}.jpg": f"pixels of {name}".encode() for name in [*IMAGES, "000005"]}
    return {f"VOCdevkit/VOC2007/{name}": data for name, data in found.items()}


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The folder where torchvision keeps the set; the archive is there, nothing can be fetched."""
    from torchvision.datasets import voc

    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in members().items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    root = tmp_path / "torchvision"
    root.mkdir()
    (root / "VOCtest_06-Nov-2007.tar").write_bytes(stream.getvalue())
    changed = {"md5": hashlib.md5(stream.getvalue()).hexdigest(), "url": "http://127.0.0.1:9/"}
    monkeypatch.setitem(voc.DATASET_YEAR_DICT, "2007-test", voc.DATASET_YEAR_DICT["2007-test"] | changed)
    return root


@pytest.mark.parametrize(("single", "difficult"), KEPT)
def test_the_four_readings_of_single_label(root, tmp_path, single, difficult, capsys):
    lines = []
    with Voc2007(single, difficult).open(tmp_path, lines.append) as images:
        names = KEPT[single, difficult]
        assert [image.path for image in images] == [f"{name}.jpg" for name in names]
        assert [image.label for image in images] == [IMAGES[name][0].rstrip("!") for name in names]
        assert [image.read() for image in images] == [f"pixels of {name}".encode() for name in names]
    assert lines == [
        "fetching the VOC 2007 test set",
        "voc2007: 8 images; single label by class/object: 5/3 with difficult objects, 6/4 without",
    ]
    assert capsys.readouterr().out == ""


def test_an_image_without_objects_that_count_has_no_label():
    for reading in KEPT:
        assert single_label([], *reading) is None
    assert single_label([Thing("cat", True)], "class", "ignore") is None


def test_a_development_kit_put_there_is_used_and_unpacking_is_resumed(root, tmp_path):
    for name, data in members().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    with Voc2007().open(tmp_path, lambda line: None) as images:
        assert len(images) == 5
    (root / "VOCdevkit" / "VOC2007" / "JPEGImages" / "000011.jpg").unlink()
    with Voc2007().open(tmp_path, lambda line: None) as images:
        assert images[-1].read() == b"pixels of 000011"
    (root / "VOCtest_06-Nov-2007.tar").unlink()
    with Voc2007().open(tmp_path, lambda line: None) as images:
        assert len(images) == 5


def test_out_of_reach_it_tells_where_to_put_what(tmp_path, root):
    with pytest.raises(FetchError) as caught:
        with Voc2007().open(tmp_path / "empty", lambda line: None):
            pass
    found = str(caught.value)
    assert found.startswith("the VOC 2007 test set could not be fetched (<urlopen error ") and "\n" not in found
    assert f"put VOCtest_06-Nov-2007.tar into {tmp_path / 'empty' / 'torchvision'} by hand" in found
    assert found.endswith(str(tmp_path / "empty" / "torchvision" / "VOCdevkit"))


BOMB = "<!DOCTYPE annotation [<!ENTITY a 'dog'><!ENTITY b '&a;&a;&a;&a;'>]>"
OTHER_FILE = "<!DOCTYPE annotation [<!ENTITY a SYSTEM 'file:///etc/hostname'>]>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ((BOMB + annotation(["&b;"])).encode(), "it has a document type"),
        ((BOMB + annotation(["dog"])).encode("utf-16"), "it has a document type"),
        ((OTHER_FILE + annotation(["&a;"])).encode(), "it has a document type"),
        (annotation(["&b;"]).encode(), "undefined entity"),
        (annotation(["dog"])[:-20].encode(), "unclosed token"),
        (annotation([" "]).encode(), "an object has no name"),
        (b"", "no element found"),
        (b" " * (1 << 20) + annotation(["dog"]).encode(), "more than 1048576 bytes"),
    ],
)
def test_a_damaged_or_hostile_annotation_is_refused(tmp_path, text, expected):
    file = tmp_path / "000001.xml"
    file.write_bytes(text)
    with pytest.raises(DatasetError) as caught:
        read_annotation(file)
    found = str(caught.value)
    assert found.startswith(f"{file} is not an annotation of VOC ({expected}") and "\n" not in found


def test_keys_that_cannot_be_used_say_why():
    with pytest.raises(DatasetError, match=r"^`single` is 'objects'; did you mean 'object'\?$"):
        Voc2007(single="objects")
    with pytest.raises(DatasetError, match=r"^`difficult` is 'x'; it may be 'count' or 'ignore'$"):
        Voc2007(difficult="x")
