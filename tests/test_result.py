"""The stage `result`: which trained methods are listed, and whose clusters are the result."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from stages.core.digests import file_digest
from stages.core.errors import ManyviewsError
from stages.result import app
from stages.tables import Image, read_images, write_images, write_partitions
from stages.tables.methods import METHODS


@pytest.fixture
def project(workdir: Path) -> Path:
    """A project of two images with the clusters of all methods of two objectives."""
    write_images(Path("data/images/d.parquet"), [Image(f"{i}.png", b"%d" % i, None, 4, 4) for i in range(2)], [])
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    for objective in ("jule", "idec"):
        for method in METHODS:
            write(objective, method, fingerprint)
    return workdir


def write(objective: str, method: str, fingerprint: str) -> None:
    file = Path(f"data/partitions/d/{objective}/{method}.parquet")
    write_partitions(file, {method: np.arange(2)}, {method: {}}, fingerprint)


def listed(*objectives: str, images: tuple[str, ...] = ()) -> dict[str, dict[str, str]]:
    """The manifest; `images` are further options, on methods that see the images."""
    options = [option for name in objectives for option in ("--objectives", name)]
    result = CliRunner().invoke(app, ["--dataset", "d", *options, *images])
    if result.exception:
        raise result.exception
    content: dict[str, dict[str, str]] = json.loads(Path("data/views/d/methods.json").read_text())
    return content


def test_the_objectives_that_are_asked_for_are_listed_and_leftovers_are_not(project: Path) -> None:
    assert list(listed("jule")) == [f"jule/{method}" for method in METHODS]
    both = listed("idec", "jule")
    assert list(both) == [f"{objective}/{method}" for objective in ("idec", "jule") for method in METHODS]
    assert both["idec/cc"] == {"partitions": file_digest(Path("data/partitions/d/idec/cc.parquet"))}
    assert listed() == {}


def test_methods_on_images_are_listed_as_those_of_an_objective(project: Path) -> None:
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    for method in ("pixels", "dec", "jule", "mmdc"):
        write("images", method, fingerprint)
    options = ("--image-methods", "mmdc", "--image-baselines", "pixels", "--image-methods", "jule")
    assert list(listed(images=options)) == ["images/pixels", "images/mmdc", "images/jule"]
    both = listed("jule", images=("--image-methods", "dec"))
    assert list(both) == [*(f"jule/{method}" for method in METHODS), "images/dec"]
    assert both["images/dec"] == {"partitions": file_digest(Path("data/partitions/d/images/dec.parquet"))}


def test_transfers_to_the_dataset_are_listed_and_those_to_others_are_not(project: Path) -> None:
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    for method in ("jule", "transfer-s", "transfer-left-over"):
        write("images", method, fingerprint)
    text = "transfers: [{source: s, dataset: d}, {source: d, dataset: s}]\n"
    Path("params.yaml").write_text(text, encoding="utf-8")
    options = ("--image-methods", "jule")
    assert list(listed(images=options)) == ["images/jule", "images/transfer-s"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "other.yaml does not exist; run this in the project's folder, or name the file by --params"),
        ("transfers:\n", "transfers is empty; write [] for none"),
        ("transfers: s\n", "transfers is 's'; write a list, each {source: NAME, dataset: NAME}"),
        ("transfers: {source: s, dataset: d}\n", "transfers is {'source': 's', 'dataset': 'd'}; write a list"),
        ("transfers: [{source: null, dataset: d}]\n", "transfers holds {'source': None, 'dataset': 'd'}; write"),
        ("transfers: [{source: s}]\n", "transfers holds {'source': 's'}; write {source: NAME, dataset: NAME}"),
        (
            "transfers: [{source: s, dataset: d}, {source: s, dataset: d}]\n",
            "transfers names s to d twice; name every transfer once",
        ),
        ("transfers: [{source: s, dataset: d}]\n", "data/partitions/d/images/transfer-s.parquet does not exist"),
    ],
)
def test_mistakes_in_transfers(project: Path, text: str | None, message: str) -> None:
    if text is not None:
        Path("other.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ManyviewsError) as caught:
        listed(images=("--params", "other.yaml"))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--image-methods", "dec") * 2, "image_methods names dec twice; name every image method once"),
        (
            ("--image-baselines", "pixels") * 2,
            "image_baselines names pixels twice; name every image baseline once",
        ),
        (("--image-methods", "dec"), "data/partitions/d/images/dec.parquet does not exist; run `dvc repro`"),
    ],
)
def test_mistakes_in_methods_on_images(project: Path, options: tuple[str, ...], message: str) -> None:
    with pytest.raises(ManyviewsError) as caught:
        listed(images=options)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("option", "name", "choices"),
    [
        ("--image-methods", "jul", "is not one of 'dec', 'jule', 'mmdc'"),
        ("--image-methods", "pixels", "is not one of 'dec', 'jule', 'mmdc'"),
        ("--image-baselines", "dec", "is not one of 'pixels'"),
        ("--objectives", "images", "is not one of 'jule', 'idec', 'dec'"),
        ("--objectives", "ided", "is not one of 'jule', 'idec', 'dec'"),
    ],
)
def test_names_that_are_not_choices_are_refused_with_the_choices(option: str, name: str, choices: str) -> None:
    result = CliRunner().invoke(app, ["--dataset", "d", option, name])
    assert result.exit_code == 2 and f"'{name}' {choices}.\n" in result.stderr


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        (["jule", "jule"], "objectives names jule twice; name every objective once"),
        (["dec"], "data/partitions/d/dec/views.parquet does not exist; run `dvc repro`"),
    ],
)
def test_mistakes_are_answered_in_one_line(project: Path, objectives: list[str], message: str) -> None:
    with pytest.raises(ManyviewsError) as caught:
        listed(*objectives)
    assert str(caught.value).startswith(message)


def test_clusters_of_other_images_are_refused(project: Path) -> None:
    write("jule", "mvec", "other")
    with pytest.raises(ManyviewsError, match=r"jule/mvec\.parquet was made from other images"):
        listed("jule")
