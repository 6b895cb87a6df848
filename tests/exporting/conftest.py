"""A project with clusters, and the command `export` run in it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from stages import tables
from stages.commands.export import app
from stages.core.atomic import write_text
from stages.core.csvtext import csv_text
from stages.download import app as download
from tests.datasets.images import encode
from tests.exporting.project import PATHS, RESULT, Call, assign
from tests.shell import Shell, exit_status


@pytest.fixture
def project(workdir: Path) -> Path:
    """A dataset `d` of pictures in a folder, one unreadable, with the result's clusters and others'."""
    for number, path in enumerate(PATHS):
        file = Path("data/raw/d", path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(Pillow.new("RGB", (4 + number, 5), (number, 0, 0))))
    Path("data/raw/d/one/broken.png").write_bytes(b"no image")
    assert exit_status(download, "--dataset", "d") == 0
    images = tables.read_images(Path("data/images/d.parquet"))
    assert list(images.paths) == PATHS
    folder = Path("data/partitions/d")
    write_text(RESULT, csv_text(["path", "cluster", "confidence"], assign(PATHS)))
    write_text(folder / "cut-2.csv", csv_text(["path", "cluster"], ((p, n % 2) for n, p in enumerate(PATHS))))
    some = np.arange(len(PATHS)) % 2 - 1
    views = {"a": some, "b": some + 1}
    tables.write_partitions(
        folder / "ensemble.parquet", {"ensemble": some + 1}, {"ensemble": {}}, images.fingerprint
    )
    tables.write_partitions(folder / "jule/dmvc.parquet", {"dmvc": some}, {"dmvc": {}}, images.fingerprint)
    tables.write_partitions(folder / "jule/views.parquet", views, {"a": {}, "b": {}}, images.fingerprint)
    run_ = "kmeans/L3/x1/seed0"
    tables.write_partitions(
        folder / "baseline/a.parquet", {run_: some, "other": some}, {run_: {}, "other": {}}, "x"
    )
    return workdir


@pytest.fixture
def export(project: Path, shell: Shell) -> Call:
    """Run the command on dataset `d`; return its exit status, stdout and stderr."""
    return lambda *options, to="out": shell(app, "--dataset", "d", "--to", to, *options)
