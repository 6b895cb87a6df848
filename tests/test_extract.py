"""The stage `extract`: its tables, its log, and what a user can do wrong."""

import json
import re
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from stages.backbones import compilers
from stages.backbones.card import Tap, read_card
from stages.core.layer_names import CLASSES
from stages.core.lock import locked
from stages.extract import app
from stages.tables import read_vectors
from tests.backbones.tiny import expected_features, tiny_images
from tests.extraction import prepare, prepare_images, table


@pytest.fixture
def extract(shell):
    """Run the stage; return its exit status, stdout and stderr."""
    return partial(shell, app, "--dataset", "d", "--backbone", "tiny")


def test_features_log_and_no_shards(workdir, extract):
    images = prepare(workdir, 30)
    status, output, _ = extract()
    assert status == 0
    assert output.startswith("d through tiny: 30 images, L3 96-d, fp32, ")
    vectors = read_vectors(table(workdir), "features")
    expected = expected_features(images, workdir / "data/weights/tiny.pth")
    np.testing.assert_allclose(vectors.values, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    assert vectors.metadata["precision"] == "fp32"
    assert vectors.metadata["preprocessing"]["mode"] == "center"
    log = json.loads((workdir / "logs/extract-d-tiny.json").read_text())
    assert (log["compiler"], log["batch_size"], log["device"]) == ("none", 8, "cpu")
    assert {"decode", "forward", "write", "wait for features"} <= set(log["seconds_in"])
    assert (log["images"], log["computed"]) == (30, 30)
    left = [place for place in (workdir / "data/scratch").rglob("*") if place.is_file()]
    assert sorted(file.name for file in left) == ["L3.parquet", "index.safetensors", "tiny.lock"]


def test_published_preprocessing_is_another_view(workdir, extract):
    prepare(workdir, 12)
    assert extract()[0] == 0
    preset = read_vectors(table(workdir), "features")
    assert extract("--preprocessing", "published")[0] == 0
    published = read_vectors(table(workdir), "features")
    assert published.metadata["preprocessing"]["mode"] == "squash"
    assert published.metadata["preprocessing"]["interpolation"] == "nearest"
    # Images 0, 5 and 10 are squares of the network's own size, which neither way changes.
    same = [np.array_equal(a, b) for a, b in zip(preset.values, published.values, strict=True)]
    assert same[0] and same[5] and same[10]


def test_layers_are_written_each_to_its_table(workdir, extract):
    prepare(workdir, 5, ("L2", "L3"))
    assert extract("--layers", "L3", "--layers", "L2")[0] == 0
    assert read_vectors(table(workdir, "L2"), "features").values.shape == (5, 96)
    assert read_vectors(table(workdir, "L2"), "features").metadata["layer"] == "L2"


def test_the_scores_of_classes_are_written_beside_the_layers(workdir, extract):
    """Of a network whose head was kept, in float16, with the classes' names; they are no layer to choose."""
    images = prepare(workdir, 5)
    file = workdir / "data/backbones/tiny.json"
    card = read_card(file, [])
    layers = {"L3": Tap("global_pool", "output"), CLASSES: Tap("fc", "output")}
    by_order = replace(card, weights=replace(card.weights, match="order"), layers=layers)
    file.write_text(by_order.to_json())
    assert extract()[1].startswith("d through tiny: 5 images, L3 96-d, classes 1000-d, fp32, ")
    scores = table(workdir, CLASSES)
    assert pq.read_schema(scores).field("features").type.value_type == "halffloat"
    found = read_vectors(scores, "features")
    assert (found.metadata["layer"], len(found.metadata["words"])) == (CLASSES, 1000)
    assert found.metadata["words"][:2] == ["tench", "goldfish"]
    views = read_vectors(table(workdir), "features").values
    expected = expected_features(images, workdir / "data/weights/tiny.pth")
    np.testing.assert_allclose(views, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    head = torch.load(workdir / "data/weights/tiny.pth", weights_only=True)
    by_hand = expected @ head["fc.weight"].numpy().T + head["fc.bias"].numpy()
    np.testing.assert_allclose(found.values, by_hand, atol=2e-3 * np.abs(by_hand).max())


def test_a_layer_that_the_backbone_lacks_is_told_in_one_line(workdir, extract):
    prepare(workdir, 3)
    status, _, errors = extract("--layers", "L1")
    assert status == 1
    assert errors == "error: backbone 'tiny' has no layer 'L1'; it has L3\n"
    assert not table(workdir).exists()


@pytest.mark.parametrize(
    ("option", "value", "choices"),
    [
        ("--preprocessing", "squash", "'preset', 'published'"),
        ("--precision", "fp16", "'auto', 'fp32', 'bf16'"),
        ("--device", "tpu", "'auto', 'cpu', 'cuda'"),
        ("--compiler", "gcc", "'auto', 'none', 'inductor', 'openvino'"),
    ],
)
def test_a_choice_that_is_not_offered_is_refused_in_one_line(workdir, extract, option, value, choices):
    prepare(workdir, 3)
    status, _, errors = extract(option, value)
    assert status == 2
    assert errors.startswith(f"error: Invalid value for '{option}'") and errors.count("\n") == 1
    assert f"'{value}' is not one of {choices}" in errors
    assert not table(workdir).exists()


def test_ray_without_a_cluster_is_told(workdir, extract, monkeypatch):
    pytest.importorskip("ray")
    prepare(workdir, 3)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    _, _, errors = extract("--engine", "ray")
    assert errors.startswith("error: engine 'ray' needs RAY_ADDRESS, the address of a cluster")
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    assert extract("--engine", "ray")[2] == "error: engine 'ray' needs the extra: pip install 'manyviews[ray]'\n"


def test_two_runs_at_once(workdir, extract):
    prepare(workdir, 3)
    with locked(workdir / "data/scratch/extract/d/tiny.lock", "this"):
        status, _, errors = extract()
    assert status == 1
    assert errors == "error: another process is at work on d through tiny; wait until it ends, or stop it\n"
    assert extract()[0] == 0


def test_a_full_disk_is_told_and_the_next_run_goes_on(workdir, extract, monkeypatch):
    prepare(workdir, 2000)
    from stages.backbones.shards import ShardStore

    save = ShardStore.save

    def full(store, shard, features):
        if shard == 1:
            raise OSError(28, "No space left on device", str(store.folder))
        save(store, shard, features)

    monkeypatch.setattr(ShardStore, "save", full)
    status, _, errors = extract("--precision", "fp32")
    assert status == 1
    assert errors.startswith("error: data/scratch/extract/d/tiny/")
    assert errors.endswith(" cannot be written: the disk is full; make room there, and run this again\n")
    monkeypatch.setattr(ShardStore, "save", save)
    status, output, _ = extract("--precision", "fp32")
    assert status == 0
    assert output.startswith("d through tiny: 1 of 2 shards are there from an earlier run\n")


def test_what_runs_the_network_is_said(workdir, extract, monkeypatch):
    prepare(workdir, 3)
    status, output, _ = extract("--precision", "bf16")
    assert status == 0
    assert output.startswith("d through tiny: bf16, compiler none (3 images would not repay a compilation)\n")
    log = json.loads((workdir / "logs/extract-d-tiny.json").read_text())
    assert (log["precision"], log["compiler"]) == ("bf16", "none")
    assert read_vectors(table(workdir), "features").metadata["precision"] == "bf16"
    for compiler in ("inductor", "openvino"):
        monkeypatch.setattr(f"stages.backbones.compilers._missing_{compiler}", lambda told=compiler: f"no {told}")
    assert "compiler none (no inductor and no openvino)\n" in extract("--precision", "bf16")[1]


@pytest.fixture
def compared(workdir, monkeypatch):
    """Thirty images, enough for a comparison, on a machine with bf16 and without OpenVINO; set the bar."""
    monkeypatch.setattr("stages.backbones.precision.has_bf16", lambda device: True)
    monkeypatch.setattr("stages.backbones.precision.WORTHWHILE", 30)
    monkeypatch.setattr("stages.backbones.compilers._missing_openvino", lambda: "no openvino")
    prepare(workdir, 30)
    return lambda least: monkeypatch.setattr("stages.backbones.precision.LEAST_KEPT", least)


@pytest.mark.parametrize(("least", "precision"), [(0.0, "bf16"), (1.1, "fp32")])
def test_auto_takes_bf16_only_where_it_keeps_the_neighbours(workdir, extract, compared, least, precision):
    compared(least)
    status, output, _ = extract("--precision", "auto")
    assert status == 0
    line = output.split("\n")[0]
    assert re.fullmatch(
        rf"d through tiny: {precision}, compiler none \(bf16 by none keeps (0\.\d{{3}}|1\.000) of the nearest "
        r"neighbours \(30 images would not repay a compilation\)\)",
        line,
    )
    log = json.loads((workdir / "logs/extract-d-tiny.json").read_text())
    assert (log["precision"], log["compiler_because"]) == (precision, line.partition("none (")[2][:-1])
    automatic = read_vectors(table(workdir), "features")
    assert (automatic.metadata["precision"], automatic.metadata["compiler"]) == (precision, "none")
    assert extract("--precision", precision)[0] == 0
    assert automatic.values.tobytes() == read_vectors(table(workdir), "features").values.tobytes()


def test_auto_is_plain_float32_for_few_images_and_where_nothing_is_faster(workdir, extract, compared, monkeypatch):
    compared(0.0)
    monkeypatch.setattr("stages.backbones.precision.faithful_extractor", pytest.fail)
    prepare_images(workdir, tiny_images(29))
    few = extract()
    assert few[0] == 0 and ", fp32, " in few[1]
    assert read_vectors(table(workdir), "features").metadata["precision"] == "fp32"
    monkeypatch.setattr("stages.backbones.precision.has_bf16", lambda device: False)
    prepare_images(workdir, tiny_images(30))
    assert extract()[0] == 0
    plain = table(workdir).read_bytes()
    assert extract("--precision", "fp32")[0] == 0
    assert table(workdir).read_bytes() == plain


def test_without_bf16_auto_takes_openvino_in_float32(workdir, extract, compared, monkeypatch):
    pytest.importorskip("openvino")
    compared(0.95)
    monkeypatch.setattr("stages.backbones.precision.has_bf16", lambda device: False)
    monkeypatch.setattr("stages.backbones.compilers._missing_openvino", lambda: "")
    monkeypatch.setitem(compilers.WORTHWHILE, "openvino", 30)
    status, output, _ = extract("--precision", "auto")
    assert status == 0
    assert output.startswith("d through tiny: fp32, compiler openvino (fp32 by openvino keeps 1.000 of ")
    by_openvino = read_vectors(table(workdir), "features")
    assert (by_openvino.metadata["precision"], by_openvino.metadata["compiler"]) == ("fp32", "openvino")
    assert extract("--precision", "fp32")[0] == 0
    plain = read_vectors(table(workdir), "features")
    assert plain.metadata["compiler"] == "none"
    np.testing.assert_allclose(by_openvino.values, plain.values, rtol=1e-4, atol=1e-5 * np.abs(plain.values).max())


@pytest.mark.parametrize("batch_size", [10**9, 10**15])
def test_a_batch_beyond_memory_is_one_line_that_names_it(workdir, extract, batch_size):
    prepare(workdir, 3)
    status, _, errors = extract("--batch-size", str(batch_size))
    assert status == 1
    assert errors.startswith(f"error: a batch of {batch_size} images, the batch_size, would take ")
    assert errors.endswith("GiB are free; give a smaller one, or 0 for the machine's own\n")
    assert errors.count("\n") == 1
