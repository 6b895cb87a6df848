"""No stage waits for what never comes: a pipe in the place of any file that it reads is refused at once."""

import os
from pathlib import Path
from typing import Any

import pytest

from stages import download, ensemble, graph, vote, weights
from stages.backbones.card import read_card
from stages.core.errors import NotAFileError
from tests.shell import Shell

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes by name")
DATASET = ("--dataset", "d")


@pytest.mark.parametrize(
    ("file", "stage", "arguments"),
    [
        ("params.yaml", ensemble, DATASET),
        ("data/images/d.parquet", ensemble, (*DATASET, "--n-clusters", 2)),
        ("data/images/d.parquet", graph, DATASET),
        ("data/images/d.parquet", vote, (*DATASET, "--objective", "jule", "--n-clusters", 2)),
        ("data/raw/d/source.yaml", download, DATASET),
        ("data/raw/d/labels.csv", download, DATASET),
        ("data/weights/mobilenet_v2-b0353104.pth", weights, ("--backbone", "mobilenet_v2")),
    ],
)
def test_a_pipe_is_refused(workdir: Path, shell: Shell, file: str, stage: Any, arguments: tuple[Any, ...]) -> None:
    (workdir / file).parent.mkdir(parents=True, exist_ok=True)
    (workdir / file).with_name("a.png").touch()
    os.mkfifo(workdir / file)
    outcome = shell(stage.app, *arguments)
    assert outcome.status == 1
    assert outcome.err.startswith(f"error: {file} is a pipe, not a file; remove it or name a file")
    assert len(outcome.err.splitlines()) == 1


@pytest.mark.parametrize("reader", ["local", "arrays"])
def test_a_device_as_the_place_of_the_images_is_refused(workdir: Path, shell: Shell, reader: str) -> None:
    folder = workdir / "data/raw/d"
    folder.mkdir(parents=True)
    (folder / "source.yaml").write_text(f"reader: {reader}\npath: /dev/zero\n")
    outcome = shell(download.app, *DATASET)
    assert "/dev/zero is a device, not a file; remove it or name a file" in outcome.err


def test_a_link_to_a_pipe_is_no_image(workdir: Path, shell: Shell) -> None:
    folder = workdir / "data/raw/d"
    folder.mkdir(parents=True)
    os.mkfifo(workdir / "pipe")
    (folder / "a.png").symlink_to(workdir / "pipe")
    assert shell(download.app, *DATASET).status == 1


def test_a_card_that_is_a_pipe_is_refused(workdir: Path) -> None:
    os.mkfifo(workdir / "b.json")
    with pytest.raises(NotAFileError):
        read_card(workdir / "b.json", [])
