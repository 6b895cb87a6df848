"""The stage `graph`: the links of all views in one table, and what it needs."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from typer.testing import CliRunner, Result

from stages.clustering import normalise
from stages.core.seeds import derived_seed
from stages.graph import app
from stages.graphs import measure_structure, modularity, view_links
from stages.tables import Image, read_images, write_images, write_vectors
from stages.tables.links import read_links
from stages.tables.manifest import write_manifest
from stages.tables.near_duplicates import read_near_duplicates
from tests.shell import error_line

FILE, NEAR = Path("data/graphs/d.parquet"), Path("data/graphs/d.near_duplicates.csv")
WIDTHS = {"a": 6, "b": 9}


def write_project(count: int) -> None:
    """Write images in three groups as two backbones see them, each in two layers of other widths."""
    images = [Image(f"{i}.png", picture(i), None, 8, 8) for i in range(count)]
    write_images(Path("data/images/d.parquet"), images, [])
    random = np.random.default_rng(0)
    for name, width in WIDTHS.items():
        for layer, wide in (("L2", width + 1), ("L3", width)):
            values = 20 * np.eye(3, wide)[np.arange(count) % 3] + random.normal(size=(count, wide))
            write_features(name, values.astype(np.float32), layer)
    write_manifest(Path("data/views/d/features.json"), {name: {"L3": "0"} for name in WIDTHS})


def picture(number: int, side: int = 8) -> bytes:
    """A grey picture of noise, the same at every size."""
    pixels = np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).resize((side, side), PIL.Image.Resampling.BILINEAR).save(buffer, "PNG")
    return buffer.getvalue()


def write_features(name: str, values: np.ndarray, layer: str = "L3", fingerprint: str | None = None) -> None:
    images = read_images(Path("data/images/d.parquet"))
    file = Path(f"data/features/d/{name}/{layer}.parquet")
    write_vectors(file, "features", [values], fingerprint or images.fingerprint, {})


def features(name: str, layer: str = "L3") -> np.ndarray:
    from stages.tables import read_vectors

    return read_vectors(Path(f"data/features/d/{name}/{layer}.parquet"), "features").values


@pytest.fixture
def project(workdir: Path) -> Path:
    """A project with the features of sixty images."""
    write_project(60)
    return workdir


def graph(*options: str) -> Result:
    return CliRunner().invoke(app, ["--dataset", "d", *options])


def test_the_table_has_the_links_of_every_view(project: Path) -> None:
    result = graph("--seed", "3")
    assert result.exit_code == 0, (result.output, result.exception)
    first, second = result.stdout.splitlines()
    assert first == "d: no near-duplicates"
    assert second.startswith("d: 1,200 links of 60 images in 2 views, ")
    table = read_links(FILE)
    assert table.fingerprint == read_images(Path("data/images/d.parquet")).fingerprint
    views = [normalise(features(name), "sqrt") for name in WIDTHS]
    np.testing.assert_array_equal(table.links, view_links(views))
    assert table.structure == measure_structure(views, derived_seed(3, "graph"))
    # The groups are found in it, though no clustering took part.
    assert modularity(table.links, np.arange(60) % 3) == pytest.approx(2 / 3, abs=0.02)
    assert json.loads(Path("logs/graph-d.json").read_text())["links"] == 1200


def test_near_duplicates_are_listed_and_the_one_with_the_most_pixels_is_the_best(project: Path) -> None:
    images = [Image(f"{i}.png", picture(i), None, 8, 8) for i in range(58)]
    images += [Image("copy.png", picture(0), None, 8, 8), Image("large.png", picture(0, 16), None, 16, 16)]
    write_images(Path("data/images/d.parquet"), images, [])
    for name in WIDTHS:
        values = features(name)
        values[58] = values[0]
        values[59] = values[0] + 1e-4
        write_features(name, values)
    assert graph().stdout.startswith("d: 3 images in 1 group of near-duplicates\n")
    assert NEAR.read_text() == "group,path,best\n0,large.png,yes\n0,0.png,\n0,copy.png,\n"
    near = read_near_duplicates(NEAR, read_images(Path("data/images/d.parquet")))
    assert np.flatnonzero(near.spare).tolist() == [0, 58]
    assert graph("--near-duplicates", "0").stdout.startswith("d: 2 images in 1 group of near-duplicates\n")


def test_every_layer_of_every_backbone_that_is_listed_is_a_view(project: Path) -> None:
    assert "in 4 views" in graph("--layers", "L2", "--layers", "L3").stdout
    assert len(read_links(FILE).links) == 2400
    write_manifest(Path("data/views/d/features.json"), {"b": {"L3": "0"}})
    assert "in 1 views" in graph().stdout
    np.testing.assert_array_equal(read_links(FILE).links, view_links([normalise(features("b"), "sqrt")]))


def test_the_same_features_give_the_same_bytes_and_the_seed_draws_the_cloud_alone(project: Path) -> None:
    graph()
    before, table = FILE.read_bytes(), read_links(FILE)
    graph()
    assert FILE.read_bytes() == before
    graph("--seed", "1")
    other = read_links(FILE)
    np.testing.assert_array_equal(other.links, table.links)
    assert other.structure != table.structure


def test_labels_play_no_part(project: Path) -> None:
    graph()
    before = FILE.read_bytes()
    images = [Image(f"{i}.png", picture(i), i % 2, 8, 8) for i in range(60)]
    write_images(Path("data/images/d.parquet"), images, ["x", "y"])
    graph()
    assert FILE.read_bytes() == before


@pytest.mark.parametrize(("count", "links"), [(1, 0), (2, 4), (3, 12)])
def test_few_images(workdir: Path, count: int, links: int) -> None:
    write_project(count)
    assert graph().exit_code == 0
    assert NEAR.read_text() == "group,path,best\n"
    table = read_links(FILE)
    assert table.links.shape == (links, 2)
    assert np.isfinite(table.structure).all()


def test_images_that_are_all_alike_have_no_link(project: Path) -> None:
    for name, width in WIDTHS.items():
        write_features(name, np.ones((60, width), dtype=np.float32))
    assert graph().exit_code == 0
    assert read_links(FILE).links.shape == (0, 2)
    assert read_links(FILE).structure == (1, 1)


def test_features_that_are_all_zero_are_no_mistake(project: Path) -> None:
    values = features("a")
    values[:3] = 0
    write_features("a", values)
    assert graph().exit_code == 0
    assert len(read_links(FILE).links) == 1200


def test_features_of_other_images_and_missing_ones_are_told(project: Path) -> None:
    write_features("b", features("b"), fingerprint="other")
    assert error_line(graph()).startswith("data/features/d/b/L3.parquet was made from other images")
    Path("data/features/d/b/L3.parquet").unlink()
    assert error_line(graph()).startswith("data/features/d/b/L3.parquet does not exist; run `dvc repro`")
    Path("data/views/d/features.json").unlink()
    assert error_line(graph()).startswith("data/views/d/features.json does not exist; run `dvc repro`")
    assert not FILE.exists()


def test_it_starts_without_torch() -> None:
    program = "import sys, stages.graph; assert not {'torch', 'sklearn', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
