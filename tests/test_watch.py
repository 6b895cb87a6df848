"""The stage `watch`: what it writes beside source.yaml, and when it leaves that as it is."""

import json
from pathlib import Path

import pytest

from stages.watch import app
from tests.datasets.images import BLUE, png
from tests.shell import Shell

SEEN = Path("data/raw/d/seen.json")


@pytest.fixture
def photos(workdir: Path) -> Path:
    """A folder of two images, which dataset `d` describes."""
    folder = workdir / "photos"
    folder.mkdir()
    for name in "12":
        (folder / f"{name}.png").write_bytes(png())
    Path("data/raw/d").mkdir(parents=True)
    Path("data/raw/d/source.yaml").write_text("reader: local\npath: ../../../photos\n")
    return folder


def test_it_writes_a_digest_which_a_change_changes(photos: Path, shell: Shell) -> None:
    assert shell(app, "--dataset", "d") == (0, "d: 2 images in data/raw/d/../../../photos\n", "")
    first = SEEN.read_text()
    assert json.loads(first)["images"] == 2
    written = SEEN.stat().st_mtime_ns
    Path("data/scratch/watch/d.json").write_text("{")  # damaged: all is read again
    assert shell(app, "--dataset", "d").status == 0
    assert SEEN.stat().st_mtime_ns == written, "nothing is written when nothing has changed"
    (photos / "1.png").write_bytes(png(BLUE))
    assert shell(app, "--dataset", "d").status == 0
    assert SEEN.read_text() != first


def test_without_the_folder_it_stays_as_it_was(photos: Path, shell: Shell) -> None:
    photos.rename("away")
    status, _, err = shell(app, "--dataset", "d")
    assert (status, SEEN.exists()) == (1, False)
    assert err.startswith(
        "error: data/raw/d/../../../photos, which `path` '../../../photos' means, does not exist"
    )
    Path("away").rename(photos)
    assert shell(app, "--dataset", "d").status == 0
    first = SEEN.read_text()
    photos.rename("away")
    status, _, err = shell(app, "--dataset", "d")
    assert (status, SEEN.read_text()) == (0, first)
    assert err.startswith("warning: ") and err.endswith("; d counts as unchanged\n")


@pytest.mark.parametrize("source", [None, "reader: scikit-learn\nname: digits\n"])
def test_a_dataset_without_a_folder_elsewhere(photos: Path, shell: Shell, source: str | None) -> None:
    file = Path("data/raw/d/source.yaml")
    file.unlink() if source is None else file.write_text(source)
    assert shell(app, "--dataset", "d") == (
        1,
        "",
        "error: data/raw/d/source.yaml names no folder elsewhere; take d out of `watch` in params.yaml\n",
    )
