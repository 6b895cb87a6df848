"""The stage `train_images` on a few drawings: its files, its refusals, and that it goes on after a kill."""

import csv
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from stages.core.digests import file_digest
from stages.core.lock import locked
from stages.decoding.pixels import read_pixels
from stages.tables import read_images, read_partitions, read_vectors
from stages.tables.methods import IMAGES, MethodName
from stages.train_images import app
from tests.drawings import write_drawings
from tests.shell import error_line

FAST = {
    "image_dec": {
        "preset": "none",
        "network": [16, 3],
        "scaling": "global",
        "pretrain_epochs": 4,
        "refine_epochs": 3,
        "batch_size": 8,
        "tolerance": 0.0,
    },
    "image_mmdc": {
        "preset": "none",
        "network": "vgg",
        "epochs": 2,
        "refine_epoch": 1,
        "crops": [8],
        "input_size": 16,
        "batch_size": 10,
    },
    "image_iic": {
        "preset": "none",
        "network": "vgg",
        "epochs": 2,
        "crops": [8],
        "input_size": 16,
        "batch_size": 10,
    },
    "image_dac": {
        "preset": "none",
        "network": "vgg",
        "epochs": 2,
        "crops": [8],
        "input_size": 16,
        "batch_size": 10,
    },
    "image_rotnet": {
        "preset": "none",
        "network": "vgg",
        "epochs": 2,
        "crops": [8],
        "input_size": 16,
        "batch_size": 10,
    },
    "image_deepcluster": {
        "preset": "none",
        "network": "vgg",
        "epochs": 2,
        "crops": [8],
        "input_size": 16,
        "batch_size": 10,
        "overclustering": 2,
    },
    "image_nat": {
        "preset": "none",
        "network": "vgg",
        "epochs": 2,
        "crops": [8],
        "input_size": 16,
        "batch_size": 10,
        "dimensions": 16,
    },
    "image_jule": {"preset": "none", "width": 8, "n_neighbors": 3, "epochs": 1, "batch_size": 10},
}
COLUMNS = {
    "dec": ["autoencoder", "dec"],
    "jule": ["jule-sf", "jule-rc"],
    "mmdc": ["mmdc"],
    "iic": ["iic"],
    "dac": ["dac"],
    "rotnet": ["rotnet"],
    "deepcluster": ["deepcluster"],
    "nat": ["nat"],
}
METHODS = list(COLUMNS)
BY_EPOCHS = ["mmdc", "iic", "dac", "rotnet", "deepcluster", "nat"]
CLUSTERED_LAST = ["rotnet", "deepcluster", "nat"]  # by K-means, after the last epoch


@pytest.fixture
def project(workdir: Path) -> Iterator[Path]:
    """A project with the image set `d`."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    write_drawings(Path("data/images/d.parquet"))
    Path("params.yaml").write_text(yaml.safe_dump(FAST))
    yield workdir
    torch.set_num_threads(threads)


def train(method: str, *options: str) -> Result:
    given = ["--dataset", "d", "--n-clusters", "classes", "--method", method, "--device", "cpu"]
    return CliRunner().invoke(app, [*given, *options])


def refusal(method: str, *options: str) -> str:
    return error_line(train(method, *options))


def outputs() -> dict[str, bytes]:
    files = [file for top in ("data", "metrics") for file in Path(top).rglob("*") if file.is_file()]
    return {str(file): file.read_bytes() for file in files if file.parent.name in ("images", "d")}


@pytest.mark.parametrize("method", METHODS)
def test_a_method_writes_its_files(project: Path, method: str) -> None:
    result = train(method)
    assert result.exit_code == 0, (result.output, result.exception)
    assert result.stdout.startswith(f"d: images/{method} on pixels (1 x 12 x 12): ")
    images = read_images(Path("data/images/d.parquet"))
    embedding = read_vectors(Path(f"data/embeddings/d/images/{method}.parquet"), "embedding")
    table = read_partitions(Path(f"data/partitions/d/images/{method}.parquet"))
    assert embedding.fingerprint == table.fingerprint == images.fingerprint
    assert list(table.labels) == COLUMNS[method]
    for labels, settings in zip(table.labels.values(), table.settings.values(), strict=True):
        found = set(labels.tolist())
        assert found == {0, 1, 2} or (method in BY_EPOCHS and found < {0, 1, 2}), "which take more than two epochs"
        assert settings["image_shape"] == [1, 12, 12]
        assert settings["embedding"] == file_digest(embedding.file)
    curve = list(csv.DictReader(Path(f"metrics/d/training-images-{method}.csv").read_text().splitlines()))
    assert [int(row["record"]) for row in curve] == list(range(1, len(curve) + 1))
    if method in CLUSTERED_LAST:
        assert "nmi_geometric" not in curve[-1]
    else:
        assert 0 <= float(curve[-1]["nmi_geometric"]) <= 1
    assert not list(Path("data/scratch").rglob("*.safetensors"))
    assert Path(f"logs/train-d-images-{method}.json").is_file()


@pytest.mark.parametrize("method", ["jule", *BY_EPOCHS])
def test_the_network_of_a_method_makes_the_embedding_of_the_images(project: Path, method: str) -> None:
    from stages.deep.image_models import read_image_model

    assert train(method).exit_code == 0
    model = read_image_model(Path(f"data/models/d/images/{method}.safetensors"))
    images = read_images(Path("data/images/d.parquet"))
    assert model.settings["images"] == images.fingerprint
    embedding = read_vectors(Path(f"data/embeddings/d/images/{method}.parquet"), "embedding").values
    np.testing.assert_allclose(model.transform(read_pixels(images)), embedding, atol=1e-5)


def test_the_network_of_dec_makes_the_embedding_of_the_pixels(project: Path) -> None:
    from stages.deep.models import read_model

    assert train("dec").exit_code == 0
    model = read_model(Path("data/models/d/images/dec.safetensors"))
    images = read_images(Path("data/images/d.parquet"))
    assert model.settings["images"] == images.fingerprint
    pixels = read_pixels(images).reshape(30, -1).astype(np.float32) / 50
    embedding = read_vectors(Path("data/embeddings/d/images/dec.parquet"), "embedding").values
    np.testing.assert_allclose(model.transform([pixels]), embedding, atol=1e-5)
    found = read_partitions(Path("data/partitions/d/images/dec.parquet")).labels["dec"]
    np.testing.assert_array_equal(model.predict([pixels])[0], found)


@pytest.mark.parametrize("method", METHODS)
def test_stopped_and_run_again_it_ends_with_the_same_bytes(
    project: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    from stages.deep.checkpoint import FileCheckpoint

    assert train(method).exit_code == 0
    expected = outputs()
    for file in expected:
        if "/images/d.parquet" not in file:
            Path(file).unlink()
    save, resumed = FileCheckpoint.save, []

    def stopping(self, state):
        save(self, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FileCheckpoint, "save", stopping)
        assert train(method, "--checkpoint-seconds", "0").exit_code != 0
    assert list(Path("data/scratch").rglob("*.safetensors"))
    load = FileCheckpoint.load
    monkeypatch.setattr(FileCheckpoint, "load", lambda self: resumed.append(state := load(self)) or state)
    assert train(method).exit_code == 0
    assert resumed[0]
    assert outputs() == expected


@pytest.mark.parametrize("method", ["dec", "jule"])
def test_of_several_seeds_every_result_is_there_and_the_last_chooses_the_network(
    project: Path, method: str
) -> None:
    from stages.training.seeds import mean_agreement, medoid

    file = Path(f"data/partitions/d/images/{method}.parquet")
    assert train(method).exit_code == 0
    plain, files = read_partitions(file).labels, outputs().keys()
    assert train(method, "--set", "seeds=3").exit_code == 0
    table = read_partitions(file)
    assert list(table.labels) == list(table.seeds) == COLUMNS[method]
    assert outputs().keys() == files
    kept = medoid(mean_agreement(table.seeds[COLUMNS[method][-1]]))
    embedding = read_vectors(Path(f"data/embeddings/d/images/{method}.parquet"), "embedding")
    assert embedding.metadata["medoid"] == kept
    for column, labels in table.labels.items():
        assert table.settings[column]["medoid"] == kept
        assert len(table.seeds[column]) == 3
        np.testing.assert_array_equal(labels, table.seeds[column][kept])
        np.testing.assert_array_equal(table.seeds[column][0], plain[column])


def test_another_seed_gives_another_network(project: Path) -> None:
    assert train("dec", "--seed", "1").exit_code == 0
    before = outputs()
    assert train("dec", "--seed", "2").exit_code == 0
    assert outputs()["data/models/d/images/dec.safetensors"] != before["data/models/d/images/dec.safetensors"]


def test_parameters_come_from_the_section_from_set_and_from_a_preset(project: Path) -> None:
    file = Path("data/partitions/d/images/dec.parquet")
    assert train("dec", "--set", "pretrain-epochs=1", "--image-size", "8").exit_code == 0
    settings = read_partitions(file).settings["dec"]
    assert (settings["pretrain_epochs"], settings["refine_epochs"], settings["image_size"]) == (1, 3, "8")
    small = [
        f"--set={name}" for name in ("layer_epochs=1", "pretrain_epochs=1", "refine_epochs=1", "network=[8,2]")
    ]
    assert train("dec", "--set", "preset=published", *small).exit_code == 0
    settings = read_partitions(file).settings["dec"]
    assert (settings["reduction"], settings["layer_noise"], settings["network"]) == ("sum", 0.2, [8, 2])


def test_a_preset_of_dec_has_the_published_network() -> None:
    from stages.training.on_images import DecOnImages

    chosen = DecOnImages.chosen_parameters(MethodName(IMAGES, "dec"), {"preset": "published"})
    assert chosen["network"] == [500, 500, 2000, 10] and chosen["scaling"] == "global"


def test_images_without_labels_have_no_score_in_the_curve(project: Path) -> None:
    write_drawings(Path("data/images/d.parquet"), labelled=False)
    assert train("dec", "--n-clusters", "2").exit_code == 0
    assert "nmi_geometric" not in Path("metrics/d/training-images-dec.csv").read_text()


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("mmdc", ["--params", "no.yaml"], "no.yaml does not exist; run this in the project's folder"),
        ("mmdc", ["--set", "preset=mine"], "image_mmdc.preset is 'mine'; give one of none, mnist, cifar10, "),
        ("mmdc", ["--set", "crops=[13]"], "crops holds 13 but images are 12 x 12 pixels; give at most 12"),
        ("iic", ["--set", "preset=mine"], "image_iic.preset is 'mine'; give one of none, mnist, cifar10, "),
        ("iic", ["--set", "centred=2"], "centred is 2; give a share from 0 to 1"),
        ("iic", ["--set", "crops=[13]"], "crops holds 13 but images are 12 x 12 pixels; give at most 12"),
        ("dac", ["--set", "preset=mine"], "image_dac.preset is 'mine'; give one of none, published, mnist"),
        ("dac", ["--set", "upper=0.3"], "upper is 0.3; give a similarity from lower, 0.455, to 1"),
        ("rotnet", ["--set", "preset=mine"], "image_rotnet.preset is 'mine'; give one of none, cifar10"),
        (
            "deepcluster",
            ["--set", "preset=mine"],
            "image_deepcluster.preset is 'mine'; give one of none, released",
        ),
        ("deepcluster", ["--set", "dimensions=0"], "dimensions is 0; give a whole number of at least 1"),
        ("nat", ["--set", "preset=mine"], "image_nat.preset is 'mine'; give one of none, released"),
        ("nat", ["--set", "permute_every=0"], "permute_every is 0; give a whole number of at least 1"),
        (
            "rotnet",
            ["--set", "decay_epochs=3"],
            "image_rotnet.decay_epochs is 3; give a list, each a whole number",
        ),
        ("dec", ["--image-size", "9999"], "image_size is '9999'; give 'auto', or a whole number from 8 to 512"),
        ("dec", ["--set", "width=3"], "image_dec has no parameter 'width'; did you mean "),
        ("dec", ["--set", "init=kmeans"], "image_dec has no parameter 'init'; did you mean "),
        (
            "dec",
            ["--set", "network=[]"],
            "image_dec.network is []; give layer widths such as [500, 500, ",
        ),
        ("dec", ["--set", "network=[9, 0]"], "image_dec.network is [9, 0]; give layer widths such as"),
        ("dec", ["--set", "network=mlp"], "image_dec.network is 'mlp'; give a list, each a whole number"),
        ("dec", ["--set", "pretrain_noise=2"], "pretrain_noise is 2; give a share from 0 to below 1"),
        ("dec", ["--set", "preset=mine"], "image_dec.preset is 'mine'; give one of none, published, released"),
        ("mmdc", ["--set", "seeds=0"], "image_mmdc.seeds is 0; give a whole number from 1 to 1000"),
        ("jule", ["--set", "preset=mine"], "image_jule.preset is 'mine'; give one of none, literal, published,"),
        ("jule", ["--set", "view_graphs=true"], "image_jule has no parameter 'view_graphs'; did you mean "),
        ("dec", ["--n-clusters", "31"], "n_clusters is 31 but data/images/d.parquet has 30 images"),
        ("dec", ["--n-clusters", "auto"], "data/partitions/d/n_clusters.txt does not exist"),
    ],
)
def test_mistakes_are_answered_in_one_line(project: Path, method: str, options: list[str], message: str) -> None:
    assert refusal(method, *options).startswith(message)
    assert not Path("data/partitions").exists()


def test_a_network_beyond_memory_is_one_line_with_its_sizes(project: Path) -> None:
    line = refusal("dec", "--set", "network=[100000000000000, 3]")
    assert line.startswith("memory does not suffice for network [100000000000000, 3] and ")
    assert line.endswith("; give smaller numbers")


@pytest.mark.parametrize("method", ["pixels", "dce"])
def test_a_name_that_is_not_a_method_is_refused_with_the_choices(method: str) -> None:
    result = train(method)
    assert result.exit_code == 2
    choices = ", ".join(f"'{name}'" for name in ["dec", "jule", *BY_EPOCHS])
    assert f"'{method}' is not one of {choices}.\n" in result.stderr


def test_two_runs_of_one_method_at_once_are_refused(project: Path) -> None:
    with locked(Path("data/scratch/train/d/images/dec.lock"), "it"):
        assert refusal("dec").startswith("another process is at work on d: images/dec")


def test_it_starts_without_torch() -> None:
    program = "import sys, stages.train_images; assert not {'torch', 'sklearn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_parameters_that_are_left_out_are_the_estimator_s(project: Path) -> None:
    """The progress bar asks for the epochs, which this section lacks; the crop ends the training before them."""
    Path("few.yaml").write_text("image_mmdc: {refine_epoch: 3, crops: [99]}\n", encoding="utf-8")
    message = refusal("mmdc", "--params", "few.yaml")
    assert message.startswith("crops holds 99 but images are 12 x 12 pixels")
