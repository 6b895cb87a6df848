"""`export --as parquet`: points of the page's map and small pictures, read back by pyarrow."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image as Pillow

from stages import tables
from stages.core.atomic import write_text
from stages.core.csvtext import csv_text
from stages.exporting.points import Map, spread
from stages.tables.manifest import write_manifest
from stages.tables.textfiles import write_json
from tests.exporting.project import METHOD, PATHS, Call, assign, refused, remains

MAP = Path("metrics/maps/d.csv")
POINTS = {path: (round(np.cos(row), 4), round(np.sin(row), 4)) for row, path in enumerate(PATHS)}
OFF = (PATHS[3], PATHS[8])  # not on the map; their vectors are those of the images before them


@pytest.fixture
def mapped(project: Path) -> Path:
    """The project with a view `a`, and a page that maps all images but two; another view's map stays unused."""
    images = tables.read_images(Path("data/images/d.parquet"))
    angles = np.arange(len(PATHS)) * 0.05
    for path in OFF:
        angles[PATHS.index(path)] = angles[PATHS.index(path) - 1]
    vectors = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    tables.write_vectors(Path("data/features/d/a/L3.parquet"), "features", [vectors], images.fingerprint, {})
    write_manifest(Path("data/views/d/features.json"), {"a": {}, "b": {}})
    write_manifest(Path("data/views/d/methods.json"), {})
    write_text(Path("params.yaml"), "report:\n  layer: L3\n  method: first\n")
    write_map({path: cluster for path, cluster, _ in assign(PATHS)})
    return project


def write_map(clusters: dict[str, int]) -> None:
    lines = [("a", path, clusters[path], *point) for path, point in POINTS.items() if path not in OFF]
    other = [("b", path, clusters[path], 9, 9) for path in PATHS]
    write_text(MAP, csv_text(["map", "path", "cluster", "x", "y"], [*other, *lines]))


def test_every_image_has_its_point_group_confidence_and_a_picture(mapped: Path, export: Call) -> None:
    status, out, err = export("--as", "parquet")
    assert (status, err) == (0, "")
    assert out == f"d: {len(PATHS)} images in 3 clusters of result\nout\n"
    found = pq.read_table("out/clusters.parquet").to_pylist()
    assert [(row["path"], row["group"], f"{row['confidence']:.6f}") for row in found] == assign(PATHS)
    for number, row in enumerate(found):
        near = PATHS[number - 1] if row["path"] in OFF else row["path"]
        assert (row["x"], row["y"]) == pytest.approx(POINTS[near], abs=0 if near == row["path"] else 1e-6)
        picture = Pillow.open(io.BytesIO(row["image"]["bytes"]))
        assert (picture.format, picture.size) == ("JPEG", (4 + number, 5))
        assert Path(row["file"]) == mapped / "data/raw/d" / row["path"]
    assert remains(mapped) == ["metrics", "out", "params.yaml"]


def test_only_chosen_images_and_no_confidence_of_other_methods(mapped: Path, export: Call) -> None:
    export("--as", "parquet", "--method", "cut-2", "--cluster", "1")
    found = pq.read_table("out/clusters.parquet").to_pylist()
    assert [row["path"] for row in found] == PATHS[1::2]
    assert set(found[0]) == {"image", "path", "file", "x", "y", "group", "name", "label"}
    assert {row["group"] for row in found} == {1}


def test_names_and_labels_are_there_where_known(mapped: Path, export: Call) -> None:
    """The labels of the images are the names of their folders."""
    name = {"name": "wild rose", "words": [], "label": "", "share": 0.0}
    write_json(Path("data/results/d/result.json"), METHOD | {"names": {"1": name}})
    export("--as", "parquet")
    table = pq.read_table("out/clusters.parquet")
    assert table["name"].to_pylist() == ["wild rose" if n % 3 == 1 else "" for n in range(len(PATHS))]
    called = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]["label"]["names"]
    known = [None if label is None else called[label] for label in table["label"].to_pylist()]
    assert known == [path.split("/")[0] if "/" in path else None for path in PATHS]


def test_a_page_of_other_groups_or_none_is_refused(mapped: Path, export: Call) -> None:
    write_map(dict.fromkeys(PATHS, 0))
    other = refused(export("--as", "parquet"))
    assert other == f"{MAP} maps other images or clusters than these; run `dvc repro` to make it again"
    MAP.unlink()
    none = refused(export("--as", "parquet"))
    assert none == f"{MAP} does not exist; run `dvc repro` to make it or `dvc pull` to fetch it"
    assert (
        refused(export("--as", "parquet", "--preview"))
        == "--as parquet writes no image files; leave out --preview"
    )
    assert not Path("out").exists()


def test_an_image_off_the_map_is_placed_between_the_most_similar_ones() -> None:
    """By hand: two on the map at right angles; the third has the cosines .8 and .6, the distances .2 and .4."""
    vectors = np.array([[1, 0], [0, 2], [4, 3]], dtype=np.float32)
    found = spread(Map(np.array([0, 1]), np.array([[0.0, 0.0], [3.0, 6.0]])), vectors)
    assert found == pytest.approx(np.array([[0, 0], [3, 6], [1, 2]]), abs=1e-5)
