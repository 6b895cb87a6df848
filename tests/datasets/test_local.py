from dataclasses import replace

import pytest

from stages.core.errors import DatasetError, FetchError
from stages.datasets.keys import About
from stages.datasets.local import Local
from tests.tarballs import make_tar
from tests.wheelhouse import make_zip

FILES = {"cat/a/1.png": b"1", "cat/b/2.png": b"2", "dog/3.png": b"3", "dog/deep/4.JPEG": b"4", "5.png": b"5"}


@pytest.fixture
def photos(tmp_path):
    for path, content in FILES.items():
        (tmp_path / "photos" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / path).write_bytes(content)
    return tmp_path / "photos"


def read(local, **keys):
    with replace(local, **keys).open(None, print) as images:
        return {image.path: (image.label, image.read()) for image in images}


def test_a_folder_elsewhere(photos, tmp_path, monkeypatch):
    everything = {
        "5.png": (None, b"5"),
        "cat/a/1.png": ("a", b"1"),
        "cat/b/2.png": ("b", b"2"),
        "dog/3.png": ("dog", b"3"),
        "dog/deep/4.JPEG": ("deep", b"4"),
    }
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PLACE", str(tmp_path))
    (tmp_path / "raw" / "set").mkdir(parents=True)
    for path in (str(photos), "../../photos", "~/photos", "$PLACE/photos", "${PLACE}/photos"):
        found = read(Local(path=path, folder=tmp_path / "raw" / "set"))
        assert found == everything and list(found) == sorted(everything)


@pytest.mark.parametrize("make", [make_zip, make_tar, lambda members: make_tar(members, "gz")])
def test_an_archive_elsewhere_is_like_the_folder(photos, tmp_path, make):
    (tmp_path / "photos.bin").write_bytes(make(FILES))
    for keys in ({}, {"folders": ("cat", "dog/deep/")}, {"images": "*/*.png"}, {"label_folder": 2}):
        local = Local(path="photos.bin", folder=tmp_path, **keys)
        assert read(local) == read(replace(local, path="photos"))


def test_some_folders_only(photos):
    found = read(Local(path=str(photos), folders=("dog", "cat/b", "dog")))
    assert list(found) == ["cat/b/2.png", "dog/3.png", "dog/deep/4.JPEG"]


def test_labels_csv_decides_unless_a_rule_is_chosen(photos):
    (photos / "labels.csv").write_text("path,label\n5.png,bird\n")
    assert {path: label for path, (label, _) in read(Local(path=str(photos))).items() if label} == {
        "5.png": "bird"
    }
    by_pattern = read(Local(path=str(photos), label_pattern=r"(\d)\.png"))
    assert by_pattern["5.png"] == ("5", b"5")
    (photos / "list.txt").write_text("5.png gull\n")
    assert read(Local(path=str(photos), labels="list.txt"))["5.png"] == ("gull", b"5")


def test_a_variable_that_is_not_set_is_named_with_whom_to_ask(monkeypatch):
    monkeypatch.delenv("MANYVIEWS_ARCHI", raising=False)
    with pytest.raises(DatasetError) as caught:
        read(Local(path="$MANYVIEWS_ARCHI", about=About(note="ask Zhe Xu")))
    assert "MANYVIEWS_ARCHI, which is not set" in str(caught.value) and str(caught.value).endswith(" (ask Zhe Xu)")


def test_what_cannot_be_used_says_why(photos, tmp_path):
    (tmp_path / "text").write_text("text")
    (photos / "a.csv").touch()
    (photos / "b.csv").touch()
    cases = [
        (
            {"path": "nowhere"},
            f"{tmp_path / 'nowhere'}, which `path` 'nowhere' means, does not exist; put the images",
        ),
        ({"path": "text"}, f"{tmp_path / 'text'} is not a readable zip archive"),
        ({"folders": ("cow",)}, f"{photos} has no folder 'cow', which `folders` lists; it has cat, dog"),
        ({"images": "*.gif"}, f"{photos} holds no image that matches '*.gif'; correct `images` or `path`"),
        ({"labels": "x.csv"}, f"{photos}: no file matches 'x.csv', the table of labels; exactly one should"),
        ({"labels": "*.csv"}, f"{photos}: 2 files match '*.csv'"),
        ({"labels": "/etc/*.csv"}, "`labels` is '/etc/*.csv' (Non-relative patterns are unsupported); write a"),
        ({"labels": "**x"}, "`labels` is '**x' (Invalid pattern: "),
        ({"folders": ("/",)}, f"`folders` lists '/'; name folders below {photos}, from there on"),
        ({"folders": ("cat", "../photos")}, f"`folders` lists '../photos'; name folders below {photos}"),
        ({"label_folder": 5}, "no image is in 5 folders, such as '"),
    ]
    for keys, expected in cases:
        with pytest.raises((DatasetError, FetchError)) as caught:
            read(Local(path="photos", folder=tmp_path), **keys)
        assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_labels_are_left_out_when_asked(photos):
    (photos / "labels.csv").write_text("path,label\n5.png,five\n", encoding="utf-8")
    assert {label for label, _ in read(Local(path=str(photos), labels="none")).values()} == {None}
    with pytest.raises(DatasetError, match=r"^'labels' and 'label_folder' both say"):
        Local(path=str(photos), labels="none", label_folder=1)
