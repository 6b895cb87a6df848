"""The command `add`: what it writes, and what it refuses before it writes anything."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from stages.commands.add import app
from stages.commands.image_folder import safe_name
from stages.datasets import files_passed_over, open_dataset
from stages.params.file import read_params
from tests.commands.folders import PARAMS, make_images, make_project
from tests.exporting.project import refused
from tests.shell import Outcome, Shell


@pytest.fixture
def root(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(workdir / "home"))
    (workdir / "home").mkdir()
    monkeypatch.chdir(make_project(workdir / "project"))
    return workdir / "project"


@pytest.fixture
def add(root: Path, shell: Shell) -> Callable[..., Outcome]:
    return partial(shell, app)


def source(root: Path, name: str) -> str:
    return (root / "data/raw" / name / "source.yaml").read_text(encoding="utf-8")


def test_a_folder_becomes_a_dataset_once(root: Path, add: Callable[..., Outcome]) -> None:
    folder = make_images(root.parent / "Föhr & Sylt (2023)")
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}
    status, out, err = add(folder)
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        f"data/raw/Fohr-Sylt-2023/source.yaml: the images stay in {folder}",
        "params.yaml: Fohr-Sylt-2023 is one of the datasets",
        f"{folder} is the dataset Fohr-Sylt-2023",
    ]
    assert (root / "params.yaml").read_text() == PARAMS.replace("[flowers]", "[flowers, Fohr-Sylt-2023]").replace(
        "[]", "[Fohr-Sylt-2023]"
    )
    with open_dataset(root / "data/raw/Fohr-Sylt-2023", root, print) as images:
        assert [(image.path, image.label) for image in images] == [
            ("a/1.png", "a"),
            ("a/2.png", "a"),
            ("b/3.png", "b"),
        ]
    text = (root / "params.yaml").read_bytes()
    for again in (folder, f"{folder}/../{folder.name}/"):
        assert add(again) == (0, f"{folder} is the dataset Fohr-Sylt-2023\n", "")
    assert (root / "params.yaml").read_bytes() == text
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before


def test_it_is_found_by_its_folder_whatever_it_is_called(root: Path, add: Callable[..., Outcome]) -> None:
    folder = make_images(root.parent / "home/holiday")
    assert add(folder, "--name", "summer")[0] == 0
    assert "path: ~/holiday\n" in source(root, "summer")
    assert add("~/holiday")[1] == f"{folder} is the dataset summer\n"
    (root.parent / "link").symlink_to(folder)
    assert add(root.parent / "link")[1] == f"{folder} is the dataset summer\n"
    assert add(folder, "--name", "winter")[0] == 0, "a second one, if it is asked for"
    assert read_params(root / "params.yaml")["datasets"] == ["flowers", "summer", "winter"]


@pytest.mark.parametrize("name", ["a b", "$HOME", "~", "- x: 'y' # \"z\"", "🌻", "no", os.fsdecode(b"\xff")])
def test_any_name_of_a_folder_is_read_back(root: Path, add: Callable[..., Outcome], name: str) -> None:
    try:
        folder = make_images(root.parent / name)
    except OSError:
        pytest.skip("this file system takes only names that are text")
    assert add(folder, "--name", "d")[0] == 0
    with open_dataset(root / "data/raw/d", root, print) as images:
        assert len(images) == 3


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("2024-05-01", "2024-05-01"),
        ("Ünï_cödé..", "Uni_code"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("\u5199\u771f", "images"),
        ("maps", "maps-images"),
        ("x" * 300, "x" * 100),
    ],
)
def test_names_are_made_safe(folder: str, name: str) -> None:
    assert safe_name(folder) == name


def test_names_that_yaml_takes_for_something_else(root: Path, add: Callable[..., Outcome]) -> None:
    for name in ("2024-05-01", "007", "1.10", "no"):
        assert add(make_images(root.parent / name))[0] == 0
    assert read_params(root / "params.yaml")["watch"] == ["2024-05-01", "007", "1.10", "no"]
    assert 'watch: ["2024-05-01", "007", "1.10", "no"]\n' in (root / "params.yaml").read_text()


def test_a_table_of_labels_that_cannot_be_used_matters_only_where_labels_are_wanted(
    root: Path, add: Callable[..., Outcome]
) -> None:
    folder = make_images(root.parent / "photos")
    for name in ("labels.csv", "labels.tsv"):
        (folder / name).write_text("no table of labels")
    assert "labels.csv and labels.tsv; remove one of them" in refused(add(folder))
    assert add(folder, "--labels", "none")[0] == 0
    with open_dataset(root / "data/raw/photos", root, print) as images:
        assert {image.label for image in images} == {None}
    assert [file.path for file in files_passed_over(root / "data/raw/photos") if "labels" in file.path] == []


def test_labels_and_groups(root: Path, add: Callable[..., Outcome]) -> None:
    folder = make_images(root.parent / "photos")
    assert add(folder, "--labels", "none", "--groups", "12")[1].splitlines()[2] == (
        "params.yaml: n_clusters: auto -> 12, for every dataset"
    )
    assert read_params(root / "params.yaml")["n_clusters"] == 12
    assert source(root, "photos").endswith(f"path: {folder}\nlabels: none\n")
    assert add(folder)[0] == 0 and "labels: none" in source(root, "photos"), "as before"
    assert add(folder, "--labels", "folders", "--groups", "auto")[0] == 0
    assert "labels:" not in source(root, "photos")
    assert read_params(root / "params.yaml")["n_clusters"] == "auto"
    with (root / "data/raw/photos/source.yaml").open("a") as stream:
        stream.write("images: 'a/*'\n")
    line = refused(add(folder, "--labels", "none"))
    assert line == f"{root / 'data/raw/photos/source.yaml'} has keys of its own; write labels: none there"


def test_a_name_that_is_taken_is_refused(root: Path, add: Callable[..., Outcome]) -> None:
    folder = make_images(root.parent / "a/flowers")
    line = "the name flowers is taken, by another image set; give another one, such as --name flowers-2"
    assert refused(add(folder)) == line
    assert add(folder, "--name", "flowers-2")[0] == 0
    other = make_images(root.parent / "b/flowers-2")
    assert refused(add(other)) == (
        f"the name flowers-2 is taken, by the photos in {folder}; give another one, such as --name flowers-2-2"
    )
    assert refused(add(other, "--name", "study")).startswith(
        "the pipeline itself uses the name study under metrics"
    )
    assert refused(add(other, "--name", "a/b")).startswith("the dataset is called 'a/b'; use letters, digits")


def test_folders_that_cannot_be_a_dataset(root: Path, add: Callable[..., Outcome]) -> None:
    (root.parent / "empty").mkdir()
    (root.parent / "a.zip").touch()
    own = make_images(root / "data/raw/own")
    (root.parent / "circle").symlink_to("circle")
    expected = {
        "../nowhere": "../nowhere does not exist; name a folder of images",
        "../circle": "../circle does not exist; name a folder of images",
        "../a.zip": "../a.zip is not a folder; unpack an archive first; name a folder of images",
        "../empty": "../empty holds no file with the ending of an image; name a folder of images",
        ".": ". holds the project's own files; name a folder of images alone",
        "..": ".. holds the project's own files; name a folder of images alone",
        "data/raw": "data/raw is in the project's own folder data; name a folder of images",
        "data/raw/own/a": "data/raw/own/a is in the project's own folder data; name a folder of images",
        "data/raw/flowers": f"{root}/data/raw/flowers holds a source.yaml, no photos; name a folder outside the "
        "project",
    }
    assert {folder: refused(add(folder)) for folder in expected} == expected
    assert refused(add(own, "--name", "x")) == f"{own} is the dataset 'own' already; leave out --name"
    assert (root / "params.yaml").read_text() == PARAMS
    assert add(own)[0] == 0
    assert read_params(root / "params.yaml")["datasets"] == ["flowers", "own"]
    assert read_params(root / "params.yaml")["watch"] == [], "DVC looks at what is in the project"


def test_cut_short_between_the_two_files_it_goes_on(root: Path, add: Callable[..., Outcome]) -> None:
    folder = make_images(root.parent / "photos")
    assert add(folder)[0] == 0
    (root / "params.yaml").write_text(PARAMS)
    assert add(folder)[0] == 0
    assert read_params(root / "params.yaml")["datasets"] == ["flowers", "photos"]
    (root / "data/raw/photos/source.yaml").rename(root / "data/raw/photos/.partial-x.yaml")
    assert add(folder)[0] == 0 and "path:" in source(root, "photos")


def test_from_any_folder(root: Path, add: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    make_images(root.parent / "photos")
    monkeypatch.chdir(root / "data/raw")
    assert add("../../../photos")[0] == 0
    monkeypatch.chdir(root.parent)
    monkeypatch.setattr("stages.__file__", str(root.parent / "site-packages/stages/__init__.py"))
    assert refused(add("photos")) == (
        f"{root.parent} is in no project; run in the project's folder, the clone of the repository"
    )
    monkeypatch.setattr("stages.__file__", str(root / "stages/__init__.py"))
    assert add("photos")[1] == f"{root.parent / 'photos'} is the dataset photos\n"
