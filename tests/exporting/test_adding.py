"""New images in an earlier export: nothing is written over, and the index has them all or none."""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stages.core.errors import DatasetError, ParameterError
from stages.exporting.adding import NewImage, add_images, check_clusters, read_index
from tests.exporting.project import CLUSTERS, PATHS, Call, files, rows

OUT, INDEX = Path("out"), Path("out/clusters.csv")


def new(path: str, cluster: int, content: bytes = b"new") -> NewImage:
    return NewImage(path, cluster, lambda: content, 7, 5)


def add(*images: NewImage, clusters: int = CLUSTERS) -> Counter[str]:
    return add_images(OUT, images, clusters, lambda number: None)


def contents() -> dict[str, bytes]:
    return {path: (OUT / path).read_bytes() for path in files(OUT)}


@pytest.fixture
def exported(export: Call) -> dict[str, bytes]:
    """What an export into `out` holds."""
    assert export()[0] == 0
    return contents()


def test_images_come_beside_those_of_their_cluster_and_into_the_index(exported: dict[str, bytes]) -> None:
    before = rows(INDEX)
    assert add(new("x/a.jpg", 1), new("y/a.jpg", 1, b"other"), new("b.jpg", -1)) == {
        "cluster-01": 2,
        "no-group": 1,
    }
    added = {"cluster-01/a.jpg": b"new", "cluster-01/a (2).jpg": b"other", "no-group/b.jpg": b"new"}
    after = contents()
    assert {path: after.pop(path) for path in added} == added
    assert {**after, "clusters.csv": b""} == {**exported, "clusters.csv": b""}
    lines = rows(INDEX)
    assert lines[: len(before)] == before
    found = [list(line.values()) for line in lines[len(before) :]]
    assert found == [
        ["x/a.jpg", "1", "", "7", "5", "cluster-01/a.jpg"],
        ["y/a.jpg", "1", "", "7", "5", "cluster-01/a (2).jpg"],
        ["b.jpg", "-1", "", "7", "5", "no-group/b.jpg"],
    ]


def test_what_was_added_is_not_added_again_and_what_a_kill_left_is_listed(exported: dict[str, bytes]) -> None:
    images = new("a.jpg", 1), new("b.jpg", 7)
    index = INDEX.read_bytes()
    add(*images, clusters=8)
    after = contents()
    assert "cluster-07/b.jpg" in after, "a cluster that had no image"
    assert add(*images, clusters=8).total() == 0
    assert contents() == after
    INDEX.write_bytes(index)
    assert add(*images, clusters=8).total() == 2
    assert contents() == after


def test_renamed_and_unsure_folders(export: Call) -> None:
    """The index says where a cluster is, not its number; one image apart from the others does not."""
    assert export()[0] == 0
    text = INDEX.read_text(encoding="utf-8").replace("cluster-01/", "01-daisy/")
    INDEX.write_text(text.replace("01-daisy/", "unsure/", 1), encoding="utf-8")
    assert add(new("a.jpg", 1)) == {"01-daisy": 1}


@pytest.mark.parametrize("path", ["../../up.jpg", "/root.jpg", "x/" + "n" * 300 + ".jpg"])
def test_no_name_leads_out_of_the_folder_or_is_too_long(exported: dict[str, bytes], path: str) -> None:
    add(new(path, 0))
    (place,) = files(OUT) - set(exported)
    assert place.startswith("cluster-00/") and len(place) <= 11 + 255


def test_after_an_error_all_is_as_before(exported: dict[str, bytes]) -> None:
    def gone() -> bytes:
        raise DatasetError("the file is gone")

    with pytest.raises(DatasetError):
        add(new("a.jpg", 1), new("b.jpg", -1), NewImage("c.jpg", 0, gone, 1, 1))
    assert contents() == exported
    assert not (OUT / "no-group").exists()


def test_a_link_is_never_followed(exported: dict[str, bytes]) -> None:
    Path("elsewhere").write_bytes(b"kept")
    (OUT / "cluster-01/a.jpg").symlink_to(Path("elsewhere").absolute())
    add(new("a.jpg", 1))
    assert Path("elsewhere").read_bytes() == b"kept"
    assert (OUT / "cluster-01/a (2).jpg").read_bytes() == b"new"


def test_force_and_undo_leave_what_was_added(exported: dict[str, bytes], export: Call) -> None:
    add(new("a.jpg", 1))
    assert "not as an export wrote it" in export("--force")[2]
    shutil.rmtree(OUT)
    assert export("--move")[0] == 0
    add(new("a.jpg", 1))
    assert export("--undo")[0] == 0
    assert files(OUT) == {"cluster-01/a.jpg", "clusters.csv"}


def drop_index() -> None:
    INDEX.unlink()


def unfinish() -> None:
    os.truncate(OUT / ".manyviews-export.json", 0)


@pytest.mark.parametrize("harm", [drop_index, unfinish, lambda: shutil.rmtree(OUT)])
def test_a_folder_that_is_no_whole_export_of_folders_is_refused(
    exported: dict[str, bytes], harm: Callable[[], None]
) -> None:
    harm()
    with pytest.raises(ParameterError, match=r"^out holds no export of folders with clusters\.csv; make one by `"):
        add(new("a.jpg", 1))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("path,cluster\na,0\n", "the column 'file' is missing"),
        ("path,cluster,file\na,x,c/a\n", "invalid literal for int() with base 10: 'x'"),
        ("path,cluster,file\na,0,../a\n", "a file is '../a'"),
        ("path,cluster,file\n", "it lists no image"),
    ],
)
def test_a_damaged_index_is_refused(exported: dict[str, bytes], text: str, reason: str) -> None:
    INDEX.write_text(text, encoding="utf-8")
    with pytest.raises(ParameterError) as error:
        add(new("a.jpg", 0))
    assert str(error.value) == (
        f"out/clusters.csv is not as an export wrote it ({reason}); export again, to a new folder"
    )


def test_an_export_of_other_clusters_is_refused(exported: dict[str, bytes]) -> None:
    labels = np.arange(len(PATHS)) % CLUSTERS
    check_clusters(OUT, PATHS, labels, "jule/dmvc")
    add(new(PATHS[0], 2))
    check_clusters(OUT, PATHS, labels, "jule/dmvc")
    assert len(read_index(OUT).rows) == len(PATHS) + 1
    way_out = "; make an export of these by `manyviews export --method jule/dmvc --to` and a new folder"
    for paths, other, such in [(PATHS, labels[::-1], f", such as that of {PATHS[0]!r}"), (["z"], labels[:1], "")]:
        with pytest.raises(ParameterError) as error:
            check_clusters(OUT, paths, other, "jule/dmvc")
        assert str(error.value) == f"out has other clusters than those of jule/dmvc{such}{way_out}"
