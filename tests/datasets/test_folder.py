import os
import sys

import pytest

from stages.core.errors import DatasetError
from stages.datasets.folder import read_folder
from stages.decoding import UnreadableImageError
from tests.datasets.images import png

NAMES = [
    "a b.png",
    'it\'s "quoted".png',
    "line\nbreak.png",
    "🌻.png",
    "<b>&amp;.png",
    "-rf.png",
    "%41.png",
    "a,b.png",
]


def fill(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(png())
    return root


def paths(root):
    return [image.path for image in read_folder(root)]


def labels(root):
    return {image.path: image.label for image in read_folder(root)}


def test_images_of_any_nesting_are_sorted_by_path(tmp_path):
    fill(tmp_path, "b.png", "a/z.png", "B.png", "a.png", "a/b/c/d.png", "a/b.png", "ä.png")
    assert paths(tmp_path) == ["B.png", "a.png", "a/b.png", "a/b/c/d.png", "a/z.png", "b.png", "ä.png"]


def test_an_extension_that_pillow_knows_makes_an_image(tmp_path):
    fill(tmp_path, "a.PNG", "b.JpEg", "c.tif", "d.webp", "e.bmp", "f.pgm", "g.heic")
    fill(tmp_path, "notes.txt", "README", "x.png.txt", "figure.eps", "data.h5", "png", "Thumbs.db")
    assert paths(tmp_path) == ["a.PNG", "b.JpEg", "c.tif", "d.webp", "e.bmp", "f.pgm", "g.heic"]


def test_hidden_files_and_folders_are_left_out(tmp_path):
    fill(tmp_path, ".a.png", ".git/b.png", "c/.d/e.png", "c/._f.png", ".png", "g.png")
    assert paths(tmp_path) == ["g.png"]


def test_a_hidden_parent_hides_nothing(tmp_path):
    assert paths(fill(tmp_path / ".cache" / "photos", "a.png")) == ["a.png"]


@pytest.mark.parametrize("name", NAMES)
def test_odd_file_names_go_through_unharmed(tmp_path, name):
    [image] = read_folder(fill(tmp_path, name))
    assert image.path == name
    assert image.read() == png()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse names that are no text")
def test_a_name_that_is_no_text_is_spelt_out(tmp_path):
    fill(tmp_path, os.fsdecode(b"caf\xe9/\xff.png"), "b/a.png")
    images = read_folder(tmp_path)
    assert [(image.path, image.label) for image in images] == [
        ("b/a.png", "b"),
        (r"caf\udce9/\udcff.png", r"caf\udce9"),
    ]
    assert images[1].read() == png()
    assert images[1].path.encode() == rb"caf\udce9/\udcff.png"


def test_links_are_followed_and_circles_are_not(tmp_path):
    photos = fill(tmp_path / "photos", "real/a.png")
    elsewhere = fill(tmp_path / "elsewhere", "deep/b.png", "c.png")
    (photos / "file.png").symlink_to(elsewhere / "c.png")
    (photos / "folder").symlink_to(elsewhere)
    (photos / "real" / "up").symlink_to(photos)
    (photos / "itself.png").symlink_to(photos / "itself.png")
    assert paths(photos) == ["file.png", "folder/c.png", "folder/deep/b.png", "itself.png", "real/a.png"]


def test_the_folder_may_be_a_link(tmp_path):
    fill(tmp_path / "disk", "a.png")
    (tmp_path / "photos").symlink_to(tmp_path / "disk")
    assert paths(tmp_path / "photos") == ["a.png"]


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    [image] = read_folder(tmp_path)
    with pytest.raises(UnreadableImageError, match=r"^cannot be read \(No such file or directory\)$"):
        image.read()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_no_image(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")  # reading it would wait for ever
    assert paths(tmp_path) == []


def test_sub_folders_give_labels(tmp_path):
    fill(tmp_path, "cat/1.png", "dog/2.png", "train/cat/3.png", "4.png")
    assert labels(tmp_path) == {"4.png": None, "cat/1.png": "cat", "dog/2.png": "dog", "train/cat/3.png": "cat"}


@pytest.mark.parametrize("files", [["images/1.png", "images/2.png"], ["x/images/1.png", "2.png"], ["1.png"]])
def test_one_sub_folder_for_all_is_no_labelling(tmp_path, files):
    fill(tmp_path, *files)
    assert set(labels(tmp_path).values()) == {None}


def test_labels_csv_decides(tmp_path):
    fill(tmp_path, "cat/1.png", "dog/2.png", "dog/3.png", '4, "5"\n.png')
    (tmp_path / "labels.csv").write_text(
        'note,path,label\n,cat/1.png,wolf\n,./dog//2.png, fox \n,"4, ""5""\n.png",fox\n', encoding="utf-8-sig"
    )
    assert labels(tmp_path) == {'4, "5"\n.png': "fox", "cat/1.png": "wolf", "dog/2.png": "fox", "dog/3.png": None}


def test_labels_csv_may_repeat_itself_and_leave_labels_empty(tmp_path):
    fill(tmp_path, "1.png", "2.png")
    (tmp_path / "labels.csv").write_text("path,label\n1.png,cat\n1.png,cat\n2.png,\n2.png\n")
    assert labels(tmp_path) == {"1.png": "cat", "2.png": None}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("path,label\n1.png,cat\n7.png,cat\n", "labels.csv, line 3: '7.png' is not an image of the dataset; "),
        ("path,label\n../1.png,cat\n", "labels.csv, line 2: '../1.png' is not an image of the dataset; "),
        ("path,label\n1.png,cat\n1.png,dog\n", "line 3: '1.png' has the labels 'cat' and 'dog'; keep one"),
        ("file;class\n1.png;cat\n", "labels.csv has no column 'path', 'label'; its first line has 'file;class'"),
        ("path,class\n1.png,cat\n", "labels.csv has no column 'label'; its first line has 'path', 'class'"),
        ("", "labels.csv has no column 'path', 'label'; its first line has no columns"),
        (b"path,label\n1.png,caf\xe9\n", "labels.csv is not a CSV table in UTF-8 ("),
        ('path,label\n"1.png,cat\n', "labels.csv is not a CSV table in UTF-8 (unexpected end of data)"),
    ],
)
def test_a_labels_csv_that_cannot_be_used_says_where(tmp_path, table, message):
    fill(tmp_path, "1.png")
    (tmp_path / "labels.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    with pytest.raises(DatasetError) as caught:
        read_folder(tmp_path)
    assert message in str(caught.value)
