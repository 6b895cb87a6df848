import os
import sys

import pytest

from stages.core.errors import DatasetError
from stages.datasets.folder import counted, passed_over, read_folder
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
    fill(tmp_path, "notes.txt", "x.png.txt", "figure.eps", "data.h5", "Thumbs.db")
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
    (tmp_path / "link").symlink_to("pipe.png")
    assert paths(tmp_path) == []
    assert passed_over(tmp_path) == [("link", "not a regular file"), ("pipe.png", "not a regular file")]


def test_a_folder_that_cannot_be_read_is_listed(tmp_path, monkeypatch):
    fill(tmp_path, "1.png", "locked/2.png")
    scandir = os.scandir

    def refuse(folder):
        if os.fspath(folder).endswith("locked"):
            raise PermissionError
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    assert paths(tmp_path) == ["1.png"]
    assert passed_over(tmp_path) == [("locked", "unreadable folder")]


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
        (
            "path,label\n7.png,cat\n",
            "labels.csv: no row is of an image of the dataset, the first is of '7.png'; write",
        ),
        (
            "path,label\n../1.png,cat\n",
            "the first is of '../1.png'; write paths relative to the table's folder, like",
        ),
        ("path,label\n1.png,cat\n1.png,dog\n", "line 3: '1.png' has the labels 'cat' and 'dog'; keep one"),
        ("path,label\n1.png,cat\n,dog\n", "labels.csv, line 3: 'dog' has no path; add it"),
        (
            "file;class\n1.png;cat\n",
            "labels.csv has no column 'path', 'label'; its first line has 'file', 'class'; na",
        ),
        (
            "path,class\n1.png,cat\n",
            "labels.csv has no column 'label'; its first line has 'path', 'class'; name the",
        ),
        (
            "",
            "labels.csv has no column 'path', 'label'; its first line has no columns; name the columns",
        ),
        (
            b"path,label\n1.png,caf\xe9\n",
            "labels.csv is not text in UTF-8 or UTF-16 ('utf-8' codec can't decode byte 0xe9 in position 20: ",
        ),
        (
            "path,label\n1.png,cat\n".encode("utf-16-le"),
            "labels.csv is not text in UTF-8 or UTF-16 (a zero byte in line 1); save it as CSV in UTF-8",
        ),
        (
            'path,label\n"1.png,cat\n',
            "labels.csv is not a CSV table (unexpected end of data, line 2); close the quotes",
        ),
        ("path,label\n1.png,cat, or dog\n", "labels.csv, line 2: 3 cells, 2 columns; put quotes around what"),
        ("path,label,Label\n1.png,cat,dog\n", "labels.csv has two columns 'label'; remove or rename one"),
    ],
)
def test_a_labels_csv_that_cannot_be_used_says_where(tmp_path, table, message):
    fill(tmp_path, "1.png")
    (tmp_path / "labels.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    with pytest.raises(DatasetError) as caught:
        read_folder(tmp_path)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.csv", "path;label\ncat/1.png;wolf\n2.png;fox, red\n".encode("utf-8-sig")),
        ("labels.tsv", b"label\tpath\nwolf\tcat/1.png\nfox, red\t2.png\n"),
        ("labels.csv", "Label\tPATH \r\nwolf\tcat\\1.png\r\nfox, red\t.\\2.png\r\n".encode("utf-16")),
        (
            "Labels.CSV",
            "path|label\n./cat/1.png|wolf\n2.png|fox, red\n".encode("utf-16-be").join([b"\xfe\xff", b""]),
        ),
        ("labels.csv", b'sep=;\n\nPath;Label\ncat/1.png;wolf\n2.png;"fox, red"\n'),
        ("labels.csv", b'"path","label","a;b;c;d"\ncat/1.png,wolf,1;2\n2.png,"fox, red",\n'),
    ],
)
def test_tables_are_read_as_spreadsheets_write_them(tmp_path, name, content):
    fill(tmp_path, "cat/1.png", "2.png")
    (tmp_path / name).write_bytes(content)
    assert labels(tmp_path) == {"cat/1.png": "wolf", "2.png": "fox, red"}
    assert passed_over(tmp_path) == []


def test_accents_match_however_they_are_composed(tmp_path):
    composed, apart = "caf\u00e9.png", "u\u0308.png"
    fill(tmp_path, composed, apart)
    (tmp_path / "labels.csv").write_text("path,label\ncafe\u0301.png,a\n\u00fc.png,b\n", encoding="utf-8")
    assert labels(tmp_path) == {composed: "a", apart: "b"}


def test_blanks_around_a_path_count_where_they_are_in_its_name(tmp_path):
    fill(tmp_path, " 1.png", "1.png", "2.png")
    (tmp_path / "labels.csv").write_text("path,label\n 1.png,a\n1.png,b\n 2.png ,c\n")
    assert labels(tmp_path) == {" 1.png": "a", "1.png": "b", "2.png": "c"}


def test_empty_labels_and_nan_are_none(tmp_path):
    fill(tmp_path, "1.png", "2.png", "3.png", "4.png")
    (tmp_path / "labels.csv").write_text("path,label\n1.png,NaN\n2.png, \n3.png,nan\n4.png,none\n")
    assert labels(tmp_path) == {"1.png": None, "2.png": None, "3.png": None, "4.png": "none"}


def test_rows_of_images_that_are_gone_are_counted(tmp_path):
    fill(tmp_path, "1.png")
    (tmp_path / "labels.csv").write_text("path,label\n1.png,cat\n7.png,cat\n8.png,dog\n")
    lines = []
    assert [image.label for image in read_folder(tmp_path, lines.append)] == ["cat"]
    file = tmp_path / "labels.csv"
    assert lines == [f"{file}: 2 rows of images that are not there, such as '7.png', left out"]


def test_two_tables_are_refused(tmp_path):
    fill(tmp_path, "1.png")
    for name in ("labels.csv", "labels.tsv"):
        (tmp_path / name).write_text("path,label\n")
    with pytest.raises(DatasetError, match=r"holds labels.csv and labels.tsv; remove one of them$"):
        read_folder(tmp_path)


def test_parts_of_a_set_are_put_together_and_other_places_kept_apart(tmp_path):
    fill(tmp_path, "train/cat/1.png", "Test/cat/2.png", "train/dog/3.png")
    lines = []
    found = {image.path: image.label for image in read_folder(tmp_path, lines.append)}
    assert found == {"train/cat/1.png": "cat", "Test/cat/2.png": "cat", "train/dog/3.png": "dog"}
    assert lines == ["parts of the set are put together: 'Test/cat' and 'train/cat' are one class"]
    fill(tmp_path, "a/misc/1.png", "b/misc/2.png", "a/bird/3.png")
    lines.clear()
    found = {image.path: image.label for image in read_folder(tmp_path, lines.append)}
    assert found["a/misc/1.png"] == "a/misc" and found["b/misc/2.png"] == "b/misc"
    assert found["a/bird/3.png"] == "bird" and found["Test/cat/2.png"] == "cat"
    assert lines[1] == (
        "folders of one name in several places are a class each, such as 'a/misc' and 'b/misc'; a source.yaml "
        "with `reader: local`, `path: .` and `labels: leaf` joins them"
    )


def test_files_without_an_extension_are_looked_at(tmp_path):
    fill(tmp_path, "IMG_1", "IMG 2024.05.01", "deep/photo.")
    for name, content in {"README": b"read me", "notes.2024": b"", "a.txt": png(), "P1": b"P5 Europe"}.items():
        (tmp_path / name).write_bytes(content)
    assert paths(tmp_path) == ["IMG 2024.05.01", "IMG_1", "deep/photo."]
    others = [("P1", "without extension"), ("README", "without extension"), ("a.txt", ".txt")]
    assert passed_over(tmp_path) == [*others, ("notes.2024", "without extension")]


def test_all_that_is_passed_over_is_listed_and_counted(tmp_path):
    fill(tmp_path, "1.png", ".a.png", ".thumbnails/1.png", "x/@eaDir/1.png/THUMB.jpg", "x/@eaDir/2.png")
    fill(tmp_path, "$RECYCLE.BIN/$R1.png", "__MACOSX/1.png", "movie.MP4", "b.txt", "x/c.txt", "labels.json")
    (tmp_path / "labels.csv").write_text("path,label\n")
    (tmp_path / "x" / "up").symlink_to(tmp_path)
    found = passed_over(tmp_path)
    assert paths(tmp_path) == ["1.png"]
    assert found == [
        ("$RECYCLE.BIN/$R1.png", "in $RECYCLE.BIN"),
        (".a.png", "hidden"),
        (".thumbnails/1.png", "hidden"),
        ("__MACOSX/1.png", "in __MACOSX"),
        ("b.txt", ".txt"),
        ("labels.json", ".json"),
        ("movie.MP4", ".mp4"),
        ("x/@eaDir/1.png/THUMB.jpg", "in @eaDir"),
        ("x/@eaDir/2.png", "in @eaDir"),
        ("x/c.txt", ".txt"),
        ("x/up", "link back to a folder"),
    ]
    assert counted(found) == (
        "2 .txt, 2 hidden, 2 in @eaDir, 1 .json, 1 .mp4, 1 in $RECYCLE.BIN, 1 in __MACOSX, 1 link back to a folder"
    )
