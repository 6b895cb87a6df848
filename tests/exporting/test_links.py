"""Links to the original files instead of copies."""

import errno
import os
from pathlib import Path

import pytest
from PIL import Image as Pillow

from stages import tables
from stages.core.atomic import write_text
from stages.core.csvtext import csv_text
from stages.download import app as download
from tests.datasets.images import encode
from tests.exporting.project import PATHS, RESULT, Call, refused, remains, rows
from tests.shell import exit_status


def test_links_lead_to_the_originals(
    project: Path, export: Call, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    export("--link", to="hard")
    for row in rows(Path("hard/clusters.csv")):
        assert Path("hard", row["file"]).samefile(Path("data/raw/d", row["path"]))
        assert not Path("hard", row["file"]).is_symlink()
    monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(OSError(errno.EXDEV, "other disk")))
    export("--link", to="soft")
    soft = [Path("soft", row["file"]) for row in rows(Path("soft/clusters.csv"))]
    assert all(file.is_symlink() and file.exists() for file in soft)
    assert export("--link", "--force", to="soft")[0] == 0, "links are replaced, what they lead to is not"
    assert all(Path("data/raw/d", path).is_file() for path in PATHS)


def test_links_to_a_folder_elsewhere_and_to_nothing(project: Path, export: Call) -> None:
    Path("data/raw/d").rename("elsewhere")
    Path("data/raw/d").mkdir()
    source = Path("data/raw/d/source.yaml")
    source.write_text("reader: local\npath: ../../../elsewhere\n")
    assert export("--link")[0] == 0
    assert {Path("out", row["file"]).stat().st_nlink for row in rows(Path("out/clusters.csv"))} == {2}
    for option in ("--link", "--copy"):
        assert refused(export(option, to="elsewhere/out")).endswith(
            "where the original images are; name a folder outside"
        )
    source.write_text("reader: package\nrequirement: a==1\nsha256: x\nmember: y\nimages: '*'\n")
    assert refused(export("--link", to="none")) == (
        "the images of d are not files in a folder, data/raw/d/source.yaml says where they come from: there is "
        "nothing to link to; leave out --link for copies"
    )


def test_links_to_what_has_changed_or_gone(project: Path, export: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Path("data/raw/d/top.png")
    original.write_bytes(b"changed")
    assert refused(export("--link")) == (
        f"{original} has changed since the image table was made; run `dvc repro`, or leave out --link"
    )
    original.unlink()
    assert refused(export("--link")) == (
        f"{original} does not exist; run `dvc repro`, or leave out --link for copies"
    )
    assert remains(project) == []
    assert export()[0] == 0, "copies come from the table"

    def none(*_: object) -> None:
        raise OSError(errno.EPERM, "not here")

    monkeypatch.setattr("os.link", none)
    monkeypatch.setattr(Path, "symlink_to", none)
    line = refused(export("--link", "--cluster", "0", to="other"))
    assert line == "the file system of the target takes no links (not here); leave out --link for copies"


def test_a_name_whose_bytes_are_no_text_is_linked_to(project: Path, export: Call) -> None:
    raw = project / "data/raw/d" / os.fsdecode(b"\xff.png")
    try:
        raw.write_bytes(encode(Pillow.new("RGB", (9, 9))))
    except OSError:
        pytest.skip("this file system takes only names that are text")
    exit_status(download, "--dataset", "d")
    paths = tables.read_images(Path("data/images/d.parquet")).paths
    text = csv_text(["path", "cluster", "confidence"], [(path, 0, 1) for path in paths])
    write_text(RESULT, text)
    assert export("--link")[0] == 0
    assert Path("out/cluster-00/\\udcff.png").samefile(raw)
