"""The stage `methods`: which trained methods are listed."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from stages.comparison import METHODS
from stages.digest import file_digest
from stages.errors import ManyviewsError
from stages.methods import app
from stages.tables import Image, read_images, write_images, write_partitions


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of two images with the clusters of all methods of two objectives."""
    monkeypatch.chdir(tmp_path)
    write_images(Path("data/images/d.parquet"), [Image(f"{i}.png", b"%d" % i, None, 4, 4) for i in range(2)], [])
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    for objective in ("jule", "idec"):
        for method in METHODS:
            write(objective, method, fingerprint)
    return tmp_path


def write(objective: str, method: str, fingerprint: str) -> None:
    file = Path(f"data/partitions/d/{objective}/{method}.parquet")
    write_partitions(file, {method: np.arange(2)}, {method: {}}, fingerprint)


def listed(*objectives: str) -> dict[str, dict[str, str]]:
    options = [option for name in objectives for option in ("--objectives", name)]
    result = CliRunner().invoke(app, ["--dataset", "d", *options])
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


@pytest.mark.parametrize(
    ("objectives", "message"),
    [
        (["jule", "jule"], "objectives names jule twice; name every objective once"),
        (["ided"], "no training objective is called 'ided'; did you mean idec"),
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
