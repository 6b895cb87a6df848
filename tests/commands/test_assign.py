"""The command `assign`: new images into the clusters of a trained method, as a user runs it."""

import csv
import io
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from stages import tables
from stages.backbones.card import Backbone
from stages.commands.assign import app
from stages.commands.export import app as export
from stages.core.atomic import write_text
from stages.core.csvtext import csv_text
from stages.core.seal import sealed_json
from stages.deep.models import read_model, write_model
from stages.deep.networks import MVnet, initialise
from stages.extract import app as extract
from stages.tables.corrections import Corrections
from stages.tables.textfiles import write_json
from tests.datasets.images import encode
from tests.extraction import prepare
from tests.shell import Shell, exit_status

N_IMAGES = 21
FINGERPRINT = "of the images"
RESULT = Path("data/results/d/result.json")

SETTINGS: dict[str, Any] = {"backbones": ["other", "tiny"], "layer": "L3", "seed": 0}

Rows = list[dict[str, str]]
Call = Callable[..., tuple[int, str, str]]


def answer(method: str) -> str:
    """The text of RESULT that names a method."""
    return sealed_json({"method": method, "chosen": "named", "modularity": {method: 0.5}})


def photos() -> list[bytes]:
    """Noise of several sizes, so that every way to resize gives other pixels."""
    random = np.random.default_rng(3)
    sizes = [(40 + number % 7, 33 + number % 5) for number in range(N_IMAGES)]
    return [encode(Image.fromarray(random.integers(0, 256, (*size, 3), dtype=np.uint8))) for size in sizes]


def features(backbone: str) -> Path:
    return Path(f"data/features/d/{backbone}/L3.parquet")


def embedded(method: str = "jule/dmvc") -> Path:
    return Path(f"data/embeddings/d/{method}.parquet")


def train(*options: str) -> None:
    """Extract the features of both backbones with these options; write a model that tells images apart."""
    for backbone in ("tiny", "other"):
        assert exit_status(extract, "--dataset", "d", "--backbone", backbone, *options) == 0
    views = [tables.read_vectors(features(name), "features").values for name in SETTINGS["backbones"]]
    encoder = MVnet([view.shape[1] for view in views], 6)
    initialise(encoder, torch.Generator().manual_seed(0))
    trained = SimpleNamespace(encoder_=encoder, scaling="sqrt", cluster_centers_=np.zeros((1, 6), np.float32))
    for method in ("jule/dmvc", "jule/views/tiny"):
        write_model(Path(f"data/models/d/{method}.safetensors"), trained, SETTINGS)
    embedding = read_model(Path("data/models/d/jule/dmvc.safetensors")).transform(views)
    trained.cluster_centers_ = embedding[[4, 9, 13, 20]] + np.float32(0.01)
    write_model(Path("data/models/d/jule/dmvc.safetensors"), trained, SETTINGS)
    for method in ("jule/dmvc", "jule/views/tiny"):
        tables.write_vectors(embedded(method), "embedding", [embedding], FINGERPRINT, {})
    write_text(RESULT, answer("jule/dmvc"))


def expected() -> Rows:
    """What the model says of the features in the tables, by the training images' paths."""
    views = [tables.read_vectors(features(name), "features").values for name in SETTINGS["backbones"]]
    labels, confidence = read_model(Path("data/models/d/jule/dmvc.safetensors")).predict(views)
    paths = tables.read_images(Path("data/images/d.parquet")).paths
    return [
        {"path": path, "cluster": str(label), "confidence": f"{value:.6f}", "fits": "yes"}
        for path, label, value in zip(paths, labels, confidence, strict=True)
    ]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two backbones, features and a model, and its images once more in the folder `new`."""
    folder = tmp_path_factory.mktemp("trained")
    prepare(folder, 1)
    images = [(f"{n % 3}/{n:02}.png", data) for n, data in enumerate(photos())]
    rows = sorted(images)
    for path, data in rows:
        (folder / "new" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "new" / path).write_bytes(data)
    table = [tables.Image(path, data, None, 40, 33) for path, data in rows]
    tables.write_images(folder / "data/images/d.parquet", table, [])
    card = Backbone.from_json((folder / "data/backbones/tiny.json").read_text(encoding="utf-8"))
    other = replace(card, name="other", preprocessing=replace(card.preprocessing, resize=38, mean=(0.9, 0.2, 0.1)))
    write_text(folder / "data/backbones/other.json", other.to_json())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MANYVIEWS_CACHE", str(folder / "cache"))
        patch.setenv("MANYVIEWS_DEVICE", "cpu")
        train()
    return folder


@pytest.fixture
def project(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `trained`, made the current folder."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MANYVIEWS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MANYVIEWS_DEVICE", "cpu")
    return tmp_path


@pytest.fixture
def assign(shell: Shell) -> Call:
    """Run the command; return its exit status, stdout and stderr."""
    return lambda *options, folder="new": shell(app, folder, "--dataset", "d", *options)


def read(text: str) -> Rows:
    return list(csv.DictReader(io.StringIO(text)))


def same(rows: Rows, others: Rows) -> bool:
    """Equal, with confidences but for rounding."""
    kept = [[(row["path"], row["cluster"]) for row in table] for table in (rows, others)]
    sure = [np.array([float(row["confidence"]) for row in table]) for table in (rows, others)]
    return kept[0] == kept[1] and bool(np.allclose(sure[0], sure[1], atol=1e-4))


@pytest.mark.parametrize("options", [(), ("--preprocessing", "published"), ("--precision", "bf16")])
def test_the_images_trained_on_come_into_the_clusters_of_the_training(
    project: Path, assign: Call, options: tuple[str, ...]
) -> None:
    if options:
        train(*options)
    status, output, errors = assign()
    assert status == 0
    assert output.splitlines()[0] == "path,cluster,confidence,fits,name"
    assert same(read(output), expected())
    assert len({row["cluster"] for row in read(output)}) == 4
    assert errors == "21 images in 4 of 4 clusters of jule/dmvc, 0 fit none, 0 skipped\n"


def test_clusters_of_the_result_have_their_names(project: Path, assign: Call) -> None:
    names = {"0": {"name": "rose, red", "words": [], "label": "rose, red", "share": 1.0}}
    content = {"method": "jule/dmvc", "chosen": "auto", "modularity": {"jule/dmvc": 0.5}, "names": names}
    write_text(RESULT, sealed_json(content))
    for options in ((), ("--method", "jule/dmvc")):
        rows = read(assign(*options)[1])
        assert {row["cluster"]: row["name"] for row in rows} == {"0": "rose, red", "1": "", "2": "", "3": ""}
    assert {row["name"] for row in read(assign("--method", "jule/views/tiny")[1])} == {""}


def test_the_ways_to_make_features_differ(project: Path, assign: Call) -> None:
    """Else the test above could not fail."""
    right = expected()
    assert not same(read(assign("--preprocessing", "published")[1]), right)
    settings = {**SETTINGS, "backbones": ["tiny", "other"]}
    file = Path("data/models/d/jule/dmvc.safetensors")
    model = read_model(file)
    swapped = SimpleNamespace(encoder_=model.network, scaling="sqrt", cluster_centers_=model.centres.numpy())
    write_model(file, swapped, settings)
    assert not same(read(assign()[1]), right)


def test_neither_images_nor_features_of_the_dataset_are_needed(project: Path, assign: Call) -> None:
    train("--preprocessing", "published")
    right = expected()
    made = {
        name: {key: tables.read_vectors(features(name), "features").metadata[key] for key in keys}
        for name in SETTINGS["backbones"]
        for keys in [("weights", "preprocessing", "precision")]
    }
    shutil.rmtree("data/images")
    shutil.rmtree("data/features")
    status, output, errors = assign()
    assert status == 0
    assert not same(read(output), right)
    assert errors.splitlines()[0] == (
        "data/features/d/other/L3.parquet does not exist: preprocessing preset and precision fp32 are taken, "
        "unless you name others"
    )
    assert same(read(assign("--preprocessing", "published")[1]), right)
    # A model that says itself how its features were made needs no help.
    file = Path("data/models/d/jule/dmvc.safetensors")
    model = read_model(file)
    again = SimpleNamespace(encoder_=model.network, scaling="sqrt", cluster_centers_=model.centres.numpy())
    write_model(file, again, {**SETTINGS, "extraction": made})
    _, output, errors = assign()
    assert same(read(output), right)
    assert errors.count("\n") == 1


def test_unreadable_files_are_skipped_and_reported(project: Path, assign: Call) -> None:
    right = assign()[1]
    Path("new/1/empty.jpg").write_bytes(b"")
    Path("new/broken.png").write_bytes(b"no image")
    Path("new/notes.txt").write_text("no image either")
    status, output, errors = assign()
    assert (status, output) == (0, right)
    assert errors == (
        "skipped '1/empty.jpg': the file is empty\n"
        "skipped 'broken.png': not an image of a known format\n"
        "21 images in 4 of 4 clusters of jule/dmvc, 0 fit none, 2 skipped\n"
    )


def test_a_file_instead_of_standard_output(project: Path, assign: Call) -> None:
    right = assign()[1]
    status, output, _ = assign("--out", "made/found.csv")
    assert (status, output) == (0, "")
    assert Path("made/found.csv").read_text(encoding="utf-8") == right


def test_an_image_that_none_of_its_cluster_is_near_fits_none(project: Path, assign: Call) -> None:
    """The network knows its images twice, but for one: it is farther from the others than copies are."""
    embedding = tables.read_vectors(embedded(), "embedding").values
    known = np.repeat(np.delete(embedding, 5, axis=0), 2, axis=0)
    tables.write_vectors(embedded(), "embedding", [known], FINGERPRINT, {})
    right = expected()
    right[5]["fits"] = "no"
    _, output, errors = assign()
    assert [row["fits"] for row in read(output)] == [row["fits"] for row in right]
    assert errors.endswith("20 images in 4 of 4 clusters of jule/dmvc, 1 fit none, 0 skipped\n")


def test_without_the_embedding_nobody_knows_which_images_fit(project: Path, assign: Call) -> None:
    embedded().unlink()
    status, output, errors = assign()
    assert status == 0
    assert {row["fits"] for row in read(output)} == {""}
    way_out = f"`dvc pull {embedded()}` fetches it"
    assert errors.splitlines()[0] == (
        f"{embedded()} does not exist: which images fit no cluster is not known; {way_out}"
    )


def test_the_embedding_of_another_network_is_refused(project: Path, assign: Call) -> None:
    message = f"error: {embedded()} is not of the method's network; run `dvc repro` to make both again\n"
    tables.write_vectors(embedded(), "embedding", [np.zeros((4, 5), np.float32)], FINGERPRINT, {})
    assert assign() == (1, "", message)
    train()
    file = Path("data/models/d/jule/dmvc.safetensors")
    model = read_model(file)
    again = SimpleNamespace(encoder_=model.network, scaling="sqrt", cluster_centers_=model.centres.numpy())
    write_model(file, again, {**SETTINGS, "images": "of others"})
    refused = f"{file} was trained on other images than data/images/d.parquet holds"
    assert assign() == (1, "", f"error: {refused}; run `dvc repro` to train it again\n")


@pytest.fixture
def exported(project: Path) -> Path:
    """An export of the method's clusters, of all images but the first."""
    images = tables.read_images(Path("data/images/d.parquet"))
    labels = np.array([int(row["cluster"]) for row in expected()])
    table = Path("data/partitions/d/jule/dmvc.parquet")
    tables.write_partitions(table, {"dmvc": labels}, {"dmvc": {}}, images.fingerprint)
    assert exit_status(export, "--dataset", "d", "--method", "jule/dmvc", "--to", "out") == 0
    return Path("out")


def test_new_images_go_into_the_folders_of_an_export(exported: Path, assign: Call) -> None:
    before = (exported / "clusters.csv").read_text(encoding="utf-8")
    shutil.copy("new/0/00.png", "new/0/copy.png")
    cluster = int(expected()[0]["cluster"])
    status, output, _ = assign("--into", "out")
    assert (status, output) == (0, f"cluster-{cluster:02}: 1 new image\n21 images there already\nout\n")
    added = f"0/copy.png,{cluster},33,40,cluster-{cluster:02}/copy.png\n"
    assert (exported / "clusters.csv").read_text(encoding="utf-8") == before + added
    assert (exported / f"cluster-{cluster:02}/copy.png").read_bytes() == Path("new/0/00.png").read_bytes()
    status, output, _ = assign("--into", "out", "--out", "found.csv")
    assert (status, output) == (0, "22 images there already\nout\n")
    assert len(read(Path("found.csv").read_text(encoding="utf-8"))) == 22


def test_images_go_into_the_groups_of_a_corrected_result(exported: Path, assign: Call) -> None:
    """Cluster 1 is part of cluster 0 by hand, and the first image was set aside."""
    labels = [int(row["cluster"]) for row in expected()]
    merged = [0 if label == 1 else label for label in labels]
    names = {"0": {"name": "by hand", "words": [], "label": "", "share": 0.0}}
    done = asdict(Corrections((), {}, {1: 0}, 0, 1, 1))
    method = {"method": "jule/dmvc", "chosen": "named", "modularity": {"jule/dmvc": 0.5}}
    write_json(RESULT, method | {"names": names, "corrections": done})
    corrected = zip(expected(), [-1, *merged[1:]], labels, strict=True)
    rows = [(row["path"], cluster, "1", label) for row, cluster, label in corrected]
    columns = ["path", "cluster", "confidence", "uncorrected"]
    write_text(RESULT.with_name("assignments.csv"), csv_text(columns, rows))
    found = read(assign()[1])
    assert [int(row["cluster"]) for row in found] == merged
    assert {row["name"] for row in found if row["cluster"] == "0"} == {"by hand"}
    as_trained = read(assign("--method", "jule/dmvc")[1])
    assert [int(row["cluster"]) for row in as_trained] == labels
    assert {row["name"] for row in as_trained} == {""}
    refused = assign("--into", "out")[2]
    assert refused.startswith(f"error: {exported.resolve()} has other clusters than those of result, such as")
    assert exit_status(export, "--dataset", "d", "--to", "corrected") == 0
    shutil.copy("new/0/00.png", "new/0/copy.png")
    top = "00-by-hand" if merged[0] == 0 else f"{merged[0]:02}-unnamed"
    status, output, _ = assign("--into", "corrected")
    assert (status, f"{top}: " in output) == (0, True)
    assert Path("corrected", top, "copy.png").is_file()


def test_images_go_into_the_groups_that_kept_other_numbers(exported: Path, assign: Call) -> None:
    """The numbers of the result, or those of the method's own table where it is named."""
    labels = [int(row["cluster"]) for row in expected()]
    numbers = {label: 10 * label + 2 for label in set(labels)}
    kept = [numbers[label] for label in labels]
    named = {str(kept[0]): {"name": "oak", "words": [], "label": "", "share": 0.0}}
    method = {"method": "jule/dmvc", "chosen": "named", "modularity": {"jule/dmvc": 0.5}}
    write_json(RESULT, method | {"names": named, "numbers": {str(own): new for own, new in numbers.items()}})
    rows = [(row["path"], cluster, "1") for row, cluster in zip(expected(), kept, strict=True)]
    write_text(RESULT.with_name("assignments.csv"), csv_text(["path", "cluster", "confidence"], rows))
    for options, right in (((), kept), (("--method", "jule/dmvc"), labels)):
        found = read(assign(*options)[1])
        assert [int(row["cluster"]) for row in found] == right
        assert {row["cluster"] for row in found if row["name"] == "oak"} == {str(right[0])}
    assert assign("--into", "out")[2].startswith(f"error: {exported.resolve()} has other clusters than those of")
    assert exit_status(export, "--dataset", "d", "--to", "kept") == 0
    shutil.copy("new/0/00.png", "new/0/copy.png")
    status, output, _ = assign("--into", "kept")
    assert (status, f"{kept[0]:02}-oak: 1 new image\n" in output) == (0, True)


def test_a_folder_that_no_images_can_go_into_is_one_line_before_anything_is_computed(
    exported: Path, assign: Call
) -> None:
    shutil.rmtree("data/backbones")
    for into in ("new", "new/out", "."):
        line = f"error: --into {into} and the new images in new are in one another; move one of them\n"
        assert assign("--into", into) == (1, "", line)
    missing = assign("--into", "nowhere")[2]
    assert (
        missing.startswith("error: ") and "nowhere holds no export of folders with clusters.csv; make" in missing
    )


def test_batches_and_workers_do_not_matter(project: Path, assign: Call) -> None:
    output = assign("--batch-size", "5", "--workers", "3", "--compiler", "none")[1]
    assert same(read(output), expected())


def test_more_images_than_a_shard_and_one_alone(
    project: Path, assign: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = read(assign()[1])
    monkeypatch.setattr("stages.backbones.shards._MOST_ROWS", 8)
    assert same(read(assign()[1]), right)
    Path("one").mkdir()
    shutil.copy("new/2/05.png", "one/photo.png")
    (row,) = read(assign(folder="one")[1])
    assert same([{**row, "path": "2/05.png"}], [found for found in right if found["path"] == "2/05.png"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--method", "jule/mvec"),
            "method 'jule/mvec' has no network for new images, it is a vote of the single views; "
            "take jule/dmvc, or one view such as jule/views/mobilenet_v2",
        ),
        (("--out", "data"), "--out is data, a folder; name the CSV file to write"),
        (
            ("--method", "jule/dmcv"),
            "data/models/d holds no model of the method 'jule/dmcv'; did you mean jule/dmvc?",
        ),
        (
            ("--method", "x"),
            "data/models/d holds no model of the method 'x'; did you mean jule/dmvc or jule/views/tiny?",
        ),
        (
            ("--dataset", "e"),
            "data/results/e/result.json does not exist; run `dvc repro` to make it or `dvc pull` to fetch it",
        ),
        (
            ("--dataset", "e", "--method", "jule/dmvc"),
            "data/models/e holds no trained model; run `dvc repro` to train one, or name another dataset",
        ),
    ],
)
def test_a_wrong_option_is_one_line(project: Path, assign: Call, options: tuple[str, ...], message: str) -> None:
    assert assign(*options) == (1, "", f"error: {message}\n")


NO_NETWORK = (
    "error: the ensemble has no network for new images; name a method that has one, such as --method jule/dmvc\n"
)


def test_the_result_is_the_method_taken_unless_another_is_named(project: Path, assign: Call) -> None:
    write_text(RESULT, answer("jule/views/tiny"))
    assert assign()[2].endswith("clusters of jule/views/tiny, 0 fit none, 0 skipped\n")
    assert assign("--method", "result")[1] == assign("--method", "jule/views/tiny")[1] == assign()[1]
    assert same(read(assign("--method", "jule/dmvc")[1]), expected())


def test_a_result_without_a_network_gives_a_way_out(project: Path, assign: Call) -> None:
    write_text(RESULT, answer("ensemble"))
    assert assign() == assign("--method", "ensemble") == (1, "", NO_NETWORK)
    assert assign("--method", "jule/dmvc")[0] == 0
    shutil.rmtree("data/models")
    assert assign() == (1, "", NO_NETWORK), "whether any was trained or not"


def test_a_result_that_names_no_method_is_one_line(project: Path, assign: Call) -> None:
    write_json(RESULT, {"methods": "ensemble", "chosen": "named", "modularity": {"ensemble": 0.5}})
    message = f"error: {RESULT} cannot be used ('method' is missing); delete it and run `dvc repro`\n"
    assert assign() == (1, "", message)


@pytest.mark.parametrize(
    ("option", "value", "choices"),
    [
        ("--preprocessing", "squash", "'preset', 'published'"),
        ("--precision", "auto", "'fp32', 'bf16'"),
        ("--device", "tpu", "'auto', 'cpu', 'cuda'"),
        ("--compiler", "gcc", "'auto', 'none', 'inductor', 'openvino'"),
    ],
)
def test_a_choice_that_is_not_offered_is_one_line(
    project: Path, assign: Call, option: str, value: str, choices: str
) -> None:
    status, out, err = assign(option, value)
    assert (status, out) == (2, "")
    assert err.startswith(f"error: Invalid value for '{option}'") and err.count("\n") == 1
    assert f"'{value}' is not one of {choices}" in err


def test_folders_without_images_are_refused(project: Path, assign: Call) -> None:
    Path("empty").mkdir()
    assert assign(folder="none")[2] == "error: none is not a folder; give one that holds the new images\n"
    assert assign(folder="empty")[2] == "error: empty holds no image; give a folder that does\n"
    Path("empty/a.png").write_bytes(b"")
    lines = "skipped 'a.png': the file is empty\nerror: no image of empty can be read; the reasons are above\n"
    assert assign(folder="empty") == (1, "", lines)


def test_other_weights_than_those_trained_on_are_refused(project: Path, assign: Call) -> None:
    file = Path("data/backbones/tiny.json")
    card = Backbone.from_json(file.read_text(encoding="utf-8"))
    write_text(file, card.with_digest("0" * 64).to_json())
    assert assign()[2] == (
        "error: the weights of backbone 'tiny' are not those that the method was trained on; "
        "run `dvc repro` to train it again\n"
    )
    file.unlink()
    assert assign()[2] == "error: data/backbones/tiny.json does not exist; run `dvc repro weights` to make it\n"


def test_damaged_files_are_named(project: Path, assign: Call) -> None:
    table, file = features("tiny"), Path("data/models/d/jule/dmvc.safetensors")
    table.write_bytes(table.read_bytes()[:-9])
    assert assign()[2].startswith(f"error: {table} is not a readable Parquet table (")
    model = read_model(file)
    again = SimpleNamespace(encoder_=model.network, scaling="sqrt", cluster_centers_=model.centres.numpy())
    write_model(file, again, {"seed": 0})
    assert assign()[2] == (
        f"error: {file} does not say which backbones it was trained on; run `dvc repro` to train it again\n"
    )
    file.write_bytes(b"")
    assert assign()[2].startswith(f"error: {file} is not a readable safetensors file (")


def test_help_names_every_option_without_importing_torch() -> None:
    program = "import sys, stages.commands.assign; assert not {'torch', 'sklearn', 'timm'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
    text = subprocess.run(
        [sys.executable, "-m", "stages.commands", "assign", "--help"], check=True, capture_output=True, text=True
    ).stdout
    assert all(option in text for option in ("--dataset", "--method", "--out", "--device"))
