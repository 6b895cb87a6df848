"""The digest of a folder elsewhere: what changes it, what is read again for it."""

import os
from pathlib import Path

import pytest

from stages.core.errors import DatasetError
from stages.datasets import seen
from stages.datasets.local import Local
from tests.datasets.images import BLUE, GREEN, RED, png
from tests.wheelhouse import make_zip


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for path, colour in {"a/1.png": RED, "a/2.png": GREEN, "b/3.png": BLUE}.items():
        file = tmp_path / "photos" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(colour))
    return tmp_path / "photos"


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a/1.png").write_bytes(png(BLUE)),
        lambda folder: (folder / "a/4.png").write_bytes(png(RED)),
        lambda folder: (folder / "a/1.png").unlink(),
        lambda folder: (folder / "a/1.png").rename(folder / "a/0.png"),
        lambda folder: (folder / "a/1.png").rename(folder / "b/1.png"),
        lambda folder: (folder / "labels.csv").write_text("path,label\na/1.png,red\n"),
        lambda folder: (folder / "a/4.png").symlink_to("nowhere.png"),
    ],
)
def test_every_change_of_an_image_or_a_label_is_seen(photos, change):
    reader = Local(path=str(photos))
    first, known = seen.look(reader, {})
    assert (first.images, len(first.sha256)) == (3, 64)
    change(photos)
    assert seen.look(reader, known)[0].sha256 != first.sha256


def test_what_other_files_hold_a_new_time_and_another_place_change_nothing(photos, tmp_path):
    (photos / "notes.txt").write_text("x")
    first, known = seen.look(Local(path=str(photos)), {})
    (photos / "notes.txt").write_text("y")
    os.utime(photos / "a/1.png", (1, 1))
    assert seen.look(Local(path=str(photos)), known)[0] == first
    photos.rename(tmp_path / "moved")
    assert seen.look(Local(path=str(tmp_path / "moved")), known)[0] == first


def test_another_file_that_is_passed_over_is_noticed(photos):
    first, known = seen.look(Local(path=str(photos)), {})
    (photos / "notes.txt").touch()
    assert seen.look(Local(path=str(photos)), known)[0] != first


def test_each_folder_is_listed_once(photos, monkeypatch):
    listed, scan = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: listed.append(Path(folder).name) or scan(folder))
    seen.look(Local(path=str(photos)), {})
    assert sorted(listed) == ["a", "b", "photos"]


def test_only_what_changed_is_read_again(photos, monkeypatch):
    _, known = seen.look(Local(path=str(photos)), {})
    read = []
    whole = seen.file_digest
    monkeypatch.setattr(seen, "file_digest", lambda file: (read.append(file.name), whole(file))[1])
    (photos / "a/2.png").write_bytes(png(RED))
    (photos / "b/3.png").unlink()
    _, known = seen.look(Local(path=str(photos)), known)
    assert read == ["2.png"]
    assert sorted(Path(file).name for file in known) == ["1.png", "2.png"], "what is gone is forgotten"


def test_odd_files_neither_stop_nor_block(photos):
    os.mkfifo(photos / "pipe.png")
    (photos / "broken.png").symlink_to("nowhere.png")
    (photos / "circle").symlink_to(photos)
    odd = os.fsencode(photos) + b"/\xff.png"
    try:
        Path(os.fsdecode(odd)).write_bytes(png())
    except OSError:
        pytest.skip("this file system takes only names that are text")
    found, known = seen.look(Local(path=str(photos)), {})
    assert found.images == 5
    assert seen.look(Local(path=str(photos)), known)[0] == found


def test_an_archive_is_one_file(tmp_path):
    file = tmp_path / "photos.zip"
    file.write_bytes(make_zip({"a/1.png": png()}))
    first, known = seen.look(Local(path=str(file)), {})
    assert first.images == 0 and seen.look(Local(path=str(file)), known)[0] == first
    file.write_bytes(make_zip({"a/1.png": png(BLUE)}))
    assert seen.look(Local(path=str(file)), known)[0] != first


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"holds no image that matches"):
        seen.look(Local(path=str(tmp_path)), {})
